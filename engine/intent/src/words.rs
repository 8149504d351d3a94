//! The words of the language: where each stands, and what it says there.
//!
//! In: nothing. Out: [`WORDS`]; editors complete, explain and colour by it.
//! Never: decides what is read; the parser does, and a test holds this list against it.
//! Promise: every word that the parser asks for is here. Start reading at [`WORDS`].

/// Where a word stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// It begins a declaration or a block.
    Item,
    /// It begins a line in a block of duties.
    Duty,
    /// It belongs to a duty.
    Modifier,
    /// It begins a line in a scenario.
    Step,
    /// It stands inside a declaration, a header or a statement.
    Inside,
    /// It stands in a condition.
    Condition,
    /// A setting of an entity, an action, a capability; or one of the whole spec.
    Entity,
    /// A setting of an action.
    Action,
    /// A setting of a capability.
    Capability,
    /// A setting of an invariant.
    Invariant,
    /// A breaker, in `limits` or bare.
    Limit,
    /// A setting of the spec or of a block.
    Setting,
}

impl Place {
    /// Whether its words stand before a colon and a value: `has: total`.
    #[must_use]
    pub const fn has_keys(self) -> bool {
        matches!(
            self,
            Self::Entity
                | Self::Action
                | Self::Capability
                | Self::Invariant
                | Self::Limit
                | Self::Setting
        )
    }
}

/// One word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// As it is written.
    pub word: &'static str,
    /// Where.
    pub place: Place,
    /// What it says, in Markdown.
    pub help: &'static str,
}

const fn word(place: Place, word: &'static str, help: &'static str) -> Word {
    Word { word, place, help }
}

use Place::{
    Action, Capability, Condition, Duty, Entity, Inside, Invariant, Item, Limit, Modifier, Setting,
    Step,
};

