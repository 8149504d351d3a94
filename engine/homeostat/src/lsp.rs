//! The language server: what `homeostat check` and `fmt` know, while a spec is being written.
//!
//! In: messages of the Language Server Protocol on standard input. Out: answers and diagnostics on
//! standard output.
//! Never: writes a file, the editor does; waits for a clock, a burst of changes is over when the
//! queue is empty.
//! Promise: a spec is read exactly as `homeostat check` reads its folder, with what the editor
//! holds in place of what the disk holds; no message ends the server but `exit`.
//! Start reading at [`serve`].

mod actions;
mod answers;
mod documents;
mod protocol;
mod server;
mod uri;

use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};
use std::thread;

use lsp_server::{Connection, Message, Response};

use crate::failure::Failure;
use server::{Next, Server};

/// Messages that may wait. More of them wait in the pipe.
const QUEUE_MAX: usize = 1_024;

/// How the session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The editor said `shutdown`, then `exit`.
    Orderly,
    /// The editor went away, or said `exit` alone.
    Abruptly,
}

/// Serves one editor on standard input and output.
pub(crate) fn serve() -> Result<Ended, Failure> {
    let (connection, threads) = Connection::stdio();
    let ended = session(&connection);
    // The writer ends when nobody holds its sender, the reader with the editor's end of the pipe.
    drop(connection);
    match ended {
        Ended::Orderly => threads
            .join()
            .map(|()| ended)
            .map_err(|error| Failure::new(format_args!("the editor cannot be reached: {error}"))),
        // Nobody is left to be told, and the reader may wait for ever.
        Ended::Abruptly => Ok(ended),
    }
}

fn session(connection: &Connection) -> Ended {
    let Ok((id, params)) = connection.initialize_start() else { return Ended::Abruptly };
    let sender = connection.sender.clone();
    // An editor that has gone is noticed when the next message is read.
    let send = Box::new(move |message| drop(sender.send(message)));
    let mut server = Server::new(send, &params);
    let answer = Response::new_ok(id, server::capabilities());
    if connection.sender.send(answer.into()).is_err() {
        return Ended::Abruptly;
    }
    let queue = queued(connection);
    loop {
        let message = match queue.try_recv() {
            Ok(message) => message,
            Err(TryRecvError::Empty) => {
                // Everything that was typed is known: now is the time to say what is wrong with it.
                server.settle();
                match queue.recv() {
                    Ok(message) => message,
                    Err(_) => return Ended::Abruptly,
                }
            }
            Err(TryRecvError::Disconnected) => return Ended::Abruptly,
        };
        match server.on(message) {
            Next::GoOn => {}
            Next::Exit(ended) => return ended,
        }
    }
}

/// The messages, read ahead, so that it can be told when no more of them wait.
fn queued(connection: &Connection) -> Receiver<Message> {
    let (sender, queue) = sync_channel(QUEUE_MAX);
    let messages = connection.receiver.clone();
    // Ends with the pipe, or with the session that nobody reads the queue for any more.
    thread::spawn(move || {
        for message in messages {
            if sender.send(message).is_err() {
                break;
            }
        }
    });
    queue
}
