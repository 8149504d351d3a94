//! Draws a spec's consequence graph, without any events: as a text tree, as Mermaid, as DOT, as SVG.
//!
//! In: a program. Out: text. Never: depends on a log.
//! Promise: the same program gives the same drawing. Start reading at [`text`].

mod layers;
mod layout;
mod svg;

use std::fmt::{self, Write};

use crate::explain::print::{length, strength};
use crate::program::{BlockPlan, Clause, ClauseIndex, ItemPlan, Opens, Program, at};
use crate::tree::Branch;

pub use svg::svg;

/// As a tree for a terminal.
#[must_use]
pub fn text(program: &Program) -> String {
    let mut out = String::new();
    for block in program.blocks.iter().filter(|block| !block.is_inside()) {
        if !out.is_empty() {
            out.push('\n');
        }
        written(writeln!(out, "{}", heading(block)));
        let branches = branches(program, block, &block.body);
        written(Branch::print(&branches, "", &mut out));
    }
    out
}

/// As a Mermaid flowchart.
#[must_use]
pub fn mermaid(program: &Program) -> String {
    let mut out = String::from("flowchart LR\n");
    let graph = Graph::of(program);
    for node in &graph.nodes {
        let label = node.label.replace('"', "#quot;");
        let (open, close) = match node.shape {
            Shape::Event => ("([\"", "\"])"),
            Shape::Duty => ("[\"", "\"]"),
            Shape::Guard => ("{{\"", "\"}}"),
        };
        written(writeln!(out, "  {}{open}{label}{close}", node.id));
    }
    for edge in &graph.edges {
        let arrow = if edge.dotted { "-.->" } else { "-->" };
        let label = edge.label.replace('"', "#quot;");
        let label = if label.is_empty() { label } else { format!("|\"{label}\"|") };
        written(writeln!(out, "  {} {arrow}{label} {}", edge.from, edge.to));
    }
    out
}

/// As Graphviz DOT.
#[must_use]
pub fn dot(program: &Program) -> String {
    let mut out = String::from("digraph consequences {\n  rankdir=LR;\n");
    let graph = Graph::of(program);
    for node in &graph.nodes {
        let shape = match node.shape {
            Shape::Event => "ellipse",
            Shape::Duty => "box",
            Shape::Guard => "hexagon",
        };
        written(writeln!(out, "  {} [shape={shape}, label={}];", node.id, quoted(&node.label)));
    }
    for edge in &graph.edges {
        let style = if edge.dotted { ", style=dashed" } else { "" };
        let label = quoted(&edge.label);
        written(writeln!(out, "  {} -> {} [label={label}{style}];", edge.from, edge.to));
    }
    out.push_str("}\n");
    out
}

fn branches(program: &Program, block: &BlockPlan, items: &[ItemPlan]) -> Vec<Branch> {
    let one = |item: &ItemPlan| match *item {
        ItemPlan::Duty(clause) => duty(program, ClauseIndex(clause)),
        ItemPlan::Guard(guard) => {
            let plan = at(&program.guards, guard);
            let mut below = Vec::new();
            if !plan.awaits.is_empty() {
                let slugs = plan
                    .awaits
                    .iter()
                    .map(|&place| at(&program.clauses, *at(&block.awaited, place)).slug.as_str());
                let slugs: Vec<&str> = slugs.collect();
                below.push(Branch::new(format!("decided after: {}", slugs.join(", "))));
            }
            below.extend(branches(program, block, &plan.body));
            Branch::new(format!("IF {}", plan.text)).with(below)
        }
        ItemPlan::Each(body) => {
            let plan = at(&program.blocks, body);
            Branch::new(heading(plan)).with(branches(program, plan, &plan.body))
        }
    };
    items.iter().map(one).collect()
}

/// What opens a block, as the language writes it.
pub(crate) fn heading(block: &BlockPlan) -> String {
    match &block.opens {
        Opens::Events => format!("when {}", block.triggers.join(" | ")),
        Opens::Held(held) => format!("when {} for {}", held.text, length(held.lasting)),
        Opens::Every(tick) => tick.text.clone(),
        Opens::Each(each) => each.text.clone(),
        Opens::Always(_) => "always".to_owned(),
    }
}

