//! One part of a graph as layers of vertices: which layer, which order, which height.
//!
//! In: the nodes of a part, their sizes, all links. Out: vertices with layer and middle, and for
//! each link the thread of vertices that it goes through.
//! Never: recurses; a graph may be as deep as it likes.
//! Promise: vertices of a layer keep their distance. Start reading at [`Layers::of`].

use std::collections::{BTreeMap, VecDeque};

use super::layout::{Link, Size};

/// A node, or a narrow place that a long edge goes through.
#[derive(Clone, Debug)]
pub(super) struct Vertex {
    pub(super) node: Option<usize>,
    pub(super) size: Size,
    pub(super) layer: usize,
    /// The height of its middle.
    pub(super) middle: i64,
    before: Vec<usize>,
    after: Vec<usize>,
}

/// The vertices that a link goes through, its nodes included, from left to right.
#[derive(Clone, Debug)]
pub(super) struct Thread {
    pub(super) link: usize,
    pub(super) vertices: Vec<usize>,
    /// Whether the link goes from right to left.
    pub(super) turned: bool,
}

/// A part of a graph.
#[derive(Debug, Default)]
pub(super) struct Layers {
    vertices: Vec<Vertex>,
    threads: Vec<Thread>,
    /// The vertices of each layer, from top to bottom.
    rows: Vec<Vec<usize>>,
}

/// Rounds of ordering, and of moving: more of them change nothing that one sees.
const ROUNDS: usize = 16;
/// Blank space between two nodes, one above the other, and beside a thread.
const NODE_GAP: i64 = 18;
const THREAD_GAP: i64 = 10;

impl Layers {
    /// The layers of the part with these nodes.
    pub(super) fn of(nodes: &[usize], sizes: &[Size], links: &[Link]) -> Self {
        let mut layers = Self::default();
        let mut place: BTreeMap<usize, usize> = BTreeMap::new();
        for node in nodes {
            place.insert(*node, layers.vertices.len());
            let size = sizes.get(*node).copied().unwrap_or_default();
            layers.add(Some(*node), size, 0);
        }
        let own: Vec<(usize, usize, usize)> = links
            .iter()
            .enumerate()
            .filter_map(|(link, ends)| Some((link, *place.get(&ends.from)?, *place.get(&ends.to)?)))
            .filter(|(_, from, to)| from != to)
            .collect();
        let turned = layers.turned(&own);
        let forward: Vec<(usize, usize)> = (own.iter().zip(&turned))
            .map(|(&(_, from, to), turned)| if *turned { (to, from) } else { (from, to) })
            .collect();
        layers.rank(&forward);
        for ((&(link, _, _), &(from, to)), &turned) in own.iter().zip(&forward).zip(&turned) {
            layers.lead(link, from, to, turned);
        }
        layers.order();
        layers.settle();
        layers
    }

    pub(super) fn vertices(&self) -> impl Iterator<Item = &Vertex> {
        self.vertices.iter()
    }

    pub(super) fn vertex(&self, index: usize) -> Option<&Vertex> {
        self.vertices.get(index)
    }

    pub(super) fn threads(&self) -> &[Thread] {
        &self.threads
    }

    fn add(&mut self, node: Option<usize>, size: Size, layer: usize) -> usize {
        let (before, after) = (Vec::new(), Vec::new());
        self.vertices.push(Vertex { node, size, layer, middle: 0, before, after });
        self.vertices.len() - 1
    }

    /// Which links go back to a node that leads to them.
    fn turned(&self, links: &[(usize, usize, usize)]) -> Vec<bool> {
        let mut out: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
        for (index, (_, from, to)) in links.iter().enumerate() {
            out.entry(*from).or_default().push((index, *to));
        }
        let mut turned = vec![false; links.len()];
        let mut state = vec![Walk::New; self.vertices.len()];
        for root in 0..self.vertices.len() {
            let mut path = vec![(root, 0)];
            while let Some((vertex, next)) = path.pop() {
                if next == 0 {
                    if state.get(vertex) != Some(&Walk::New) {
                        continue;
                    }
                    set(&mut state, vertex, Walk::Open);
                }
                match out.get(&vertex).and_then(|out| out.get(next)) {
                    None => set(&mut state, vertex, Walk::Done),
                    Some(&(link, to)) => {
                        path.push((vertex, next + 1));
                        match state.get(to) {
                            Some(Walk::Open) => set(&mut turned, link, true),
                            Some(Walk::New) => path.push((to, 0)),
                            _ => {}
                        }
                    }
                }
            }
        }
        turned
    }

