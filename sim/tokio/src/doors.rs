//! The host's doors, as nodes of a Plan see them.
//!
//! In: a runtime. Out: for each node a clock, a network in which names stand for loopback ports, and
//! tasks whose panics are taken down. Start reading at [`RealDoors`].

use std::collections::BTreeMap;
use std::future::Future;
use std::io::{self, ErrorKind};
use std::panic::resume_unwind;
use std::sync::{Arc, Mutex, PoisonError};

use homeostat_host::net::TokioListener;
use homeostat_host::tasks::TokioTask;
use homeostat_host::{TokioNet, TokioTasks};
use homeostat_sim_harness::Doors;
use homeostat_sim_harness::audit::SharedAudit;
use homeostat_world::tasks::{TaskEnd, Tasks};
use homeostat_world::{Clock, Listener, Net};
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::clock::FastClock;

/// The doors of one node.
#[derive(Clone, Debug)]
pub(crate) struct RealDoors {
    node: String,
    clock: FastClock,
    net: NamedNet,
    audit: SharedAudit,
    runtime: Handle,
}

impl RealDoors {
    /// The doors of a first node, in a world of its own.
    pub(crate) fn new(node: &str, clock: FastClock, runtime: Handle) -> Self {
        let (net, audit) = (NamedNet::default(), SharedAudit::default());
        Self { node: node.to_owned(), clock, net, audit, runtime }
    }

    /// The doors of another node of the same world.
    pub(crate) fn of(&self, node: &str) -> Self {
        Self { node: node.to_owned(), ..self.clone() }
    }

    /// What panicked so far.
    pub(crate) const fn audit(&self) -> &SharedAudit {
        &self.audit
    }
}

impl Doors for RealDoors {
    type Clock = FastClock;
    type Net = NamedNet;
    type Tasks = WatchedTasks;

    fn clock(&self) -> FastClock {
        self.clock.clone()
    }

    fn net(&self) -> NamedNet {
        self.net.clone()
    }

    fn tasks(&self) -> WatchedTasks {
        let tasks = TokioTasks::new(self.runtime.clone());
        let (node, clock, audit) = (self.node.clone(), self.clock.clone(), self.audit.clone());
        WatchedTasks { node, clock, audit, tasks }
    }
}

/// TCP on the loopback interface, where `engine:80` is whatever port was free.
#[derive(Clone, Debug, Default)]
pub(crate) struct NamedNet {
    ports: Arc<Mutex<BTreeMap<String, String>>>,
}

impl Net for NamedNet {
    type Stream = TcpStream;
    type Listener = TokioListener;

    async fn listen(&self, address: &str) -> io::Result<TokioListener> {
        let listener = TokioNet.listen("127.0.0.1:0").await?;
        let mut ports = self.ports.lock().unwrap_or_else(PoisonError::into_inner);
        ports.insert(address.to_owned(), listener.address());
        drop(ports);
        Ok(listener)
    }

    async fn connect(&self, address: &str) -> io::Result<TcpStream> {
        TokioNet.connect(&self.port(address).ok_or(ErrorKind::ConnectionRefused)?).await
    }
}

impl NamedNet {
    fn port(&self, name: &str) -> Option<String> {
        self.ports.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }
}

/// tokio's tasks. A panic is taken down, and is a panic to whoever waits for the task.
#[derive(Clone, Debug)]
pub(crate) struct WatchedTasks {
    node: String,
    clock: FastClock,
    audit: SharedAudit,
    tasks: TokioTasks,
}

impl Tasks for WatchedTasks {
    type Handle = TokioTask;

    fn spawn<F>(&self, name: &str, work: F) -> TokioTask
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let clock = self.clock.clone();
        let watched = self.audit.watch(&self.node, name, move || clock.now(), work);
        self.tasks.spawn(name, async move {
            if watched.await == TaskEnd::Panicked {
                resume_unwind(Box::new("it panicked before, where it was taken down"));
            }
        })
    }

    async fn yield_now(&self) {
        self.tasks.yield_now().await;
    }
}
