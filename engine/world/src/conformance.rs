//! The contracts of the clock, task and network doors, as checks that every world runs: the real
//! one and each simulated one. The store's is in `store::contract`.
//!
//! In: doors of one place. Out: nothing, or a panic that says what a door did otherwise than it
//! promises. Never: asserts how long something took, only what must not come before what.
//! Start reading at [`clock_keeps_the_contract`].

use std::future::{Future, pending, poll_fn};
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::clock::Clock;
use crate::net::{Listener, Net};
use crate::tasks::{TaskEnd, TaskHandle, Tasks};
use crate::time::Duration;

/// Checks that time does not go backwards, and that waits end when they may.
///
/// # Panics
/// When the clock breaks the contract.
pub async fn clock_keeps_the_contract<C: Clock>(clock: &C) {
    let mut last = clock.now();
    for micros in [-1_000_000, 0, 1, 999, 1_000, 1_001, 20_000] {
        let at = last + Duration::from_micros(micros);
        clock.sleep_until(at).await;
        let now = clock.now();
        assert!(now >= at, "a wait until {at} ended at {now}");
        assert!(now >= last, "{now} came after {last}");
        assert!(clock.clone().now() >= now, "a clone of the clock is behind it");
        last = now;
    }
    // One that is dropped, begun or not, is in nobody's way.
    let far = last + Duration::from_secs(3_600);
    drop(clock.sleep_until(far));
    {
        let mut begun = pin!(clock.sleep_until(far));
        let poll = poll_fn(|context| Poll::Ready(begun.as_mut().poll(context))).await;
        assert!(poll.is_pending(), "an hour passed at once");
    }
    let at = clock.now() + Duration::from_millis(1);
    clock.sleep_until(at).await;
    assert!(clock.now() < far, "a wait that was given up has been waited for");
}

/// Checks how tasks begin, let each other run, and end.
///
/// # Panics
/// When the tasks break the contract.
pub async fn tasks_keep_the_contract<T: Tasks>(tasks: &T) {
    assert_eq!(tasks.spawn("short", async {}).join().await, TaskEnd::Done);

    let held = Arc::new(AtomicUsize::new(0));
    let inside = Arc::clone(&held);
    let stuck = tasks.spawn("stuck", async move {
        inside.fetch_add(1, Ordering::SeqCst);
        pending::<()>().await;
        inside.fetch_add(1, Ordering::SeqCst);
    });
    while held.load(Ordering::SeqCst) == 0 {
        tasks.yield_now().await;
    }
    stuck.cancel();
    assert_eq!(stuck.join().await, TaskEnd::Cancelled);
    assert_eq!(held.load(Ordering::SeqCst), 1, "a cancelled task went on");
    assert_eq!(Arc::strong_count(&held), 1, "a cancelled task still holds what it had");

    // Not `panic!`, which would print what looks like a failure.
    let broken = tasks.spawn("broken", async { std::panic::resume_unwind(Box::new("planted")) });
    assert_eq!(broken.join().await, TaskEnd::Panicked);

    let inside = Arc::clone(&held);
    drop(tasks.spawn("unwatched", async move {
        inside.fetch_add(10, Ordering::SeqCst);
    }));
    while held.load(Ordering::SeqCst) != 11 {
        tasks.yield_now().await;
    }

    let late = tasks.spawn("late", async {});
    while Arc::strong_count(&held) > 1 {
        tasks.yield_now().await;
    }
    let end = late.join().await;
    assert_eq!(end, TaskEnd::Done, "an end is told also to who asks late");
}

/// Checks listening, connecting, bytes both ways, half-closed and dropped streams, back-pressure.
/// `any_port` is an address of this place with port 0.
///
/// # Errors
/// When the network reports one; it has no reason to.
///
/// # Panics
/// When the network breaks the contract.
pub async fn net_keeps_the_contract<N: Net, T: Tasks>(
    net: &N,
    tasks: &T,
    any_port: &str,
) -> io::Result<()> {
    let listener = net.listen(any_port).await?;
    let address = listener.address();
    assert!(!address.ends_with(":0"), "`{address}` does not tell the chosen port");
    let taken = net.listen(&address).await.err().map(|error| error.kind());
    assert_eq!(taken, Some(io::ErrorKind::AddrInUse));

    let host = tasks.spawn("host", host(listener));
    both_ways(net, &address).await?;
    let flood = pushed_back(net, &address).await?;
    dropped(net, &address).await?;
    assert!(flood > 0);
    assert_eq!(host.join().await, TaskEnd::Done, "the listening side saw something else");

    // The listener went with its task.
    let refused = net.connect(&address).await.err().map(|error| error.kind());
    assert_eq!(refused, Some(io::ErrorKind::ConnectionRefused));
    Ok(())
}