fn duty(program: &Program, index: ClauseIndex) -> Branch {
    let clause = program.clause(index);
    let mut below = Vec::new();
    if clause.satisfied_by.is_empty() {
        below.push(Branch::new("satisfied by: an event that names it"));
    } else {
        below.push(Branch::new(format!("satisfied by: {}", clause.satisfied_by.join(" | "))));
    }
    if !clause.requires.is_empty() {
        below.push(Branch::new(format!("requires: {}", clause.requires.join(", "))));
    }
    if let Some(fallback) = clause.fallback {
        below.push(Branch::new("FALLBACK").with([duty(program, fallback)]));
    }
    Branch::new(format!("{} {}", strength(clause.strength), clause.text))
        .tail(clause.within.map(|within| format!("within: {}", length(within))))
        .with(below)
}

#[derive(Clone, Copy)]
enum Shape {
    Event,
    Duty,
    Guard,
}

struct Node {
    id: String,
    label: String,
    shape: Shape,
}

struct Edge {
    from: String,
    to: String,
    label: String,
    dotted: bool,
}

#[derive(Default)]
struct Graph {
    nodes: Vec<Node>,
    edges: Vec<Edge>,
    /// Event types in the order of their first mention; their place is their number.
    events: Vec<String>,
}

impl Graph {
    fn of(program: &Program) -> Self {
        let mut graph = Self::default();
        let blocks = program.blocks.iter().zip(0_u32..);
        for (block, index) in blocks.filter(|(block, _)| !block.is_inside()) {
            for trigger in &block.triggers {
                let from = graph.event(trigger);
                graph.items(program, &block.body, &from, "");
            }
            if block.triggers.is_empty() {
                let id = format!("b{index}");
                graph.node(&id, heading(block), Shape::Event);
                graph.items(program, &block.body, &id, "");
            }
        }
        graph
    }

    fn event(&mut self, name: &str) -> String {
        let known = self.events.iter().position(|event| event == name);
        let place = known.unwrap_or_else(|| {
            self.events.push(name.to_owned());
            self.events.len() - 1
        });
        let id = format!("e{place}");
        self.node(&id, name.to_owned(), Shape::Event);
        id
    }

    fn node(&mut self, id: &str, label: String, shape: Shape) {
        if !self.nodes.iter().any(|node| node.id == id) {
            self.nodes.push(Node { id: id.to_owned(), label, shape });
        }
    }

    fn edge(&mut self, from: &str, to: &str, label: &str, dotted: bool) {
        let same = |edge: &Edge| edge.from == from && edge.to == to && edge.label == label;
        if !self.edges.iter().any(same) {
            let (from, to, label) = (from.to_owned(), to.to_owned(), label.to_owned());
            self.edges.push(Edge { from, to, label, dotted });
        }
    }

    fn items(&mut self, program: &Program, items: &[ItemPlan], from: &str, label: &str) {
        for item in items {
            match *item {
                ItemPlan::Duty(clause) => self.duty(program, clause, from, label),
                ItemPlan::Guard(guard) => {
                    let plan = at(&program.guards, guard);
                    let id = format!("g{guard}");
                    self.node(&id, plan.text.clone(), Shape::Guard);
                    self.edge(from, &id, label, false);
                    self.items(program, &plan.body, &id, "true");
                }
                ItemPlan::Each(body) => {
                    let plan = at(&program.blocks, body);
                    let id = format!("b{body}");
                    self.node(&id, heading(plan), Shape::Guard);
                    self.edge(from, &id, label, false);
                    self.items(program, &plan.body, &id, "each");
                }
            }
        }
    }

    fn duty(&mut self, program: &Program, index: u32, from: &str, label: &str) {
        let clause = at(&program.clauses, index);
        let id = format!("c{index}");
        self.node(&id, duty_label(clause), Shape::Duty);
        self.edge(from, &id, label, false);
        for name in &clause.satisfied_by {
            let event = self.event(name);
            self.edge(&id, &event, "satisfied by", true);
        }
        if let Some(fallback) = clause.fallback {
            self.duty(program, fallback.0, &id, "due passes");
        }
    }
}

fn duty_label(clause: &Clause) -> String {
    let within = clause.within.map(|within| format!(" within {}", length(within)));
    format!("{} {}{}", strength(clause.strength), clause.text, within.unwrap_or_default())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Writing to a `String` does not fail.
fn written(result: fmt::Result) {
    assert!(result.is_ok(), "memory can be written to");
}
