//! What follows from events: blocks, duties, fallbacks, groups, guards and their conditions.
//!
//! In: dice. Out: lines. Never: deeper than three guards, so that a text stays one to read.
//! Start reading at [`Writer::when`].

use super::Writer;

/// What satisfies duties triggers few of them: a circle of duties without a deadline is an error.
const TRIGGERS: [&str; 8] = [
    "order.created",
    "customer.changed",
    "order.created",
    "customer.renamed",
    "order_logged",
    "order.moved",
    "score.updated",
    "done",
];
const LENGTHS: [&str; 6] = ["1s", "2s", "3s", "5s", "1s 500ms", "1mo"];
/// How deep guards and groups stand in one another.
const DEPTH_MAX: usize = 3;

impl Writer<'_, '_> {
    pub(super) fn when(&mut self) {
        let mut head = format!("when {}", self.dice.one(&TRIGGERS));
        if self.dice.chance(20) {
            head += &format!(" | {}", self.dice.one(&TRIGGERS));
        }
        self.block(&head, |writer| writer.body(0));
    }

    pub(super) fn body(&mut self, depth: usize) {
        for _ in 0..=self.dice.below(3) {
            match self.dice.below(10) {
                0..=5 => self.duty(),
                6 if depth < DEPTH_MAX => {
                    let head = format!("within: {}", self.dice.one(&LENGTHS));
                    self.block(&head, |writer| writer.body(depth + 1));
                }
                7.. if depth < DEPTH_MAX => {
                    let mut head = format!("if {}", self.condition(0));
                    if self.dice.chance(8) {
                        head += " using inferred";
                    }
                    self.block(&head, |writer| writer.body(depth + 1));
                }
                _ => self.duty(),
            }
        }
    }

    fn duty(&mut self) {
        let each = if self.dice.chance(15) { "each " } else { "" };
        let strength = self.dice.one(&["must", "must", "must", "should", "could"]);
        let label = if self.dice.chance(25) { self.label() } else { String::new() };
        let call = self.call();
        let inferred = if self.dice.chance(12) { " using inferred" } else { "" };
        self.line(&format!("{each}{strength}{label}: {call}{inferred}"));
        if !self.dice.chance(65) {
            return;
        }
        self.indent += 1;
        self.within();
        for _ in 0..2 {
            if !self.dice.chance(35) {
                break;
            }
            let call = self.call();
            self.line(&format!("fallback: {call}"));
            if !self.dice.chance(60) {
                break;
            }
            self.within();
        }
        self.indent -= 1;
    }

    fn within(&mut self) {
        let length = self.dice.one(&LENGTHS);
        self.line(&format!("within: {length}"));
    }

    /// A name that nothing else has.
    pub(super) fn label(&mut self) -> String {
        self.labels += 1;
        format!(" l{}", self.labels)
    }

    fn call(&mut self) -> String {
        let customer = self.dice.one(&["customer", "order.customer"]);
        let requires =
            self.dice.one(&["", "", "", ", requires: access", ", requires: access AND consent"]);
        match self.dice.below(9) {
            0 | 1 => format!("notify(order{requires})"),
            2 => format!("notify(order, urgency: {})", self.dice.one(&["high", "3", "true", "5s"])),
            3 | 4 => format!("call(order, who: {customer}{requires})"),
            5 => format!("rate({customer}{requires})"),
            6 => {
                let note = self.dice.one(&["order.note", "\"n1\"", "n1", "order.customer.vip"]);
                format!("file(order, note: {note})")
            }
            7 => {
                let inferred = ["await_word", "poll", "done_again(order)", "alert(orders[])"];
                self.dice.one(&inferred).to_owned()
            }
            _ => format!("rate({customer}, basis: score({customer}).value)"),
        }
    }

    pub(super) fn condition(&mut self, depth: usize) -> String {
        if depth < 2 && self.dice.chance(30) {
            let left = self.condition(depth + 1);
            let right = self.condition(depth + 1);
            return match self.dice.below(4) {
                0 => format!("{left} AND {right}"),
                1 => format!("{left} OR {right}"),
                2 => format!("NOT ({left}) and {right}"),
                _ => format!("({left} or {right})"),
            };
        }
        match self.dice.below(10) {
            9 => {
                let there = ["order has note", "order.note exists", "customer has orders"];
                self.dice.one(&there).to_owned()
            }
            0 => format!("NOT {}", self.value()),
            1 => self.value(),
            2 => self.dice.one(&["order is open", "order is not open", "order.open"]).to_owned(),
            3 | 4 => {
                let watched = self.number();
                let levels = ["threshold.low", "above 2", "below threshold.high", "above -1"];
                format!("{watched} crosses {}", self.dice.one(&levels))
            }
            _ => {
                let value = self.value();
                let op = self.dice.one(&["=", "==", "!=", "<", "<=", ">", ">=", "is", "is not"]);
                format!("{value} {op} {}", self.right())
            }
        }
    }

    fn number(&mut self) -> &'static str {
        self.dice.one(&[
            "score(customer).value",
            "score(order.customer).value",
            "order.amount",
            "order.customer.level",
            "customer.level",
        ])
    }

    fn value(&mut self) -> String {
        match self.dice.below(8) {
            0..=3 => self.number().to_owned(),
            4 => "order.note".to_owned(),
            5 => self.dice.one(&["customer.vip", "order.customer.vip"]).to_owned(),
            6 => "order.open".to_owned(),
            // What nothing computes is an error, so there is little of it.
            _ if self.dice.chance(5) => "likely(order)".to_owned(),
            _ => self
                .dice
                .one(&["customer.orders.count", "count(order.customer.orders)", "customer.orders"])
                .to_owned(),
        }
    }

    fn right(&mut self) -> &'static str {
        self.dice.one(&[
            "2",
            "n1",
            "true",
            "\"n1\"",
            "threshold.high",
            "score(customer).value",
            "order.amount",
            "order.note",
            "1.5",
            "-2",
        ])
    }
}
