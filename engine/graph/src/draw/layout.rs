//! Places the nodes of any graph in layers, from left to right, and leads its edges between them.
//!
//! In: the sizes of the nodes, and the edges by the nodes' numbers. Out: a rectangle for each node
//! and a route for each edge, in whole pixels.
//! Never: knows what a node means. Promise: the same graph gives the same places; nodes do not
//! overlap; each part that hangs together stands by itself. Start reading at [`layered`].
//!
//! The way is the usual one (Sugiyama): turn the edges that close a circle, give each node the
//! layer behind its farthest predecessor, lead long edges through a thread of narrow vertices,
//! order each layer by the middle of its neighbours, then move each vertex towards them.

use std::collections::BTreeMap;

use super::layers::Layers;

/// What a node needs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) width: i64,
    pub(super) height: i64,
}

/// Where a node stands: its left upper corner and its size.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) x: i64,
    pub(super) y: i64,
    pub(super) size: Size,
}

impl Place {
    pub(super) const fn middle(self) -> i64 {
        self.y + self.size.height / 2
    }

    pub(super) const fn right(self) -> i64 {
        self.x + self.size.width
    }

    pub(super) const fn bottom(self) -> i64 {
        self.y + self.size.height
    }
}

/// An edge from one node to another, by their numbers, and how wide its label is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) label: i64,
}

/// The points that an edge goes through, from its node to the other.
pub(super) type Route = Vec<(i64, i64)>;

/// A graph with places.
#[derive(Debug, Default)]
pub(super) struct Layout {
    pub(super) places: Vec<Place>,
    pub(super) routes: Vec<Route>,
    pub(super) size: Size,
}

/// Blank space between two layers at least, beside the room for labels.
const LAYER_GAP: i64 = 56;
/// Blank space between two parts that do not hang together.
const PART_GAP: i64 = 36;

/// Places a graph.
pub(super) fn layered(sizes: &[Size], links: &[Link]) -> Layout {
    let mut layout = Layout {
        places: vec![Place::default(); sizes.len()],
        routes: vec![Route::new(); links.len()],
        size: Size::default(),
    };
    for part in parts(sizes.len(), links) {
        let layers = Layers::of(&part, sizes, links);
        let columns = columns(&layers, links);
        let top = match layout.size.height {
            0 => 0,
            height => height + PART_GAP,
        };
        for vertex in layers.vertices() {
            let x = columns.get(&vertex.layer).map_or(0, |column| column.left);
            let y = top + vertex.middle - vertex.size.height / 2;
            let place = Place { x, y, size: vertex.size };
            layout.size.height = layout.size.height.max(place.bottom());
            layout.size.width = layout.size.width.max(place.right());
            if let Some(slot) = vertex.node.and_then(|node| layout.places.get_mut(node)) {
                *slot = place;
            }
        }
        for thread in layers.threads() {
            let mut route = route(&layers, &thread.vertices, &columns, top);
            if thread.turned {
                route.reverse();
            }
            if let Some(slot) = layout.routes.get_mut(thread.link) {
                *slot = route;
            }
        }
    }
    layout
}

/// The nodes of each part that hangs together, in the order of their numbers.
fn parts(nodes: usize, links: &[Link]) -> Vec<Vec<usize>> {
    let mut part_of: Vec<usize> = (0..nodes).collect();
    // Bounded: each round lowers a number or is the last.
    loop {
        let mut quiet = true;
        for link in links {
            let ends = (part_of.get(link.from).copied(), part_of.get(link.to).copied());
            let (Some(one), Some(other)) = ends else { continue };
            let least = one.min(other);
            for end in [link.from, link.to] {
                if let Some(slot) = part_of.get_mut(end)
                    && *slot != least
                {
                    *slot = least;
                    quiet = false;
                }
            }
        }
        if quiet {
            break;
        }
    }
    let mut parts: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (node, part) in part_of.into_iter().enumerate() {
        parts.entry(part).or_default().push(node);
    }
    parts.into_values().collect()
}

/// One layer's place from left to right.
struct Column {
    left: i64,
    right: i64,
}

