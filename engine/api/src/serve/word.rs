//! The word to stop, from whoever serves to every connection.
//!
//! In: words. Out: wakes, in the order in which connections began to listen.
//! Never: chance. tokio's `watch` wakes its receivers in an order drawn from the machine's entropy, so
//! a simulated run with two connections did not repeat.
//! Promise: nobody who listens misses the last word; a speaker that goes says [`Stop::Now`].
//! Start reading at [`channel`].

use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// Whether to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Go on.
    No,
    /// After the request in flight.
    Soon,
    /// At once.
    Now,
}

/// Who says it.
#[derive(Debug)]
pub(super) struct Speaker {
    word: Arc<Word>,
}

/// Who hears it. A clone has heard what its original has heard.
#[derive(Clone, Debug)]
pub(super) struct Listener {
    word: Arc<Word>,
    heard: Stop,
}

#[derive(Debug)]
struct Word {
    last: Mutex<Stop>,
    spoken: Notify,
}

/// Both ends, before anything was said.
pub(super) fn channel() -> (Speaker, Listener) {
    let word = Arc::new(Word { last: Mutex::new(Stop::No), spoken: Notify::new() });
    (Speaker { word: Arc::clone(&word) }, Listener { word, heard: Stop::No })
}

impl Word {
    fn last(&self) -> MutexGuard<'_, Stop> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Speaker {
    pub(super) fn say(&self, stop: Stop) {
        *self.word.last() = stop;
        self.word.spoken.notify_waiters();
    }
}

impl Drop for Speaker {
    /// Whoever served is gone, and with it everybody who would read the answers.
    fn drop(&mut self) {
        self.say(Stop::Now);
    }
}

impl Listener {
    /// The next word that this one has not heard.
    pub(super) async fn hear(&mut self) -> Stop {
        loop {
            // Asked for before the word is read, so that none in between is missed.
            let mut spoken = pin!(self.word.spoken.notified());
            spoken.as_mut().enable();
            let last = *self.word.last();
            if last != self.heard {
                self.heard = last;
                return last;
            }
            spoken.await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll, Wake, Waker};

    use super::*;

    /// Notes who is woken.
    struct Note {
        name: usize,
        woken: Arc<Mutex<Vec<usize>>>,
    }

    impl Wake for Note {
        fn wake(self: Arc<Self>) {
            self.woken.lock().unwrap_or_else(PoisonError::into_inner).push(self.name);
        }
    }

    fn poll(listener: Pin<&mut impl Future<Output = Stop>>, waker: &Waker) -> Poll<Stop> {
        listener.poll(&mut Context::from_waker(waker))
    }

    #[test]
    fn connections_are_woken_in_the_order_in_which_they_listen() {
        let (speaker, listener) = channel();
        let woken = Arc::new(Mutex::new(Vec::new()));
        let mut listening = Vec::new();
        for name in 0..32 {
            let waker = Waker::from(Arc::new(Note { name, woken: Arc::clone(&woken) }));
            let mut listener = listener.clone();
            let mut heard = Box::pin(async move { listener.hear().await });
            assert_eq!(poll(heard.as_mut(), &waker), Poll::Pending);
            listening.push(heard);
        }
        speaker.say(Stop::Soon);
        let woken = woken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        assert_eq!(woken, (0..32).collect::<Vec<_>>());
        for mut heard in listening {
            assert_eq!(poll(heard.as_mut(), Waker::noop()), Poll::Ready(Stop::Soon));
        }
    }

    #[test]
    fn each_word_is_heard_once_and_a_speaker_that_goes_says_now() {
        let (speaker, mut listener) = channel();
        speaker.say(Stop::Soon);
        {
            let mut first = pin!(listener.hear());
            assert_eq!(poll(first.as_mut(), Waker::noop()), Poll::Ready(Stop::Soon));
        }
        {
            let mut second = pin!(listener.hear());
            assert_eq!(poll(second.as_mut(), Waker::noop()), Poll::Pending);
            drop(speaker);
            assert_eq!(poll(second.as_mut(), Waker::noop()), Poll::Ready(Stop::Now));
        }
        let mut third = pin!(listener.hear());
        assert_eq!(poll(third.as_mut(), Waker::noop()), Poll::Pending);
    }
}
