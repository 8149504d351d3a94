//! Which canaries there are: the defect, the oracle that must see it, the scenario to hunt it with.
//!
//! Promise: every oracle has at least one; the engine has a site for each, and none that is missing
//! here. Start reading at [`ALL`].

use super::Canary;

const fn canary(
    oracle: &'static str,
    name: &'static str,
    scenario: &'static str,
    defect: &'static str,
) -> Canary {
    Canary { name, oracle, defect, scenario }
}

/// All of them, in the order of the oracles.
pub const ALL: &[Canary] = &[
    canary(
        "panics",
        "time_must_not_go_back",
        "crm",
        "the loop asserts that its clock never goes back",
    ),
    canary(
        "panics",
        "a_replay_has_events",
        "crm",
        "a start asserts that something came after its checkpoint",
    ),
    canary(
        "panics",
        "an_end_decided_twice",
        "desk",
        "an outcome is judged although the agent's end is on its way to the log",
    ),
    canary(
        "chain",
        "chain_begins_anew_with_each_start",
        "crm",
        "the first event after a restart is chained to nothing",
    ),
    canary(
        "chain",
        "one_subject_key_a_commit",
        "crm",
        "of two events about one subject in one commit, the second is not indexed",
    ),
    canary(
        "acknowledged",
        "acknowledged_before_it_is_synced",
        "crm",
        "events are acknowledged when the process has them, not when the disk does",
    ),
    canary(
        "acknowledged",
        "ids_remembered_too_shortly",
        "crm",
        "an event that is sent again sixteen events later is stored again",
    ),
    canary(
        "acknowledged",
        "same_id_is_enough",
        "crm",
        "an event with the id of another is taken for that one, whatever it says",
    ),
    canary(
        "shown",
        "a_long_page_skips_one",
        "crm",
        "a page of the log that is read in several steps leaves an event out between two of them",
    ),
    canary(
        "intent",
        "a_spec_goes_by_its_name",
        "crm",
        "another version of a spec is adopted, since it has the name of the one in force",
    ),
    canary(
        "clock",
        "raw_clock",
        "crm",
        "events are recorded by the raw clock, which may be set back",
    ),
    canary(
        "clock",
        "clock_forgotten_by_a_restart",
        "crm",
        "a restart forgets how late it was, and the clock was set back",
    ),
    canary(
        "replay",
        "restart_without_timers_of_gaps",
        "crm",
        "a restored obligation whose gap is open has no timer for its deadline",
    ),
    canary(
        "replay",
        "checkpoint_in_the_order_of_its_table",
        "desk",
        "a checkpoint lists what is granted in the order of the table that holds it",
    ),
    canary(
        "replay",
        "checkpoint_without_what_closed_unsaid",
        "crm",
        "a checkpoint forgets gaps that closed before the log said that they had opened",
    ),
    canary(
        "replay",
        "money_forgotten_by_a_look",
        "desk",
        "looking at the budget forgets what left its window, though the log has not come that far",
    ),
    canary(
        "dispatch",
        "attempts_counted_anew",
        "desk",
        "after a person's `retry` the first agent is numbered 1 again",
    ),
    canary(
        "dispatch",
        "checkpoint_without_what_was_opened",
        "crm",
        "a checkpoint forgets that the log says of a gap that it opened",
    ),
    canary(
        "dispatch",
        "people_replaced_when_overdue",
        "desk",
        "a duty of a person that is overdue is given to an agent",
    ),
    canary(
        "dispatch",
        "second_agent_when_overdue",
        "crm",
        "a gap whose deadline has passed gets an agent, though one works on it",
    ),
    canary(
        "dispatch",
        "effect_before_its_record",
        "crm",
        "an agent is started before its record is durable",
    ),
    canary("limits", "one_agent_too_many", "desk", "one agent more than `max_concurrent_agents`"),
    canary(
        "limits",
        "one_level_too_deep",
        "desk",
        "an agent for a gap as deep as `max_agent_depth`",
    ),
    canary(
        "limits",
        "agents_are_believed",
        "crm",
        "an agent that appends events has not failed, though its gap stays open",
    ),
    canary("limits", "checkpoint_without_rests", "crm", "a checkpoint forgets that a gap rests"),
    canary(
        "limits",
        "budget_without_what_is_reserved",
        "desk",
        "the budget does not count what agents at work may still cost",
    ),
    canary(
        "limits",
        "checkpoint_without_what_was_spent",
        "desk",
        "a checkpoint forgets what agents have cost in the last hour",
    ),
    canary(
        "limits",
        "outside_tried_again_after_a_crash",
        "desk",
        "an action on the outside whose agent was lost in a crash is tried again",
    ),
    canary(
        "agents_end",
        "stopped_without_a_record",
        "crm",
        "an agent whose gap has closed is stopped, and its end is not recorded",
    ),
    canary(
        "agents_end",
        "one_deadline_an_instant",
        "crm",
        "of two agents with the same deadline one is never timed out",
    ),
    canary(
        "agents_end",
        "restored_agents_taken_for_ended",
        "crm",
        "agents in a checkpoint are taken for ended, and never recorded as lost",
    ),
    canary(
        "brief",
        "any_type_may_be_appended",
        "crm",
        "the types that a brief allows are not enforced",
    ),
    canary(
        "brief",
        "a_cause_on_everything",
        "desk",
        "whatever an agent appends names its gap as the cause, and so closes it",
    ),
    canary(
        "brief",
        "claims_kept_after_overspending",
        "crm",
        "events of an agent that failed are appended all the same",
    ),
    canary(
        "brief",
        "every_event_deeper_than_the_last",
        "crm",
        "of several events of one agent each lies deeper than the one before",
    ),
    canary("deadlines", "missed_at_due", "crm", "a deadline is missed at due, not after it"),
    canary(
        "deadlines",
        "checkpoint_without_what_was_missed",
        "crm",
        "a checkpoint forgets that the log says of a deadline that it was missed",
    ),
    canary(
        "deadlines",
        "recorded_before_what_was_seen",
        "permits",
        "what is decided by the clock is recorded as of before, when the clock is set back in between",
    ),
    canary("meaning", "due_is_too_late", "crm", "what happens at due, to the microsecond, is late"),
    canary("meaning", "granted_for_ever", "crm", "what was revoked still counts as granted"),
    canary(
        "meaning",
        "late_primary_not_looked_at",
        "desk",
        "a primary that comes after its deadline does not withdraw its fallback",
    ),
    canary(
        "meaning",
        "one_event_for_each",
        "desk",
        "one event satisfies all that ask for one each",
    ),
    canary(
        "meaning",
        "crossing_from_the_value_after",
        "desk",
        "a crossing compares with the value after the trigger",
    ),
    canary(
        "meaning",
        "guards_do_not_wait",
        "crm",
        "a guard is decided before what it awaits is there",
    ),
    canary(
        "meaning",
        "subject_names_no_instance",
        "crm",
        "an instance that only the subject of an event names is not seen",
    ),
    canary(
        "meaning",
        "a_long_month_spills_over",
        "desk",
        "a month after the 31st is the 3rd of the month after next",
    ),
    canary(
        "liveness",
        "gap_lost_with_its_agent",
        "crm",
        "a gap whose agent was lost in a crash stands in no queue",
    ),
    canary(
        "liveness",
        "nobody_wakes_a_rested_gap",
        "crm",
        "the loop does not wake when a gap has rested",
    ),
    canary(
        "liveness",
        "nobody_wakes_when_money_is_back",
        "desk",
        "the loop does not wake when the budget has room again",
    ),
    canary(
        "liveness",
        "checkpoint_without_agents_at_work",
        "crm",
        "a checkpoint forgets agents at work, and their ends free no gap",
    ),
    canary(
        "liveness",
        "refusals_are_not_answered",
        "crm",
        "whoever sends what the log refuses gets no answer",
    ),
];
