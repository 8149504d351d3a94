//! Decides when each of turmoil's messages is delivered.
//!
//! In: messages that turmoil holds, because every link is on hold; links. Out: orders to deliver.
//! Never: makes, changes or loses a message.
//! Promise: a message arrives when its link's latency (and jitter) has passed and the link is open;
//! on a cut link it waits for the heal and is then on its way anew. No message of a connection
//! overtakes another of the same way. turmoil's own ways are not enough for that: its latency is
//! the same both ways, its partition loses bytes, its hold knows no direction.
//! Start reading at [`Post::collect`], then [`Post::deliver`].

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use homeostat_sim_harness::stage::Link;
use homeostat_world::Timestamp;
use turmoil::Sim;

use crate::world::{NodeId, World};

/// What is known of the messages that turmoil holds.
#[derive(Default)]
pub(crate) struct Post {
    nodes: BTreeMap<IpAddr, NodeId>,
    /// For each of turmoil's links, in its order, the messages on it, in their order.
    links: Vec<VecDeque<Letter>>,
}

/// One message.
struct Letter {
    ends: (SocketAddr, SocketAddr),
    between: (NodeId, NodeId),
    /// When it arrives; none while its link is cut.
    due: Option<Timestamp>,
}

impl Post {
    /// Learns a node's address, and puts its links to all others on hold.
    pub(crate) fn register(&mut self, sim: &Sim<'_>, node: &str, id: NodeId) {
        let address = sim.lookup(node);
        for other in self.nodes.keys() {
            sim.hold(address, *other);
        }
        self.nodes.insert(address, id);
    }

    /// Takes up what was sent since the last time, as sent now.
    pub(crate) fn collect(&mut self, sim: &Sim<'_>, world: &World) {
        let Self { nodes, links } = self;
        sim.links(|all| {
            for (at, link) in all.enumerate() {
                if links.len() == at {
                    links.push(VecDeque::new());
                }
                let Some(known) = links.get_mut(at) else { continue };
                let before = known.len();
                for message in link.skip(before) {
                    let letter = letter(message.pair(), nodes, known, world);
                    known.push_back(letter);
                }
            }
        });
    }

    /// Has turmoil deliver in its next step what is due. False: that was nothing.
    pub(crate) fn deliver(&mut self, sim: &Sim<'_>, now: Timestamp) -> bool {
        let Self { links, .. } = self;
        let mut any = false;
        sim.links(|all| {
            for (known, mut link) in links.iter_mut().zip(all) {
                known.retain(|letter| {
                    let message = link.next();
                    let is_due = letter.due.is_some_and(|due| due <= now);
                    let same = message.as_ref().is_some_and(|it| it.pair() == letter.ends);
                    assert!(same, "turmoil holds other messages than those that were sent");
                    if is_due {
                        message.into_iter().for_each(turmoil::SentRef::deliver);
                        any = true;
                    }
                    !is_due
                });
            }
        });
        any
    }

    /// When the next message is due.
    pub(crate) fn next(&self) -> Option<Timestamp> {
        self.links.iter().flatten().filter_map(|letter| letter.due).min()
    }

    /// A link has been set. What waited before a cut one is on its way from now, and what is on its
    /// way when it is cut waits.
    pub(crate) fn relink(&mut self, between: (NodeId, NodeId), before: Link, world: &World) {
        let open = world.link(between.0, between.1).open;
        if open == before.open {
            return;
        }
        let due = open.then(|| world.now() + world.delay(between.0, between.1));
        let all = self.links.iter_mut().flatten();
        all.filter(|letter| letter.between == between).for_each(|letter| letter.due = due);
    }
}

fn letter(
    ends: (SocketAddr, SocketAddr),
    nodes: &BTreeMap<IpAddr, NodeId>,
    known: &VecDeque<Letter>,
    world: &World,
) -> Letter {
    let node = |address: SocketAddr| nodes.get(&address.ip()).copied();
    let (Some(from), Some(to)) = (node(ends.0), node(ends.1)) else {
        panic!("turmoil holds a message between hosts that nobody registered: {ends:?}")
    };
    let due = world.link(from, to).open.then(|| {
        // Nothing overtakes what went before on the same connection.
        let before = known.iter().rev().find(|letter| letter.ends == ends);
        let before = before.and_then(|letter| letter.due).unwrap_or(Timestamp::MIN);
        (world.now() + world.delay(from, to)).max(before)
    });
    Letter { ends, between: (from, to), due }
}
