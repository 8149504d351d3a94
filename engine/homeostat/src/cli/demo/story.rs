//! The story of the day: what the world and one person do, and when.
//!
//! In: chance. Out: moments in order, told to the engine as its clock reaches them.
//! Never: appends anything as an agent or as the engine; those act by themselves.
//! Promise: the same seed gives the same events. Start reading at [`day`], then [`tell`].

use std::time::Duration as Watched;

use homeostat_conductor::GapState;
use homeostat_kernel::Handle;
use homeostat_kernel::handle::Verdict;
use homeostat_log::control::{Decision, Escalation};
use homeostat_log::{Actor, Append, Data, Kind, NewEvent};
use homeostat_world::{Chance, Clock, Duration, Position, Timestamp};
use rand_core::Rng;
use serde_json::{Value, json};

use super::clock::Stretch;
use crate::failure::Failure;

/// A day and how to watch it.
#[derive(Debug)]
pub(crate) struct Day {
    /// When it begins.
    pub(crate) dawn: Timestamp,
    /// At what pace it is shown.
    pub(crate) pace: Vec<Stretch>,
    /// What happens, in order.
    moments: Vec<Moment>,
    /// The id of the event that is looked at closely in the end.
    hero: String,
}

/// Something that happens at once.
#[derive(Debug)]
struct Moment {
    at: Timestamp,
    deed: Deed,
}

#[derive(Debug)]
enum Deed {
    /// The world reports events, together.
    Report(Vec<NewEvent>),
    /// A person looks at what was escalated, and decides.
    Review,
}

/// 2026-03-02, a Monday, 09:00 UTC.
const DAWN: Timestamp = Timestamp::from_micros(1_772_442_000_000_000);

const REPS: [&str; 4] = ["ana", "ben", "chloe", "dario"];
const CUSTOMERS: [&str; 4] = ["acme", "globex", "initech", "umbrella"];
const CHANNELS: [&str; 3] = ["call", "email", "meeting"];

/// Composes the day.
pub(crate) fn day(chance: &Chance) -> Result<Day, Failure> {
    let draws = chance.stream("crm day");
    let mut composer = Composer { draws, moments: Vec::new(), count: 0, interactions: 0 };
    composer.customers()?;
    composer.new_rep(4_000)?;
    composer.interaction(9_000, "acme", "positive", Some((68, 80)), Some(1_300))?;
    // The one that is looked at in the end: engagement falls below the first threshold, and
    // nobody acknowledges it.
    let hero = composer.interaction(14_000, "initech", "negative", Some((38, 45)), None)?;
    // Below both thresholds, with an account manager, who will not answer within a day.
    composer.interaction(22_000, "globex", "negative", Some((11, 20)), Some(1_500))?;
    composer.rush(32_000)?;
    composer.step_of_a_playbook(45_000)?;
    composer.review(62_000);
    composer.interaction(64_000, "umbrella", "neutral", Some((58, 70)), Some(9_000))?;
    composer.rush(78_000)?;
    composer.interaction(HOUR + 25_000, "acme", "positive", Some((70, 82)), Some(1_200))?;
    composer.review(HOUR + 60_000);
    let Composer { mut moments, .. } = composer;
    moments.sort_by_key(|moment| moment.at);
    Ok(Day { dawn: DAWN, pace: pace(), moments, hero })
}

/// An hour in milliseconds.
const HOUR: i64 = 3_600_000;

/// Slow in the morning, when much happens; then over the hours; slow again when the hour's budget
/// is free, and when the next morning's deadline passes.
fn pace() -> Vec<Stretch> {
    let stretch = |passes: i64, watched: u64| Stretch {
        passes: Duration::from_secs(passes),
        watched: Watched::from_millis(watched),
    };
    vec![
        stretch(95, 9_200),
        stretch(25, 700),
        stretch(3_480, 500),
        stretch(100, 2_400),
        stretch(82_710, 600),
        stretch(40, 1_900),
    ]
}

