//! The closed sets of words in answers and filters, each the mirror of a set below.
//!
//! Promise: a word below without a word here does not compile. Start reading at `words!`.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

macro_rules! words {
    ($(#[$doc:meta])* $name:ident from $source:path {
        $($(#[$word_doc:meta])* $word:ident = $text:literal,)*
    }) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema,
        )]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$word_doc])* $word,)* }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word,)*];
            /// How they are written.
            pub const TEXTS: &'static [&'static str] = &[$($text,)*];

            /// How it is written.
            #[must_use]
            pub const fn text(self) -> &'static str {
                match self { $(Self::$word => $text,)* }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }

        impl From<$source> for $name {
            fn from(source: $source) -> Self {
                use $source as Source;
                match source { $(Source::$word => Self::$word,)* }
            }
        }
    };
}

words! {
    /// What is being done about an open gap.
    State from homeostat_conductor::GapState {
        /// It waits for an agent.
        Open = "open",
        /// An agent works on it.
        Working = "working",
        /// It rests between two agents.
        Cooling = "cooling",
        /// It lies with people, since agents cannot or may not close it.
        Escalated = "escalated",
        /// It is a person's to do, and is waited for.
        Waiting = "waiting",
    }
}

words! {
    /// What sort of gap.
    Kind from homeostat_log::control::GapKind {
        /// An event happened, its consequence has not.
        Reaction = "reaction",
        /// Something should have happened by now.
        Temporal = "temporal",
        /// The state of the system is not what its rules and its log imply.
        Consistency = "consistency",
        /// What is there does not match what people declare.
        Intent = "intent",
        /// A bound of the contract is not kept.
        Quality = "quality",
    }
}

words! {
    /// Whether a proposition of the contract holds.
    Verdict from homeostat_graph::Verdict {
        /// It does.
        Holds = "holds",
        /// It does not.
        Violated = "violated",
        /// Nobody has said so, or nothing has been sampled yet.
        Undetermined = "undetermined",
    }
}

words! {
    /// What sort of promise a proposition of the contract is.
    PropositionKind from homeostat_graph::Sort {
        /// `invariant …`
        Invariant = "invariant",
        /// `property: …` of a capability.
        Property = "property",
        /// `optimise …`
        Target = "target",
    }
}

words! {
    /// How urgent a gap is, the most urgent first.
    Strength from homeostat_conductor::Severity {
        /// Something that must always hold does not.
        Invariant = "invariant",
        /// A hard duty.
        Must = "must",
        /// A soft one.
        Should = "should",
        /// An opportunity.
        Could = "could",
    }
}

words! {
    /// Who is expected to act.
    Performer from homeostat_intent::lowered::Performer {
        /// An ephemeral agent.
        Agent = "agent",
        /// The world.
        System = "system",
        /// A person.
        Human = "human",
    }
}

words! {
    /// How an agent ended.
    Ending from homeostat_log::control::Ending {
        /// It appended events.
        Resolved = "resolved",
        /// It asks for a person.
        NeedsHuman = "needs_human",
        /// It gave up, crashed, or claimed what its brief does not allow.
        Failed = "failed",
        /// It was over its time.
        TimedOut = "timed_out",
        /// The engine stopped while it was at work.
        Lost = "lost",
        /// It was told to stop, since its gap closed.
        Stopped = "stopped",
    }
}

words! {
    /// Why a gap needs a person.
    Escalation from homeostat_log::control::Escalation {
        /// As many agents as may try have failed.
        AgentsExhausted = "agents_exhausted",
        /// It lies deeper than agents may follow agents.
        TooDeep = "too_deep",
        /// An agent asked for it.
        AgentAsked = "agent_asked",
        /// No agent is configured for the action.
        NoAgent = "no_agent",
        /// The action works on the outside and has been tried.
        ExternalEffect = "external_effect",
        /// One agent alone may cost more than the budget of an hour.
        OverBudget = "over_budget",
    }
}

words! {
    /// What a person decides about a gap.
    Decision from homeostat_log::control::Decision {
        /// Let agents try again, as often as the first time.
        Retry = "retry",
        /// It is no longer owed.
        Waive = "waive",
        /// What a version asks of events of before it is owed, some at a time.
        Backfill = "backfill",
    }
}

words! {
    /// What a version says about events of before it.
    Policy from homeostat_intent::lowered::Backfill {
        /// What they call for is owed, in the order of the log, some at a time.
        Sequential = "sequential",
        /// Nothing is owed for them.
        ProspectiveOnly = "prospective_only",
        /// A person decides.
        HumanDecision = "human_decision",
    }
}

impl From<Decision> for homeostat_log::control::Decision {
    fn from(decision: Decision) -> Self {
        match decision {
            Decision::Retry => Self::Retry,
            Decision::Waive => Self::Waive,
            Decision::Backfill => Self::Backfill,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_is_written_as_it_is_serialised() {
        let written = [
            (format!("{:?}", State::TEXTS), serde_json::to_string(State::ALL)),
            (format!("{:?}", Kind::TEXTS), serde_json::to_string(Kind::ALL)),
            (format!("{:?}", Strength::TEXTS), serde_json::to_string(Strength::ALL)),
            (format!("{:?}", Performer::TEXTS), serde_json::to_string(Performer::ALL)),
            (format!("{:?}", Ending::TEXTS), serde_json::to_string(Ending::ALL)),
            (format!("{:?}", Escalation::TEXTS), serde_json::to_string(Escalation::ALL)),
            (format!("{:?}", Decision::TEXTS), serde_json::to_string(Decision::ALL)),
        ];
        for (texts, serialised) in written {
            assert_eq!(serialised.ok(), Some(texts.replace(", ", ",")));
        }
    }
}
