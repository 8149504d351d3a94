//! What no event triggers: periods, what lasts, assertions, the contract, evolution, scenarios.
//!
//! In: dice. Out: lines. Never: a periodic block that speaks of no instance. Start reading at
//! [`Writer::passive`].

use super::Writer;

impl Writer<'_, '_> {
    pub(super) fn passive(&mut self) {
        match self.dice.below(8) {
            0 => self.invariant(),
            1 => self.capability(),
            2 => {
                let bound = self.dice.one(&["within budget($200/month)", "minimise", "maximise"]);
                self.line(&format!("optimise cost {bound}"));
            }
            3 => self.periodic(),
            4 => self.always(),
            5 => self.evolution(),
            6 => self.block("when order.open for 4h", |writer| writer.body(3)),
            _ => self.scenario(),
        }
    }

    fn invariant(&mut self) {
        let bound = self.dice.one(&["< 500ms", "< 95%", ">= 2"]);
        if self.dice.chance(50) {
            self.line(&format!("invariant p95(response_time) {bound}"));
        } else {
            self.line("invariant contact_requires_consent { review: human }");
        }
    }

    fn capability(&mut self) {
        let name = format!("capability able_to{}", self.label().trim());
        self.block(&name, |writer| {
            writer.line("accepts: order.created, order.moved");
            writer.line("produces: done");
            writer.line("property: works_offline unless order.open");
        });
    }

    fn periodic(&mut self) {
        let head = self.dice.one(&[
            "every day at customer.preferred_time",
            "every 15m",
            "every week",
            "on friday at 16:00",
            "every hour",
        ]);
        let each = self.dice.chance(40);
        self.block(head, |writer| {
            if each {
                let head = format!("for each customer with {}", writer.condition(1));
                writer.block(&head, |writer| writer.body(3));
            } else if head.contains("customer") {
                writer.body(3);
            } else {
                writer.line("must: poll");
            }
        });
    }

    fn always(&mut self) {
        self.block("always", |writer| {
            for _ in 0..=writer.dice.below(3) {
                let label = if writer.dice.chance(30) { writer.label() } else { String::new() };
                let assertion = writer.dice.one(&[
                    "every(order) has note",
                    "every(order.amount) >= 0 AND note",
                    "count(order.open) < 50",
                    "customer.orders.count <= 9",
                    "every(customer.encryption_key) exists AND valid",
                    "no(order.open) is late for > 24h",
                    "every(order) is reachable_through_projection",
                    "customer.level <= 3",
                ]);
                writer.line(&format!("assert{label}: {assertion}"));
            }
        });
    }

    fn evolution(&mut self) {
        let policy = self.dice.one(&["sequential", "prospective_only", "human_decision"]);
        self.block("when intent.evolved", |writer| {
            writer.line(&format!("backfill_policy: {policy}"));
        });
    }

    fn scenario(&mut self) {
        self.block("scenario \"missed word\"", |writer| {
            writer.line("given e1: { type: order.created, order: o1, time: 0s }");
            writer.line("at 4s e2: { type: score.updated, customer: c1, value: 42 }");
            let expected = writer.dice.one(&["gap", "fulfilled", "no gap"]);
            writer.line(&format!("at 6s expect {expected} notify(o1)"));
        });
    }
}
