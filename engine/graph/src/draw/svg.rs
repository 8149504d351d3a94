//! The consequence graph as a picture: SVG that any browser shows, without a program to lay it out.
//!
//! In: the drawing's nodes and edges. Out: one SVG document, with its own styles, for light and dark.
//! Never: needs a font of its own; widths are those of any monospaced one.
//! Promise: the same program gives the same picture, and no label leaves its box.
//! Start reading at [`svg`].

use std::fmt::Write;

use super::layout::{Layout, Link, Place, Size, layered};
use super::{Edge, Graph, Node, Shape, written};
use crate::program::Program;

/// A character is this wide, a line this high, at twelve pixels.
const CHARACTER: i64 = 7;
const LINE: i64 = 16;
/// Blank space around the label in its box, and around the whole.
const INSIDE: i64 = 12;
const MARGIN: i64 = 24;
/// Longer labels go on in another line.
const LABEL_CHARACTERS: usize = 36;
/// Room for the legend.
const LEGEND: i64 = 40;

const STYLE: &str = "\
svg{--paper:#fff;--ink:#1f2328;--edge:#6e7781;--event:#ddf4ff;--event-line:#0969da;\
--duty:#fff8c5;--duty-line:#9a6700;--guard:#fbefff;--guard-line:#8250df}\
@media(prefers-color-scheme:dark){svg{--paper:#0d1117;--ink:#e6edf3;--edge:#8b949e;\
--event:#0c2d6b;--event-line:#58a6ff;--duty:#3b2300;--duty-line:#d29922;--guard:#2f1e4d;\
--guard-line:#bc8cff}}";

/// As a picture.
#[must_use]
pub fn svg(program: &Program) -> String {
    let graph = Graph::of(program);
    let labels: Vec<Vec<String>> = graph.nodes.iter().map(|node| wrapped(&node.label)).collect();
    let sizes: Vec<Size> = graph.nodes.iter().zip(&labels).map(|(n, l)| size(n, l)).collect();
    let shared = shared_label(&graph);
    let links: Vec<Link> = graph.edges.iter().map(|edge| link(&graph, edge, shared)).collect();
    let layout = layered(&sizes, &links);
    let mut out = String::new();
    opening(&mut out, &layout);
    for (edge, route) in graph.edges.iter().zip(&layout.routes) {
        line(&mut out, edge, route, shared);
    }
    for ((node, lines), place) in graph.nodes.iter().zip(&labels).zip(&layout.places) {
        shape(&mut out, node, lines, *place);
    }
    legend(&mut out, &graph, shared, layout.size.height + MARGIN);
    out.push_str("</g>\n</svg>\n");
    out
}

/// What stands at every dotted edge is said once, in the legend.
fn shared_label(graph: &Graph) -> Option<&str> {
    let mut dotted = graph.edges.iter().filter(|edge| edge.dotted).map(|edge| edge.label.as_str());
    let first = dotted.next()?;
    dotted.all(|label| label == first).then_some(first)
}

fn shown<'a>(edge: &'a Edge, shared: Option<&str>) -> &'a str {
    if edge.dotted && shared == Some(edge.label.as_str()) { "" } else { &edge.label }
}

fn link(graph: &Graph, edge: &Edge, shared: Option<&str>) -> Link {
    // An edge to no node has no place in the picture.
    let nowhere = graph.nodes.len();
    let place = |id: &str| graph.nodes.iter().position(|node| node.id == id).unwrap_or(nowhere);
    Link { from: place(&edge.from), to: place(&edge.to), label: width(shown(edge, shared)) }
}

fn width(text: &str) -> i64 {
    i64::try_from(text.chars().count()).unwrap_or(i64::MAX).saturating_mul(CHARACTER)
}

fn size(node: &Node, lines: &[String]) -> Size {
    let widest = lines.iter().map(|line| width(line)).max().unwrap_or_default();
    let count = i64::try_from(lines.len()).unwrap_or(1);
    let slant = match node.shape {
        Shape::Duty => 0,
        // Round and pointed sides take more room.
        _ => INSIDE,
    };
    Size { width: widest + 2 * (INSIDE + slant), height: count * LINE + INSIDE }
}

