//! Pages of the codes S10: scenarios.

use super::{
    NEVER_CHECKED, NO_EXPECTATION, OUT_OF_ORDER, Page, TWO_SCENARIOS, UNKNOWN_CLAUSE,
    UNKNOWN_EVENT, UNKNOWN_EXPECTED, WRONG_CAUSE, WRONG_EVENT, WRONG_INSTANCES,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        code: UNKNOWN_CLAUSE,
        title: "an expectation names no clause",
        explanation: "A scenario expects something of a duty, by its action, its label or its slug, or of an assertion or\ninvariant by its name. The spec has nothing of that name.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue shipp(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n}\n",
    },
    Page {
        code: UNKNOWN_EVENT,
        title: "a scenario brings an event that means nothing to the spec",
        explanation: "Nothing declares or reads an event of this type, and it is about no entity of the spec, so it changes\nnothing. An event that is meant to change nothing is declared.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1d e2: { type: oder.shipped, order: o1 }\n  at 3d expect no overdue ship(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1d e2: { type: order.shipped, order: o1 }\n  at 3d expect no overdue ship(o1)\n}\n",
    },
    Page {
        code: OUT_OF_ORDER,
        title: "a step stands where its time does not belong",
        explanation: "The steps of a scenario stand in the order of their times, and at one instant the events stand above\nthe expectations, which see all of it. An event that is seen later than it happened stands where it is\nseen and carries its own `time`.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n  at 1d e2: { type: order.shipped, order: o1 }\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n  at 4d e2: { type: order.shipped, order: o1, time: 1d }\n}\n",
    },
    Page {
        code: NEVER_CHECKED,
        title: "an expectation can never hold, or always does",
        explanation: "What is expected cannot become of the clause: a duty without a deadline is never overdue, one with a\nfallback lapses in place of being overdue, only a fallback is withdrawn, and only what an event above\ntriggers is owed. With `no` before it, such a line can never fail.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect lapsed ship(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n}\n",
    },
    Page {
        code: WRONG_INSTANCES,
        title: "an expectation names too many or too few instances",
        explanation: "The instances are those of the clause's keys, in the order of its arguments; for a clause without keys,\nthose that its block is bound to. With none named, any obligation of the clause is meant.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1, c1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n}\n",
    },
    Page {
        code: TWO_SCENARIOS,
        title: "two scenarios, or two events of one, have the same name",
        explanation: "A scenario is run by its name, and a cause names an event, so each name stands for one thing.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1d e1: { type: order.shipped, order: o1 }\n  at 3d expect no overdue ship(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1d e2: { type: order.shipped, order: o1 }\n  at 3d expect no overdue ship(o1)\n}\n",
    },
    Page {
        code: NO_EXPECTATION,
        title: "a scenario expects nothing",
        explanation: "It shows that its events can be applied, and can never fail.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n}\n",
    },
    Page {
        code: WRONG_EVENT,
        title: "an event of a scenario says something that no event can",
        explanation: "An event has a `type`; its `kind` is `primary`, `enrichment`, `tombstone` or `control`, its `actor` is\n`world`, `agent` or `human`, and its `subject` is an entity and an instance. An enrichment may say which event above\nit `enriches`, and its `confidence` from 0 to 1. Everything else is payload. A field\nof the payload that has such a name stands inside `data: { … }`.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1, kind: primry }\n  at 3d expect overdue ship(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1, kind: primary }\n  at 3d expect overdue ship(o1)\n}\n",
    },
    Page {
        code: UNKNOWN_EXPECTED,
        title: "nothing of that name can be expected",
        explanation: "A clause is expected to be `gap`, `active`, `overdue`, `fulfilled`, `late`, `lapsed`, `withdrawn` or `void`.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdew ship(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 3d expect overdue ship(o1)\n}\n",
    },
    Page {
        code: WRONG_CAUSE,
        title: "a cause that answers nothing, or more than one duty",
        explanation: "An event names as its cause the event that it answers, which stands above it. Where it satisfies several\nduties of that event, it says which: `cause: \"ship@e1\"`.",
        bad: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\naction insure(order) { satisfied_by: order.shipped | order.insured }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n  must: insure(order)\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1d e2: { type: order.shipped, order: o1, cause: e1 }\n  at 3d expect no overdue ship(o1)\n}\n",
        good: "entity order\nevent order.placed\naction ship(order) { satisfied_by: order.shipped }\naction insure(order) { satisfied_by: order.shipped | order.insured }\nwhen order.placed {\n  must: ship(order)\n    within: 2d\n  must: insure(order)\n}\nscenario \"late\" {\n  given e1: { type: order.placed, order: o1 }\n  at 1d e2: { type: order.shipped, order: o1, cause: \"ship@e1\" }\n  at 3d expect no overdue ship(o1)\n}\n",
    },
];
