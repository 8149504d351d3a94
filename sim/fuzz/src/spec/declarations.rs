//! What a spec declares: the vocabulary of the agreement's logs, said in many ways.
//!
//! In: dice. Out: lines. Never: a second declaration of one name. Start reading at
//! [`Writer::declarations`].

use super::Writer;

impl Writer<'_, '_> {
    pub(super) fn declarations(&mut self) {
        self.entities();
        self.line("event order.created as order_logged");
        self.line("event order.moved");
        self.line("event customer.changed as \"Customer CHANGED by STAFF\" | customer.renamed");
        self.line("event score.updated");
        self.line("event done as finished");
        self.line("measure score(customer) from score.updated { value }");
        let low = self.dice.one(&[" falling", " rising", ""]);
        self.line(&format!("threshold low: 2{low}"));
        let high = self.dice.one(&["3 rising", "95% rising", "-1 falling"]);
        self.line(&format!("threshold high: {high}"));
        self.actions();
        if self.dice.chance(35) {
            self.limits();
        }
        if self.dice.chance(6) {
            let setting = self.dice.one(&["catch_up: latest", "catch_up: none"]);
            self.line(setting);
        }
        if self.dice.chance(20) {
            let zone = self.dice.one(&["Europe/London", "UTC", "Asia/Kathmandu"]);
            self.line(&format!("time_zone: \"{zone}\""));
        }
    }

    fn entities(&mut self) {
        let created = self.dice.one(&["created | moved", "order.created", "created"]);
        let until = self.dice.one(&[" until done | moved", " until done", ""]);
        let open = format!("state open: from {created}{until}");
        let more =
            self.dice.one(&["", "", "", "immutable: true", "rule: timestamp_never_in_future"]);
        let has = self.dice.one(&["has: note, amount", "has: note, amount, lines[]"]);
        self.block("entity order", |writer| {
            writer.line("belongs_to: customer");
            writer.line(has);
            writer.line(&open);
            if !more.is_empty() {
                writer.line(more);
            }
        });
        if self.dice.chance(60) {
            self.line("entity customer { has: vip, level }");
        } else {
            self.line("entity customer { has: vip }");
            self.line("entity customer { has: level, orders[] }");
        }
    }

    fn actions(&mut self) {
        let satisfiers =
            ["done", "done.again", "order.moved | done", "score.updated", "done.again"];
        for head in [
            "action notify(order)",
            "action call(order, who: customer)",
            "action rate(customer)",
            "action file(order, note)",
            "action await_word",
        ] {
            let satisfied = self.dice.one(&satisfiers);
            let by = self.dice.one(&["", "  by: agent", "  by: system", "  by: human"]);
            let effect = if self.dice.chance(15) { "  effect: external" } else { "" };
            self.line(&format!("{head} {{ satisfied_by: {satisfied}{by}{effect} }}"));
        }
    }

    fn limits(&mut self) {
        let depth = self.dice.one(&["1", "5", "20"]);
        let settle = self.dice.one(&["0s", "1s", "2s", "1m"]);
        let default = self.dice.one(&["2s", "24h", "1mo", "1h 30m"]);
        let budget = self.dice.one(&["$20/hour", "$200/month", "$X", "$0.50/1d"]);
        self.block("limits", |writer| {
            writer.line(&format!("max_agent_depth: {depth}  max_concurrent_agents: 20"));
            writer.line(&format!("settle: {settle}"));
            writer.line(&format!("default_within: {default}"));
            writer.line(&format!("total_compute_budget: {budget}"));
        });
    }
}