/// A label in lines, broken where it may be: behind a blank, a comma, a bracket or a dot.
fn wrapped(label: &str) -> Vec<String> {
    let mut lines = vec![String::new()];
    for piece in pieces(label) {
        let length = |text: &str| text.chars().count();
        let full = lines.last().is_some_and(|line| {
            !line.is_empty() && length(line) + length(piece.trim_end()) > LABEL_CHARACTERS
        });
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            line.push_str(piece);
        }
    }
    lines.iter().map(|line| line.trim_end().to_owned()).collect()
}

/// The pieces that a label may be broken into, each with what ends it.
fn pieces(label: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = label;
    while !rest.is_empty() {
        let mut length = 0;
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            length += 1;
            if matches!(c, ' ' | ',' | '(' | '.' | '|') || length >= LABEL_CHARACTERS {
                end = at + c.len_utf8();
                break;
            }
        }
        // A blank behind the comma belongs to it.
        while rest.get(end..).is_some_and(|after| after.starts_with(' ')) {
            end += 1;
        }
        let (piece, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        found.push(piece);
        rest = after;
    }
    found
}

fn opening(out: &mut String, layout: &Layout) {
    let width = (layout.size.width + 2 * MARGIN).max(480);
    let height = layout.size.height + 2 * MARGIN + LEGEND;
    written(writeln!(
        out,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" \
         viewBox=\"0 0 {width} {height}\" role=\"img\">\n\
         <title>What should follow from what</title>\n<style>{STYLE}</style>\n<defs>\
         <marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"8\" refY=\"4\" markerWidth=\"8\" \
         markerHeight=\"8\" orient=\"auto-start-reverse\"><path d=\"M0 0 8 4 0 8z\" {}/></marker>\
         </defs>\n<rect width=\"100%\" height=\"100%\" {}/>\n\
         <g transform=\"translate({MARGIN} {MARGIN})\" font-family=\"ui-monospace, Menlo, Consolas, \
         'DejaVu Sans Mono', monospace\" font-size=\"12\">",
        fill("edge", "#6e7781"),
        fill("paper", "#fff"),
    ));
}

/// A colour by name, with the plain one before it for programs that know no variables.
fn fill(name: &str, plain: &str) -> String {
    format!("fill=\"{plain}\" style=\"fill:var(--{name},{plain})\"")
}

fn line(out: &mut String, edge: &Edge, route: &[(i64, i64)], shared: Option<&str>) {
    let (Some(&(x, y)), Some(&(end_x, end_y))) = (route.first(), route.last()) else { return };
    let mut path = format!("M{x} {y}");
    let points = route.iter().zip(route.iter().skip(1)).enumerate();
    for (index, (&(x, y), &(to_x, to_y))) in points {
        // Through a narrow place straight on, between two layers in a curve.
        if index % 2 == 1 {
            written(write!(path, " L{to_x} {to_y}"));
        } else {
            let middle = i64::midpoint(x, to_x);
            written(write!(path, " C{middle} {y} {middle} {to_y} {to_x} {to_y}"));
        }
    }
    let dashes = if edge.dotted { " stroke-dasharray=\"5 4\"" } else { "" };
    written(writeln!(
        out,
        "<path d=\"{path}\" fill=\"none\" stroke=\"#6e7781\" style=\"stroke:var(--edge,#6e7781)\"\
         {dashes} marker-end=\"url(#tip)\"/>"
    ));
    let label = shown(edge, shared);
    if !label.is_empty() {
        let back = end_x < x;
        let (at, anchor) = if back { (end_x + 12, "start") } else { (end_x - 12, "end") };
        let y = end_y - 5;
        written(writeln!(
            out,
            "<text x=\"{at}\" y=\"{y}\" text-anchor=\"{anchor}\" font-size=\"11\" fill=\"#57606a\" \
             stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\" \
             style=\"fill:var(--edge,#57606a);stroke:var(--paper,#fff)\">{}</text>",
            escaped(label)
        ));
    }
}