/// All of them, by place.
pub const WORDS: &[Word] = &[
    word(Item, "system", "`system \"shop\" { … }`: names the spec. Items may also stand bare."),
    word(Item, "entity", "`entity order { has: total }`: a kind of thing that events are about."),
    word(
        Item,
        "event",
        "`event order.placed as order_placed`: an event type, and its other names.",
    ),
    word(
        Item,
        "measure",
        "`measure m(customer) from m.updated { trend }`: a value of an entity, read from the newest of these events.",
    ),
    word(
        Item,
        "metric",
        "`metric response_time from http.served { duration }`: a number that the log samples.",
    ),
    word(Item, "threshold", "`threshold low: 45 falling`: a level, and which way it is crossed."),
    word(
        Item,
        "action",
        "`action ship(order) { satisfied_by: order.shipped }`: what satisfies a duty, and who is expected to do it.",
    ),
    word(Item, "limits", "`limits { … }`: the breakers. They may also stand bare."),
    word(
        Item,
        "when",
        "`when order.placed { … }`: what must follow when an event comes, or when a state has lasted: `when alert.unacknowledged for 4h { … }`.",
    ),
    word(
        Item,
        "every",
        "`every day at rep.preferred_time { … }`: what must follow as time goes by.",
    ),
    word(Item, "on", "`on friday at 16:00 { … }`: the same for one day of the week."),
    word(Item, "for", "`for each customer with p { … }`: once for each live instance."),
    word(Item, "always", "`always { assert: … }`: what must be true at any time."),
    word(
        Item,
        "invariant",
        "`invariant response_time < 500ms`: a part of the contract, which no agent can change.",
    ),
    word(Item, "capability", "`capability x { accepts: … produces: … }`: what the system can do."),
    word(
        Item,
        "optimise",
        "`optimise cost within budget($200/month)`: what may be made better, within a bound.",
    ),
    word(Item, "optimize", "The same as `optimise`."),
    word(
        Item,
        "scenario",
        "`scenario \"x\" { given … at 5s expect … }`: a test of the spec, run by `homeostat test`.",
    ),
    word(
        Item,
        "state",
        "`state open: from raised until closed`: held from one event of the entity until another.",
    ),
    word(
        Duty,
        "must",
        "`must: f(x) within: 5s`: a hard gap when it does not follow; an agent is spawned at once.",
    ),
    word(Duty, "should", "`should: f(x)`: a soft gap, of low priority."),
    word(Duty, "could", "`could: f(x)`: an opportunity, taken when there is budget to spare."),
    word(Duty, "each", "`each must: f(x)`: one event satisfies one obligation only."),
    word(
        Duty,
        "if",
        "`if condition { … }`: what follows only when the condition holds; it is decided once.",
    ),
    word(Duty, "assert", "`assert: condition`: what is always checked, in `always { … }`."),
    word(
        Modifier,
        "within",
        "`within: 5s`: the deadline of the duty directly above; or `within: 5s { … }` around several.",
    ),
    word(Modifier, "fallback", "`fallback: g(x)`: what is owed when the deadline passes."),
    word(Modifier, "using", "`using inferred`: what enrichments say may be read."),
    word(Modifier, "inferred", "`using inferred`: what enrichments say may be read."),
    word(Step, "given", "`given e1: { type: a.b, … }`: an event at the beginning of the scenario."),
    word(
        Step,
        "at",
        "`at 4s …`: what happens, or is expected, at a time of the scenario; the time of day of a periodic block.",
    ),
    word(
        Step,
        "expect",
        "`expect gap f(x)`, `expect no gap f(x)`: what is to be seen at that time.",
    ),
    word(
        Step,
        "resume",
        "`resume at 3d`: the engine was down since the step above, and comes back.",
    ),
    word(Inside, "as", "Other names that a log uses for the event."),
    word(Inside, "from", "The events that carry a measure or begin a state."),
    word(Inside, "until", "The events that end a state."),
    word(Inside, "with", "Which instances a `for each` is about."),
    word(Inside, "falling", "Crossing means coming down to the level."),
    word(Inside, "rising", "Crossing means coming up to the level."),
    word(Inside, "unless", "`property: p unless q`: p or q, at each instant."),
    word(Inside, "no", "`no(alert.critical) is unacknowledged for > 24h`; `expect no gap f(x)`."),
    word(Condition, "AND", "Both hold. Binds before `OR`."),
    word(Condition, "OR", "One of them holds."),
    word(Condition, "NOT", "It does not hold. Binds before `AND`."),
    word(
        Condition,
        "is",
        "`x is y`: equal; or the entity has that state. `is not` for the opposite.",
    ),
    word(Condition, "has", "`every(x) has y`: a value is there. In an entity: its attributes."),
    word(Condition, "exists", "A value is there."),
    word(
        Condition,
        "crosses",
        "`v crosses t`: the value was on the one side of the level at the trigger, and is on the other at the decision.",
    ),
    word(Condition, "above", "`crosses above`: from below the level, up to it."),
    word(Condition, "below", "`crosses below`: from above the level, down to it."),
    word(
        Entity,
        "has",
        "`has: total, items[]`: attributes, each with one value or, with `[]`, many.",
    ),
    word(
        Entity,
        "belongs_to",
        "`belongs_to: customer`: an attribute that names another entity, which has the collection of these.",
    ),
    word(Entity, "immutable", "`immutable: true`: no later primary event may change an instance."),
    word(Entity, "rule", "`rule: timestamp_never_in_future`: what must be true of each instance."),
    word(
        Action,
        "satisfied_by",
        "`satisfied_by: a.b | c.d`: the events that satisfy the duty, any of them.",
    ),
    word(Action, "by", "`by: agent`, `by: system`, `by: human`: who is expected to act."),
    word(
        Action,
        "effect",
        "`effect: external`: never repeated or backfilled without a person's word.",
    ),
    word(Capability, "accepts", "Events that the capability takes."),
    word(Capability, "produces", "Events and measures that it gives."),
    word(Capability, "property", "What holds of it; `p unless q` is p or q."),
    word(Invariant, "review", "`review: human`: a person says whether it holds."),
    word(Invariant, "check", "`check: \"./command\"`: a command says whether it holds."),
    word(Limit, "max_agent_depth", "How deep agents may follow from agents' events [5]."),
    word(Limit, "max_concurrent_agents", "How many agents may live at a time [20]."),
    word(Limit, "max_agents_per_gap", "How many agents may try to close one gap [3]."),
    word(Limit, "cooldown_per_gap", "How long a gap rests between two agents [30s]."),
    word(Limit, "total_compute_budget", "What agents may cost: `$20/hour` [none]."),
    word(Limit, "settle", "How long the engine waits before a gap opens [0s]."),
    word(Limit, "default_within", "The deadline of a fallback that states none [24h]."),
    word(
        Limit,
        "max_backfill_in_flight",
        "How many duties for events of before a new version are owed at a time [10].",
    ),
    word(Setting, "time_zone", "`time_zone: \"Europe/London\"`: the zone of days and weeks."),
    word(
        Setting,
        "catch_up",
        "`catch_up: latest | all | none`: which missed ticks run after a time in which the engine was down.",
    ),
    word(
        Setting,
        "backfill_policy",
        "`backfill_policy: sequential | prospective_only | human_decision`: what a new version does about events of before it.",
    ),
];

