//! Pages of the codes S07 and S08: invariants and assertions, new versions of a spec.

use super::{CONTRADICTION, POLICY_TWICE, Page, UNCHECKED, UNKNOWN_POLICY, VACUOUS};

pub(super) const PAGES: &[Page] = &[
    Page {
        code: UNCHECKED,
        title: "a proposition is checked by nobody",
        explanation: "An invariant, rule or property by name holds when its checker says so: the engine, an assertion of the\nsame name, a command, or a person. Without one it is undetermined, and what is undetermined never counts\nas kept.",
        bad: "invariant contact_requires_consent\n",
        good: "invariant contact_requires_consent { review: human }\n",
    },
    Page {
        code: VACUOUS,
        title: "an assertion that nothing can violate",
        explanation: "Whatever happens, this is true. It says nothing, and most likely something else was meant.",
        bad: "entity customer { has: email }\nalways {\n  assert: every(customer) exists\n}\n",
        good: "entity customer { has: email }\nalways {\n  assert: every(customer.email) exists\n}\n",
    },
    Page {
        code: CONTRADICTION,
        title: "two invariants contradict each other",
        explanation: "Whatever the value is, one of the two is violated.",
        bad: "event http.served\nmetric response_time from http.served { duration }\ninvariant response_time < 200ms\ninvariant response_time > 500ms\n",
        good: "event http.served\nmetric response_time from http.served { duration }\ninvariant response_time < 500ms\ninvariant response_time > 0ms\n",
    },
    Page {
        code: UNKNOWN_POLICY,
        title: "a policy for what was there before is unknown",
        explanation: "`sequential` brings new clauses to bear on old events, in their order; `prospective_only` leaves old\nevents alone; `human_decision`, the default, asks a person.",
        bad: "backfill_policy: sequentially\n",
        good: "backfill_policy: sequential\n",
    },
    Page {
        code: POLICY_TWICE,
        title: "a policy is set twice",
        explanation: "One version of a spec has one policy for the events that were there before it.",
        bad: "backfill_policy: sequential\nwhen intent.evolved {\n  backfill_policy: human_decision\n}\n",
        good: "when intent.evolved {\n  backfill_policy: sequential\n}\n",
    },
];