    /// Each vertex stands behind its farthest predecessor, and one without predecessors right
    /// before its nearest successor.
    fn rank(&mut self, links: &[(usize, usize)]) {
        let mut waits = vec![0_usize; self.vertices.len()];
        let mut out: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (from, to) in links {
            out.entry(*from).or_default().push(*to);
            if let Some(count) = waits.get_mut(*to) {
                *count += 1;
            }
        }
        let first: Vec<usize> =
            (0..waits.len()).filter(|vertex| waits.get(*vertex) == Some(&0)).collect();
        let mut ready: VecDeque<usize> = first.iter().copied().collect();
        while let Some(vertex) = ready.pop_front() {
            let layer = self.vertices.get(vertex).map_or(0, |vertex| vertex.layer);
            for to in out.get(&vertex).into_iter().flatten() {
                if let Some(next) = self.vertices.get_mut(*to) {
                    next.layer = next.layer.max(layer + 1);
                }
                if let Some(count) = waits.get_mut(*to) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        ready.push_back(*to);
                    }
                }
            }
        }
        for vertex in first {
            let after = out.get(&vertex).into_iter().flatten();
            let nearest = after.filter_map(|to| self.vertices.get(*to)).map(|to| to.layer).min();
            if let (Some(nearest), Some(own)) = (nearest, self.vertices.get_mut(vertex)) {
                own.layer = nearest.saturating_sub(1);
            }
        }
    }

    /// Leads a link through every layer between its ends.
    fn lead(&mut self, link: usize, from: usize, to: usize, turned: bool) {
        let layer = |layers: &Self, at: usize| layers.vertices.get(at).map_or(0, |v| v.layer);
        let mut vertices = vec![from];
        for between in layer(self, from) + 1..layer(self, to) {
            vertices.push(self.add(None, Size::default(), between));
        }
        vertices.push(to);
        for (one, next) in vertices.iter().zip(vertices.iter().skip(1)) {
            if let Some(vertex) = self.vertices.get_mut(*one) {
                vertex.after.push(*next);
            }
            if let Some(vertex) = self.vertices.get_mut(*next) {
                vertex.before.push(*one);
            }
        }
        self.threads.push(Thread { link, vertices, turned });
    }

    /// Orders every layer so that few edges cross.
    fn order(&mut self) {
        let depth = self.vertices.iter().map(|vertex| vertex.layer + 1).max().unwrap_or_default();
        self.rows = vec![Vec::new(); depth];
        for (index, vertex) in self.vertices.iter().enumerate() {
            if let Some(row) = self.rows.get_mut(vertex.layer) {
                row.push(index);
            }
        }
        let mut best = (self.crossings(), self.rows.clone());
        for round in 0..ROUNDS {
            let downwards = round % 2 == 0;
            for step in 0..depth {
                let at = if downwards { step } else { depth - 1 - step };
                self.order_row(at, downwards);
            }
            let crossings = self.crossings();
            if crossings < best.0 {
                best = (crossings, self.rows.clone());
            }
        }
        self.rows = best.1;
    }

    fn order_row(&mut self, at: usize, downwards: bool) {
        let places = self.places();
        let Some(row) = self.rows.get(at) else { return };
        let mut keyed: Vec<(i64, usize)> = (row.iter().enumerate())
            .map(|(own, index)| {
                let near = self.neighbours(*index, downwards);
                let near: Vec<i64> =
                    near.iter().filter_map(|near| places.get(*near).copied()).collect();
                let own = i64::try_from(own).unwrap_or(i64::MAX);
                (mean(&near, 1_024).unwrap_or(own.saturating_mul(1_024)), *index)
            })
            .collect();
        keyed.sort_by_key(|(key, _)| *key);
        let sorted = keyed.into_iter().map(|(_, index)| index).collect();
        if let Some(row) = self.rows.get_mut(at) {
            *row = sorted;
        }
    }

    /// The place of each vertex in its layer.
    fn places(&self) -> Vec<i64> {
        let mut places = vec![0; self.vertices.len()];
        for row in &self.rows {
            for (place, index) in (0_i64..).zip(row) {
                set(&mut places, *index, place);
            }
        }
        places
    }

    fn neighbours(&self, index: usize, before: bool) -> &[usize] {
        let vertex = self.vertices.get(index);
        vertex.map_or(&[], |vertex| if before { &vertex.before } else { &vertex.after })
    }

    fn crossings(&self) -> usize {
        let places = self.places();
        let mut crossings = 0;
        for row in &self.rows {
            // The ends of the edges so far, sorted: those beyond the next one's end cross it.
            let mut ends: Vec<i64> = Vec::new();
            for index in row {
                let mut own: Vec<i64> = (self.neighbours(*index, false).iter())
                    .filter_map(|to| places.get(*to).copied())
                    .collect();
                own.sort_unstable();
                for end in &own {
                    crossings += ends.len() - ends.partition_point(|other| other <= end);
                }
                for end in own {
                    let at = ends.partition_point(|other| *other <= end);
                    ends.insert(at, end);
                }
            }
        }
        crossings
    }

    /// Gives each vertex its height: stacked first, then drawn towards its neighbours.
    fn settle(&mut self) {
        for at in 0..self.rows.len() {
            self.settle_row(at, |_| Some(0));
        }
        for round in 0..ROUNDS {
            // The last rounds look both ways, so that neither side is bent for the other's sake.
            let both = round + 4 >= ROUNDS;
            let downwards = round % 2 == 0;
            for step in 0..self.rows.len() {
                let at = if downwards { step } else { self.rows.len() - 1 - step };
                let middles: Vec<i64> = self.vertices.iter().map(|vertex| vertex.middle).collect();
                let wanted: BTreeMap<usize, i64> = (self.rows.get(at).into_iter().flatten())
                    .filter_map(|index| {
                        let mut near = self.neighbours(*index, downwards).to_vec();
                        if both || near.is_empty() {
                            near.extend(self.neighbours(*index, !downwards));
                        }
                        let near: Vec<i64> =
                            near.iter().filter_map(|near| middles.get(*near).copied()).collect();
                        Some((*index, mean(&near, 1)?))
                    })
                    .collect();
                self.settle_row(at, |index| wanted.get(&index).copied());
            }
        }
        let top = self.vertices.iter().map(|v| v.middle - v.size.height / 2).min();
        for vertex in &mut self.vertices {
            vertex.middle -= top.unwrap_or_default();
        }
    }

    /// Moves the vertices of a row as near to where they want to be as their order and distances
    /// allow: neighbours that want to be in one another's place share the mean of their wishes.
    fn settle_row(&mut self, at: usize, wanted: impl Fn(usize) -> Option<i64>) {
        let Some(row) = self.rows.get(at) else { return };
        let mut offset = 0;
        let mut last: Option<&Vertex> = None;
        let mut groups: Vec<Group> = Vec::new();
        let mut offsets = Vec::new();
        for index in row {
            let Some(vertex) = self.vertices.get(*index) else { continue };
            offset += last.map_or(0, |last| distance(last, vertex));
            last = Some(vertex);
            offsets.push((*index, offset));
            let wish = wanted(*index).unwrap_or(vertex.middle) - offset;
            // A thread is worth more than a node: a straight edge is easier to follow.
            let weight = if vertex.node.is_some() { 1 } else { 2 };
            let mut group = Group { sum: wish * weight, weight, count: 1 };
            while let Some(before) = groups.pop_if(|before| before.at() >= group.at()) {
                group.sum += before.sum;
                group.weight += before.weight;
                group.count += before.count;
            }
            groups.push(group);
        }
        let mut offsets = offsets.into_iter();
        for group in groups {
            for (index, offset) in offsets.by_ref().take(group.count) {
                if let Some(vertex) = self.vertices.get_mut(index) {
                    vertex.middle = group.at() + offset;
                }
            }
        }
    }
}

/// How far a walk through the graph has come with a vertex.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Walk {
    New,
    Open,
    Done,
}

/// Vertices of a row that stand as close to one another as they may.
struct Group {
    sum: i64,
    weight: i64,
    count: usize,
}

impl Group {
    fn at(&self) -> i64 {
        self.sum / self.weight.max(1)
    }
}

/// How far the middles of two neighbours are apart at least.
fn distance(above: &Vertex, below: &Vertex) -> i64 {
    let threads = above.node.is_none() || below.node.is_none();
    let gap = if threads { THREAD_GAP } else { NODE_GAP };
    // Rounded up, so that heights that are not even keep their distance.
    (above.size.height + 1) / 2 + (below.size.height + 1) / 2 + gap
}

/// The mean of some numbers, times `scale` to keep what is behind the point.
fn mean(numbers: &[i64], scale: i64) -> Option<i64> {
    let count = i64::try_from(numbers.len()).ok().filter(|count| *count > 0)?;
    Some(numbers.iter().sum::<i64>().saturating_mul(scale) / count)
}

fn set<T>(list: &mut [T], index: usize, value: T) {
    if let Some(slot) = list.get_mut(index) {
        *slot = value;
    }
}