/// The words of one place.
pub fn of(place: Place) -> impl Iterator<Item = &'static Word> {
    WORDS.iter().filter(move |word| word.place == place)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::parser::{ITEMS, STRENGTHS};

    fn known(word: &str) -> bool {
        WORDS.iter().any(|known| known.word == word)
    }

    #[test]
    fn every_word_that_the_parser_asks_for_is_known() {
        let sources = [
            include_str!("parser/duties.rs"),
            include_str!("parser/expressions.rs"),
            include_str!("parser/items.rs"),
        ];
        let mut asked: BTreeSet<&str> = ITEMS.into_iter().chain(STRENGTHS).collect();
        for source in sources {
            for call in ["at_word(\"", "eat_word(\"", "Some(\""] {
                let quoted = source.split(call).skip(1).filter_map(|rest| rest.split('"').next());
                // Connectives may be written small, and both brackets of a match are quoted alike.
                asked.extend(
                    quoted.filter(|word| word.chars().all(|c| c == '_' || c.is_ascii_alphabetic())),
                );
            }
        }
        assert!(asked.len() > 40, "{asked:?}");
        let unknown: Vec<&&str> =
            asked.iter().filter(|word| !known(word) && !known(&word.to_uppercase())).collect();
        // A field of a scenario's step, explained with it.
        assert_eq!(unknown, [&"start"]);
    }

    #[test]
    fn every_setting_is_known_to_the_checker_and_no_other() {
        let unknown = |text: &str| {
            let source = crate::Source { name: String::new(), text: text.to_owned() };
            let found = crate::load(&[source]).diagnostics;
            found.iter().any(|found| found.code == crate::codes::UNKNOWN_SETTING)
        };
        for (place, head, tail) in [
            (Entity, "entity a { ", " }"),
            (Action, "action a { ", " }"),
            (Capability, "capability a { ", " }"),
            (Invariant, "invariant a { ", " }"),
            (Limit, "limits { ", " }"),
            (Setting, "", ""),
        ] {
            for word in of(place) {
                assert!(!unknown(&format!("{head}{}: b{tail}\n", word.word)), "{}", word.word);
            }
            assert!(unknown(&format!("{head}nonsense_here: b{tail}\n")), "{head}");
        }
    }

    #[test]
    fn every_item_and_strength_has_its_place() {
        let items: BTreeSet<&str> = of(Item).map(|word| word.word).collect();
        assert_eq!(items, ITEMS.into_iter().collect());
        assert!(STRENGTHS.iter().all(|strength| of(Duty).any(|word| word.word == *strength)));
    }
}