/// How a kind of node looks: the names of its colours and what they are where variables are not
/// known.
fn look(shape: Shape) -> (&'static str, &'static str, &'static str) {
    match shape {
        Shape::Event => ("event", "#ddf4ff", "#0969da"),
        Shape::Duty => ("duty", "#fff8c5", "#9a6700"),
        Shape::Guard => ("guard", "#fbefff", "#8250df"),
    }
}

fn shape(out: &mut String, node: &Node, lines: &[String], place: Place) {
    outline(out, node.shape, place);
    let x = place.x + place.size.width / 2;
    let count = i64::try_from(lines.len()).unwrap_or(1);
    let first = place.middle() - (count - 1) * LINE / 2 + 4;
    written(write!(out, "<text text-anchor=\"middle\" {}>", fill("ink", "#1f2328")));
    for (index, line) in (0_i64..).zip(lines) {
        let y = first + index * LINE;
        written(write!(out, "<tspan x=\"{x}\" y=\"{y}\">{}</tspan>", escaped(line)));
    }
    out.push_str("</text>\n");
}

fn outline(out: &mut String, shape: Shape, place: Place) {
    let (name, inside, border) = look(shape);
    let paint = format!(
        "fill=\"{inside}\" stroke=\"{border}\" style=\"fill:var(--{name},{inside});\
         stroke:var(--{name}-line,{border})\""
    );
    let Place { x, y, size: Size { width, height } } = place;
    let drawn = match shape {
        Shape::Guard => {
            let (right, bottom, middle) = (place.right(), place.bottom(), place.middle());
            let (in_left, in_right) = (x + INSIDE, right - INSIDE);
            write!(
                out,
                "<path d=\"M{x} {middle} {in_left} {y} {in_right} {y} {right} {middle} {in_right} \
                 {bottom} {in_left} {bottom}z\" {paint}/>"
            )
        }
        other => {
            let corner = if matches!(other, Shape::Event) { height / 2 } else { 4 };
            write!(
                out,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"{corner}\" \
                 {paint}/>"
            )
        }
    };
    written(drawn);
}

fn legend(out: &mut String, graph: &Graph, shared: Option<&str>, y: i64) {
    let mut x = 0;
    let kinds = [(Shape::Event, "event"), (Shape::Duty, "duty"), (Shape::Guard, "condition")];
    for (shape, words) in kinds {
        let there = graph.nodes.iter().any(|node| look(node.shape).0 == look(shape).0);
        if there {
            outline(out, shape, Place { x, y, size: Size { width: 26, height: 16 } });
            x = word(out, x + 34, y, words);
        }
    }
    if let Some(label) = shared {
        let (middle, end) = (y + 8, x + 34);
        written(write!(
            out,
            "<path d=\"M{x} {middle} {end} {middle}\" stroke=\"#6e7781\" \
             style=\"stroke:var(--edge,#6e7781)\" stroke-dasharray=\"5 4\" \
             marker-end=\"url(#tip)\"/>"
        ));
        word(out, end + 8, y, label);
    }
    out.push('\n');
}

/// Writes a word of the legend; answers where the next entry begins.
fn word(out: &mut String, x: i64, y: i64, text: &str) -> i64 {
    let base = y + 12;
    let text_fill = fill("ink", "#1f2328");
    written(write!(out, "<text x=\"{x}\" y=\"{base}\" {text_fill}>{}</text>", escaped(text)));
    x + width(text) + 24
}

fn escaped(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            // XML has no way to write other control characters.
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_label_is_broken_where_a_reader_would() {
        assert_eq!(
            wrapped("MUST alert_rep(customer: interaction.customer, reason: churn_risk) within 1m"),
            ["MUST alert_rep(customer:", "interaction.customer, reason:", "churn_risk) within 1m"]
        );
        let long = "x".repeat(100);
        assert!(wrapped(&long).iter().all(|line| line.len() <= LABEL_CHARACTERS));
        assert_eq!(wrapped(&long).concat(), long);
        assert_eq!(wrapped(""), [""]);
    }

    #[test]
    fn markup_in_a_name_stays_text() {
        assert_eq!(escaped("a < \"b\" & c\u{1}"), "a &lt; &quot;b&quot; &amp; c ");
    }
}
