//! Promise: an agent's events stand in the log only while it is alive and only right before its end
//! as resolved; each has a type that its clause or the agents file allows, the gap as its cause when
//! its type closes the gap and no cause otherwise, and lies one deeper than its gap.
//!
//! Start reading at [`judge`].

use homeostat_log::control::Ending;
use homeostat_log::{Actor, Control, Event, Kind};

use super::told::Told;
use super::{Evidence, Findings};

pub(super) fn judge(evidence: &Evidence, findings: &mut Findings) {
    let mut told = Told::default();
    let mut controls = evidence.log.controls.iter().peekable();
    for (index, event) in evidence.log.events.iter().enumerate() {
        if let Some((_, control)) = controls.next_if(|(at, _)| *at == index) {
            told.take(control, event.recorded);
            continue;
        }
        if let Actor::Agent(agent) = &event.event.actor {
            appended(evidence, &told, agent, event, findings);
            if !is_followed_by_its_end(evidence, index, agent) {
                let at = event.position;
                findings.push(format!("e{at} of `{agent}` is not followed by its end as resolved"));
            }
        }
    }
}

fn appended(evidence: &Evidence, told: &Told, agent: &str, event: &Event, findings: &mut Findings) {
    let (at, new) = (event.position, &event.event);
    let Some(known) = told.agents.get(agent).filter(|known| known.ended == 0) else {
        findings.push(format!("e{at} is of `{agent}`, who is not alive"));
        return;
    };
    let Some(clause) = evidence.setup.clause_of(&known.gap) else { return };
    let closes = clause.satisfied_by.contains(&new.r#type);
    let member = evidence.setup.agents.member_for(&clause.action);
    let may = closes || member.is_some_and(|member| member.may_append.contains(&new.r#type));
    if !may {
        findings.push(format!("e{at} of `{agent}` is `{}`, which its brief forbids", new.r#type));
    }
    if new.cause != closes.then(|| known.gap.clone()) {
        findings.push(format!("e{at} of `{agent}` names the cause {:?}", new.cause));
    }
    let depth = told.gaps.get(&known.gap).map_or(0, |gap| gap.depth);
    if new.depth != depth + 1 {
        findings.push(format!("e{at} of `{agent}` has depth {}, its gap {depth}", new.depth));
    }
    match (&new.enriches, new.kind) {
        (None, Kind::Primary) => {}
        (Some(link), Kind::Enrichment) if link.position.is_some_and(|of| of < at) => {}
        _ => findings
            .push(format!("e{at} of `{agent}` is {:?}, linked to {:?}", new.kind, new.enriches)),
    }
}

fn is_followed_by_its_end(evidence: &Evidence, index: usize, agent: &str) -> bool {
    let own = Actor::Agent(agent.to_owned());
    let mut rest = evidence.log.events.iter().skip(index);
    let next = rest.find(|event| event.event.actor != own).map(Control::from_event);
    let Some(next) = next else { return false };
    matches!(
        next,
        Some(Ok(Control::AgentEnded { agent: ended, ending: Ending::Resolved, .. })) if ended == agent
    )
}