fn columns(layers: &Layers, links: &[Link]) -> BTreeMap<usize, Column> {
    let mut widths: BTreeMap<usize, i64> = BTreeMap::new();
    let mut gaps: BTreeMap<usize, i64> = BTreeMap::new();
    for vertex in layers.vertices() {
        let width = widths.entry(vertex.layer).or_default();
        *width = (*width).max(vertex.size.width);
    }
    // A label stands at the end of its edge, so before the layer of the edge's last vertex.
    for thread in layers.threads() {
        let label = links.get(thread.link).map_or(0, |link| link.label);
        let end = if thread.turned { thread.vertices.first() } else { thread.vertices.last() };
        let layer = end.and_then(|vertex| layers.vertex(*vertex)).map_or(0, |vertex| vertex.layer);
        let layer = if thread.turned { layer + 1 } else { layer };
        let gap = gaps.entry(layer).or_default();
        *gap = (*gap).max(label);
    }
    let mut columns = BTreeMap::new();
    let mut x = 0;
    for (layer, width) in widths {
        if layer > 0 {
            x += LAYER_GAP + gaps.get(&layer).copied().unwrap_or_default();
        }
        columns.insert(layer, Column { left: x, right: x + width });
        x += width;
    }
    columns
}

/// From the right side of the first vertex through the narrow ones to the left side of the last.
fn route(layers: &Layers, thread: &[usize], columns: &BTreeMap<usize, Column>, top: i64) -> Route {
    let mut route = Route::new();
    let last = thread.len().saturating_sub(1);
    for (index, vertex) in thread.iter().enumerate() {
        let Some(vertex) = layers.vertex(*vertex) else { continue };
        let Some(column) = columns.get(&vertex.layer) else { continue };
        let y = top + vertex.middle;
        match index {
            0 => route.push((column.left + vertex.size.width, y)),
            _ if index == last => route.push((column.left, y)),
            _ => route.extend([(column.left, y), (column.right, y)]),
        }
    }
    route
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "a test says what it expects")]
mod tests {
    use super::*;

    fn laid(nodes: usize, links: &[(usize, usize)]) -> Layout {
        let sizes = vec![Size { width: 100, height: 20 }; nodes];
        let links: Vec<Link> =
            links.iter().map(|&(from, to)| Link { from, to, label: 0 }).collect();
        layered(&sizes, &links)
    }

    fn overlap(one: Place, other: Place) -> bool {
        one.x < other.right()
            && other.x < one.right()
            && one.y < other.bottom()
            && other.y < one.bottom()
    }

    #[test]
    fn what_follows_stands_to_the_right_and_nothing_overlaps() {
        let links = [(0, 1), (0, 2), (0, 3), (1, 4), (2, 4), (3, 5), (4, 5), (0, 5), (6, 7)];
        let layout = laid(8, &links);
        for (from, to) in links {
            let (from, to) = (layout.places[from], layout.places[to]);
            assert!(from.right() < to.x, "{from:?} {to:?}");
        }
        for (index, one) in layout.places.iter().enumerate() {
            assert!(layout.places.iter().skip(index + 1).all(|other| !overlap(*one, *other)));
        }
        // The part of its own stands below all others.
        let above = layout.places[..6].iter().map(|place| place.bottom()).max();
        assert!(Some(layout.places[6].y) > above);
    }

    #[test]
    fn a_circle_is_drawn_with_one_edge_that_goes_back() {
        let layout = laid(3, &[(0, 1), (1, 2), (2, 0), (1, 1)]);
        let back = |route: &&Route| route.first() > route.last();
        assert_eq!(layout.routes.iter().filter(back).count(), 1, "{:?}", layout.routes);
        assert!(layout.routes[3].is_empty(), "an edge to its own node has no route");
    }

    #[test]
    fn every_route_ends_at_its_nodes() {
        let links = [(0, 1), (1, 2), (2, 3), (0, 3), (3, 1), (0, 2)];
        let layout = laid(4, &links);
        for ((from, to), route) in links.iter().zip(&layout.routes) {
            let (from, to) = (layout.places[*from], layout.places[*to]);
            let ends = (route[0].1, route[route.len() - 1].1);
            assert_eq!(ends, (from.middle(), to.middle()));
        }
    }

    #[test]
    fn a_fan_crosses_nothing_and_nothing_at_all_is_a_graph_too() {
        let layout = laid(4, &[(0, 3), (0, 2), (0, 1)]);
        let ys: Vec<i64> = layout.places.iter().map(|place| place.y).collect();
        assert_eq!(layout.places[0].middle(), layout.places[2].middle(), "{ys:?}");
        assert_eq!(laid(0, &[]).size, Size::default());
    }
}