impl Day {
    /// The pace, `speed` times as fast.
    pub(crate) fn pace_at(&self, speed: f64) -> Vec<Stretch> {
        let faster = |stretch: &Stretch| Stretch {
            passes: stretch.passes,
            watched: stretch.watched.div_f64(speed),
        };
        self.pace.iter().map(faster).collect()
    }
}

/// Tells the day to the engine; the position of the event to look at closely, once it is there.
pub(crate) async fn tell<C: Clock>(
    day: Day,
    handle: Handle,
    clock: C,
) -> Result<Option<Position>, Failure> {
    let mut hero = None;
    for moment in day.moments {
        clock.sleep_until(moment.at).await;
        match moment.deed {
            Deed::Report(events) => {
                let at = events.iter().position(|event| event.id == day.hero);
                let receipt = handle.append(Append::new(events)).await.map_err(Failure::new)?;
                if let Some(entry) = at.and_then(|at| receipt.entries.get(at)) {
                    hero = Some(entry.position);
                }
            }
            Deed::Review => review(&handle).await?,
        }
    }
    Ok(hero)
}

/// A person looks at what was escalated: what runs away is let go, the rest may be tried again.
async fn review(handle: &Handle) -> Result<(), Failure> {
    for gap in handle.gaps().await.map_err(Failure::new)? {
        if gap.state != GapState::Escalated {
            continue;
        }
        let (decision, reason) = match gap.escalation {
            Some(Escalation::TooDeep) => {
                (Decision::Waive, "this rule feeds itself, the spec is to be mended")
            }
            Some(Escalation::AgentAsked) => (Decision::Retry, "the contact is known now"),
            _ => continue,
        };
        let verdict =
            Verdict { gap: gap.id, decision, by: "maria".to_owned(), reason: reason.to_owned() };
        // The gap may have closed since it was listed; then there is nothing left to decide.
        drop(handle.decide(verdict).await);
    }
    Ok(())
}

struct Composer<R> {
    draws: R,
    moments: Vec<Moment>,
    count: u32,
    interactions: u32,
}

