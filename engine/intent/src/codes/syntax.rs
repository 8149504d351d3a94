//! Pages of the codes S00: what cannot be read, or is read and not evaluated yet.

use super::{
    CHAINED, MISPLACED, OPEN_TEXT, Page, STRAY, TOO_DEEP, TOO_LARGE, UNCLOSED, UNEXPECTED,
    UNKNOWN_CHARACTER,
};

pub(super) const PAGES: &[Page] = &[
    Page {
        code: UNEXPECTED,
        title: "something else was expected here",
        explanation: "The text breaks off or goes on in a way that the language does not have. The message says what\ncould stand there and what was found. Reading starts again at the next statement.",
        bad: "threshold churn_warning 45 falling\n",
        good: "threshold churn_warning: 45 falling\n",
    },
    Page {
        code: UNCLOSED,
        title: "a bracket is never closed",
        explanation: "A `{`, `(` or `[` has no partner. Where a `}` stands further left than the block that it closes,\nthe block that most likely misses its own is shown.",
        bad: "entity order {\n  has: total\n",
        good: "entity order {\n  has: total\n}\n",
    },
    Page {
        code: STRAY,
        title: "a `}` closes nothing",
        explanation: "There are more `}` than `{`. Either this one is too many, or a block above was closed too early.",
        bad: "entity order {\n  has: total\n}\n}\n",
        good: "entity order {\n  has: total\n}\n",
    },
    Page {
        code: OPEN_TEXT,
        title: "a text is never closed",
        explanation: "A text begins and ends with `\"`, on one line.",
        bad: "event order.placed as \"Order placed\nentity order\n",
        good: "event order.placed as \"Order placed\"\nentity order\n",
    },
    Page {
        code: UNKNOWN_CHARACTER,
        title: "a character means nothing here",
        explanation: "The language does not use this character outside texts and comments.",
        bad: "entity order {\n  has: total @ now\n}\n",
        good: "entity order {\n  has: total, now\n}\n",
    },
    Page {
        code: TOO_DEEP,
        title: "nested too deeply",
        explanation: "Blocks, parentheses, lists and `NOT` nest at most 64 levels. What is deeper is not read.",
        bad: "invariant ((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((x))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))))\n",
        good: "entity order\n",
    },
    Page {
        code: MISPLACED,
        title: "this cannot stand here",
        explanation: "Duties stand inside `when … { … }` or a periodic block, assertions inside `always { … }`,\ndeclarations outside all of them.",
        bad: "must: charge(order)\n",
        good: "entity order\nevent order.placed\naction charge(order) { satisfied_by: order.paid }\nwhen order.placed {\n  must: charge(order)\n}\n",
    },
    Page {
        code: CHAINED,
        title: "a comparison with three sides",
        explanation: "A comparison has a left and a right side. Two comparisons are joined by `AND`.",
        bad: "entity order { has: total }\nevent order.placed\naction review(order) { satisfied_by: order.reviewed }\nwhen order.placed {\n  if 10 < order.total < 100 {\n    must: review(order)\n  }\n}\n",
        good: "entity order { has: total }\nevent order.placed\naction review(order) { satisfied_by: order.reviewed }\nwhen order.placed {\n  if order.total > 10 AND order.total < 100 {\n    must: review(order)\n  }\n}\n",
    },
    Page {
        code: TOO_LARGE,
        title: "a source is too large",
        explanation: "One source has at most 16 MiB of text. Split it into files; several files make one spec.",
        bad: "",
        good: "",
    },
];
