//! Pages of the codes S09: limits and values that are still open.

use super::{NONSENSE_LIMIT, OPEN_BUDGET, OPEN_VALUE, Page, SET_TWICE};

pub(super) const PAGES: &[Page] = &[
    Page {
        code: OPEN_BUDGET,
        title: "the budget has no amount yet",
        explanation: "`$X` stands for an amount that is still to be decided. Until then no budget holds the agents.",
        bad: "total_compute_budget: $X/hour\n",
        good: "total_compute_budget: $20/hour\n",
    },
    Page {
        code: OPEN_VALUE,
        title: "a value is still open",
        explanation: "`$X` stands for a value that is still to be decided, and this one is needed.",
        bad: "threshold large: $X\n",
        good: "threshold large: 100\n",
    },
    Page {
        code: NONSENSE_LIMIT,
        title: "a limit makes no sense",
        explanation: "Breakers count from 1: with none at all no agent could ever act.",
        bad: "limits { max_concurrent_agents: 0 }\n",
        good: "limits { max_concurrent_agents: 1 }\n",
    },
    Page {
        code: SET_TWICE,
        title: "something is set twice",
        explanation: "A setting has one value in all files of a spec, and a duty one deadline.",
        bad: "max_agent_depth: 5\nmax_agent_depth: 6\n",
        good: "max_agent_depth: 5\n",
    },
];