impl<R: Rng> Composer<R> {
    /// One of several, by chance.
    fn one_of<'a>(&mut self, choices: &[&'a str]) -> &'a str {
        let count = u32::try_from(choices.len()).unwrap_or(1).max(1);
        let index = usize::try_from(self.draws.next_u32() % count).unwrap_or_default();
        choices.get(index).copied().unwrap_or_default()
    }

    /// A number from `low` to below `high`.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        let room = u64::try_from(high - low).unwrap_or(1).max(1);
        low + i64::try_from(self.draws.next_u64() % room).unwrap_or_default()
    }

    fn event(
        &mut self,
        at: Timestamp,
        r#type: &str,
        subject: &str,
        data: &Value,
    ) -> Result<NewEvent, Failure> {
        self.count += 1;
        Ok(NewEvent {
            id: format!("day/{}", self.count),
            source: "crm".to_owned(),
            kind: Kind::Primary,
            r#type: r#type.to_owned(),
            time: at,
            subject: Some(subject.to_owned()),
            cause: None,
            actor: Actor::World,
            depth: 0,
            enriches: None,
            data: Data::from_json(data).map_err(Failure::new)?,
        })
    }

    /// The world reports one event at `millis` after dawn.
    fn report(
        &mut self,
        millis: i64,
        r#type: &str,
        subject: &str,
        data: &Value,
    ) -> Result<String, Failure> {
        let at = DAWN + Duration::from_millis(millis);
        let event = self.event(at, r#type, subject, data)?;
        let id = event.id.clone();
        self.moments.push(Moment { at, deed: Deed::Report(vec![event]) });
        Ok(id)
    }

    /// A person looks at what was escalated.
    fn review(&mut self, millis: i64) {
        let at = DAWN + Duration::from_millis(millis);
        self.moments.push(Moment { at, deed: Deed::Review });
    }

    /// Customers, and how engaged they have been so far.
    fn customers(&mut self) -> Result<(), Failure> {
        for (nth, customer) in (0..).zip(CUSTOMERS) {
            let millis = 400 + 400 * nth;
            let subject = format!("customer/{customer}");
            let managed = customer == "globex";
            let data = if managed {
                json!({
                    "customer": customer,
                    "has_account_manager": true,
                    "primary_account_manager": "maria",
                })
            } else {
                json!({ "customer": customer, "has_account_manager": false })
            };
            self.report(millis, "customer.created", &subject, &data)?;
            self.engagement(millis + 200, customer, (58, 75))?;
        }
        Ok(())
    }

    /// A customer gets a rep: history to share, which needs consent, and a channel to set up.
    fn new_rep(&mut self, millis: i64) -> Result<(), Failure> {
        let rep = self.one_of(&REPS);
        let data = json!({ "customer": "acme", "rep": rep });
        self.report(millis, "data_access_authorisation.granted", "customer/acme", &data)?;
        self.report(millis + 300, "customer.assigned_rep", "customer/acme", &data)?;
        Ok(())
    }

    /// Six interactions at once, whose engagement nobody in the world works out.
    fn rush(&mut self, millis: i64) -> Result<(), Failure> {
        for nth in 0..6 {
            let customer = self.one_of(&["acme", "umbrella"]);
            self.interaction(millis + 40 * nth, customer, "neutral", None, Some(1_100))?;
        }
        Ok(())
    }

    fn step_of_a_playbook(&mut self, millis: i64) -> Result<(), Failure> {
        let data = json!({ "customer": "umbrella", "step": "welcome call" });
        self.report(millis, "playbook.step_done", "customer/umbrella", &data)?;
        Ok(())
    }

    fn engagement(
        &mut self,
        millis: i64,
        customer: &str,
        (low, high): (i64, i64),
    ) -> Result<(), Failure> {
        let trend = self.between(low, high);
        let data = json!({ "customer": customer, "trend": trend, "score": trend + 4 });
        self.report(millis, "engagement.updated", &format!("customer/{customer}"), &data)?;
        Ok(())
    }

    /// An interaction; the engagement that the world works out from it, if it does; and after how
    /// long the rep acknowledges it, if ever. The id of its event.
    fn interaction(
        &mut self,
        millis: i64,
        customer: &str,
        sentiment: &str,
        trend: Option<(i64, i64)>,
        acknowledged_after: Option<i64>,
    ) -> Result<String, Failure> {
        self.interactions += 1;
        let name = format!("i{}", self.interactions);
        let rep = self.one_of(&REPS);
        let channel = self.one_of(&CHANNELS);
        let subject = format!("interaction/{name}");
        let data = json!({
            "interaction": name,
            "customer": customer,
            "type": channel,
            "sentiment": sentiment,
            "rep": rep,
        });
        let id = self.report(millis, "interaction.created", &subject, &data)?;
        if let Some(range) = trend {
            self.engagement(millis + 800, customer, range)?;
        }
        if let Some(after) = acknowledged_after {
            let data = json!({ "interaction": name, "rep": rep });
            self.report(millis + after, "interaction.acknowledged", &subject, &data)?;
        }
        Ok(id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test says what it expects")]

    use super::*;

    fn told(seed: u64) -> Vec<String> {
        let day = day(&Chance::from_u64(seed)).unwrap();
        day.moments.iter().map(|moment| format!("{moment:?}")).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_day_and_another_gives_another() {
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    #[test]
    fn a_day_is_watched_well_within_its_twenty_seconds_even_at_the_slowest() {
        let day = day(&Chance::from_u64(1)).unwrap();
        let length: Watched = day.pace_at(0.9).iter().map(|stretch| stretch.watched).sum();
        assert!(length < super::super::CUT_OFF, "{length:?}");
    }
}