/// The other side of the three connections, in their order.
async fn host<L: Listener>(mut listener: L) {
    // Bytes both ways, the caller's half closed first.
    let stream = accepted(&mut listener).await;
    let Some(mut stream) = stream else { return broken("not accepted") };
    let heard = read_to_end(&mut stream).await;
    assert_eq!(heard.ok().as_deref(), Some(&pattern(100_000)[..]));
    assert!(write_all(&mut stream, &pattern(50_000)).await.is_ok(), "the open half is open");
    drop(stream);

    // A flood, read only when the caller has found no more room.
    let Some(mut stream) = accepted(&mut listener).await else { return broken("not accepted") };
    let heard = read_to_end(&mut stream).await;
    let count = heard.map(|bytes| bytes.len() as u64).unwrap_or_default();
    assert!(write_all(&mut stream, &count.to_be_bytes()).await.is_ok(), "nobody hears the count");
    drop(stream);

    // A caller that goes.
    let Some(mut stream) = accepted(&mut listener).await else { return broken("not accepted") };
    match read_to_end(&mut stream).await {
        Ok(heard) => assert_eq!(heard, b"bye"),
        Err(error) => assert_eq!(error.kind(), io::ErrorKind::ConnectionReset),
    }
}

async fn accepted<L: Listener>(listener: &mut L) -> Option<L::Stream> {
    let (stream, from) = listener.accept().await.ok()?;
    assert!(!from.is_empty(), "a stream is from somebody");
    Some(stream)
}

fn broken(what: &str) {
    assert!(what.is_empty(), "{what}");
}

async fn both_ways<N: Net>(net: &N, address: &str) -> io::Result<()> {
    let mut stream = net.connect(address).await?;
    write_all(&mut stream, &pattern(100_000)).await?;
    poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await?;
    assert!(read_to_end(&mut stream).await? == pattern(50_000), "other bytes than were written");
    Ok(())
}

/// Writes until there is no room, and checks that all of it arrives. How much that was.
async fn pushed_back<N: Net>(net: &N, address: &str) -> io::Result<u64> {
    let mut stream = net.connect(address).await?;
    let written = flood(&mut stream)?;
    assert!(written < FLOOD_MAX, "{written} bytes that nobody read, and the writer never waited");
    poll_fn(|context| Pin::new(&mut stream).poll_shutdown(context)).await?;
    let count = read_to_end(&mut stream).await?;
    assert_eq!(count, written.to_be_bytes(), "{written} bytes were written");
    Ok(written)
}

/// Writes until the first time that it would have to wait, which is all that is looked for.
fn flood<S: AsyncWrite + Unpin>(stream: &mut S) -> io::Result<u64> {
    let (mut written, part) = (0_u64, pattern(8_192));
    let mut context = Context::from_waker(Waker::noop());
    while written < FLOOD_MAX {
        match Pin::new(&mut *stream).poll_write(&mut context, &part) {
            Poll::Ready(some) => written += some? as u64,
            Poll::Pending => break,
        }
    }
    Ok(written)
}

async fn dropped<N: Net>(net: &N, address: &str) -> io::Result<()> {
    let mut stream = net.connect(address).await?;
    write_all(&mut stream, b"bye").await
}

/// More than any network holds for a reader that does not read.
const FLOOD_MAX: u64 = 256 << 20;

fn pattern(length: u32) -> Vec<u8> {
    // A prime, so that parts of it that change places are noticed.
    (0..length).map(|n| u8::try_from(n % 251).unwrap_or_default()).collect()
}

async fn write_all<S: AsyncWrite + Unpin>(stream: &mut S, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let some = poll_fn(|context| Pin::new(&mut *stream).poll_write(context, bytes)).await?;
        assert!(some > 0, "a write of something wrote nothing");
        bytes = bytes.get(some..).unwrap_or_default();
    }
    poll_fn(|context| Pin::new(&mut *stream).poll_flush(context)).await
}

async fn read_to_end<S: AsyncRead + Unpin>(stream: &mut S) -> io::Result<Vec<u8>> {
    let mut heard = Vec::new();
    let mut part = vec![0; 4_096];
    loop {
        let mut buffer = ReadBuf::new(&mut part);
        poll_fn(|context| Pin::new(&mut *stream).poll_read(context, &mut buffer)).await?;
        if buffer.filled().is_empty() {
            return Ok(heard);
        }
        heard.extend_from_slice(buffer.filled());
    }
}
