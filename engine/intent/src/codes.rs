//! Every code of a finding.

use crate::diagnostic::Code;

macro_rules! codes {
    ($($name:ident = $text:literal,)*) => {
        $(pub(crate) const $name: Code = Code($text);)*
        /// All codes, in order.
        pub const ALL: &[Code] = &[$($name,)*];
    };
}

codes! {
    UNEXPECTED = "S0001",
    UNCLOSED = "S0002",
    STRAY = "S0003",
    OPEN_TEXT = "S0004",
    UNKNOWN_CHARACTER = "S0005",
    TOO_DEEP = "S0006",
    MISPLACED = "S0007",
    CHAINED = "S0008",
    TOO_LARGE = "S0009",
    NOT_EVALUATED = "S0010",
    UNKNOWN_ATTRIBUTE = "S0101",
    UNKNOWN_THRESHOLD = "S0102",
    UNKNOWN_SETTING = "S0103",
    DECLARED_TWICE = "S0104",
    INFERRED_ENTITY = "S0105",
    INFERRED_ACTION = "S0106",
    INFERRED_MEASURE = "S0107",
    INFERRED_STATE = "S0108",
    INFERRED_EVENT = "S0109",
    INFERRED_ATTRIBUTE = "S0110",
    INFERRED_REQUIREMENT = "S0111",
    LIKELY_MISSPELT = "S0112",
    UNKNOWN_UNIT = "S0201",
    WRONG_KIND = "S0202",
    INCOMPARABLE = "S0203",
    WRONG_ENTITY = "S0204",
    TOO_MANY_ARGUMENTS = "S0205",
    IDLE_FALLBACK = "S0301",
    OVER_PERIOD = "S0302",
    UNDER_COOLDOWN = "S0303",
    GROUP_READING = "S0304",
    NO_TIME = "S0305",
    NEVER_TRUE = "S0401",
    TWO_EDGES = "S0402",
    UNREACHABLE = "S0403",
    NO_DIRECTION = "S0404",
    ENDLESS = "S0501",
    NOT_PRODUCED = "S0502",
    CHAIN_TOO_LONG = "S0503",
    DUPLICATE_DUTY = "S0601",
    CONTRADICTORY_DUTY = "S0602",
    OPEN_BUDGET = "S0901",
    OPEN_VALUE = "S0902",
    NONSENSE_LIMIT = "S0903",
    SET_TWICE = "S0904",
}
