//! The page for Prometheus, in OpenMetrics text.
//!
//! In: the engine's status and this server's figures. Out: text. Never: keeps a number of its own.
//! Promise: counters come from the log or only grow in this process, so scrapes can be subtracted.
//! Start reading at [`page`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};

use crate::meter::{BUCKETS, Meter};
use crate::wire::{Health, Proposition, Status, Verdict};

/// The media type of the page.
pub(crate) const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The page at this moment.
pub(crate) fn page(
    status: Status,
    contract: &[Proposition],
    meter: &Arc<Meter>,
) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("homeostat");
    let propositions = Verdict::ALL.iter().map(|verdict| {
        let count = contract.iter().filter(|it| it.verdict == *verdict).count() as u64;
        (verdict.text().to_owned(), count)
    });
    let propositions = propositions.collect();
    registry.register_collector(Box::new(Scrape {
        status,
        propositions,
        meter: Arc::clone(meter),
    }));
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Scrape {
    status: Status,
    /// What the contract says, by how it stands.
    propositions: BTreeMap<String, u64>,
    meter: Arc<Meter>,
}

impl Collector for Scrape {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet(encoder);
        self.log(&mut sheet)?;
        self.gaps(&mut sheet)?;
        let help = "What the contract says, by how it stands";
        sheet.gauges("propositions", help, "verdict", &self.propositions)?;
        self.agents(&mut sheet)?;
        self.http(&mut sheet)
    }
}

impl Scrape {
    fn log(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let Status { health, head, totals, .. } = &self.status;
        let read_only = u64::from(*health != Health::Ok);
        sheet.gauge("log_head", "Last position of the log", head.get())?;
        sheet.gauge("read_only", "1 after a failed write, until restarted", read_only)?;
        sheet.counters("events", "Events of the log", "kind", &totals.events)
    }

    fn gaps(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let Status { gaps, totals, .. } = &self.status;
        sheet.gauge("gaps_open", "Open gaps", gaps.open)?;
        sheet.gauges("gaps_open_by_kind", "Open gaps by kind", "kind", &gaps.by_kind)?;
        sheet.gauges(
            "gaps_open_by_strength",
            "Open gaps by severity",
            "strength",
            &gaps.by_strength,
        )?;
        sheet.gauges("gaps_open_by_state", "Open gaps by state", "state", &gaps.by_state)?;
        sheet.counter("gaps_opened", "Gaps opened", totals.gaps_opened)?;
        sheet.counters("gaps_closed", "Gaps closed", "outcome", &totals.gaps_closed)?;
        sheet.counter("gaps_escalated", "Gaps given to people", totals.gaps_escalated)?;
        sheet.counter("deadlines_missed", "Deadlines that passed", totals.deadlines_missed)
    }

    fn agents(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let Status { agents_at_work, breakers, totals, .. } = &self.status;
        let of = |figure: fn(&crate::wire::Breaker) -> Option<u64>| -> BTreeMap<String, u64> {
            let named = |(name, breaker): (&String, _)| Some((name.clone(), figure(breaker)?));
            breakers.iter().filter_map(named).collect()
        };
        sheet.gauge("agents_running", "Agents at work", *agents_at_work)?;
        sheet.counter("agents_spawned", "Agents spawned", totals.agents_spawned)?;
        sheet.counters("agents_ended", "Agents ended", "ending", &totals.agents_ended)?;
        let help = "Cost of agents in millionths of a dollar";
        sheet.counter("agents_cost_micro_dollars", help, totals.agents_cost)?;
        let (limits, used, holds) = (of(|b| b.limit), of(|b| Some(b.used)), of(|b| Some(b.holds)));
        let tripped = of(|b| Some(u64::from(b.holds > 0)));
        sheet.gauges("breaker_limit", "Setting of a breaker", "breaker", &limits)?;
        sheet.gauges("breaker_used", "How much of it is used", "breaker", &used)?;
        sheet.gauges("breaker_holds", "Gaps it keeps from agents", "breaker", &holds)?;
        sheet.gauges("breaker_tripped", "1 while it keeps any gap", "breaker", &tripped)
    }

    fn http(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let connections = self.meter.connections();
        let open = u64::try_from(connections.open).unwrap_or(0);
        sheet.gauge("http_connections_open", "Connections open", open)?;
        sheet.counter("http_connections", "Connections accepted", connections.total)?;
        let help = "Connections closed because the client was idle or slow";
        sheet.counter("http_connection_timeouts", help, connections.timeouts)?;

        let figures = self.meter.figures();
        let mut requests =
            sheet.open("http_requests", "Requests answered", None, MetricType::Counter)?;
        for figures in &figures {
            let (method, path) = labels(figures.operation);
            for (status, count) in &figures.statuses {
                let status = if *status == 0 { "other".to_owned() } else { status.to_string() };
                let labels = [("method", method), ("path", path), ("status", status.as_str())];
                count_up(&mut requests.encode_family(&labels)?, *count)?;
            }
        }
        let mut durations = sheet.open(
            "http_request_duration",
            "Time to answer",
            Some(&Unit::Seconds),
            MetricType::Histogram,
        )?;
        for figures in &figures {
            let (method, path) = labels(figures.operation);
            let ends = BUCKETS.iter().map(|micros| seconds(*micros)).chain([f64::INFINITY]);
            let buckets: Vec<(f64, u64)> = ends.zip(figures.buckets.iter().copied()).collect();
            let labels = [("method", method), ("path", path)];
            durations.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                seconds(figures.micros),
                figures.buckets.iter().sum(),
                &buckets,
                None,
            )?;
        }
        Ok(())
    }
}

fn labels(operation: Option<crate::operation::Operation>) -> (&'static str, &'static str) {
    match operation.map(crate::operation::Operation::route) {
        Some((http::Method::POST, path, _)) => ("POST", path),
        Some((_, path, _)) => ("GET", path),
        // Any other path or method is the client's word, and must not become a label.
        None => ("other", "other"),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "seconds of a metric; 52 bits of microseconds are 142 years"
)]
fn seconds(micros: u64) -> f64 {
    micros as f64 / 1_000_000.0
}

/// Where metrics are written, one family after the other.
struct Sheet<'a>(DescriptorEncoder<'a>);

impl Sheet<'_> {
    fn open<'s>(
        &'s mut self,
        name: &'s str,
        help: &str,
        unit: Option<&'s Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'s>, fmt::Error> {
        self.0.encode_descriptor(name, help, unit, kind)
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.open(name, help, None, MetricType::Gauge)?.encode_gauge(&value)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        count_up(&mut self.open(name, help, None, MetricType::Counter)?, value)
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &BTreeMap<String, u64>,
    ) -> fmt::Result {
        let mut family = self.open(name, help, None, MetricType::Gauge)?;
        for (word, value) in values {
            family.encode_family(&[(label, word.as_str())])?.encode_gauge(value)?;
        }
        Ok(())
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &str,
        values: &BTreeMap<String, u64>,
    ) -> fmt::Result {
        let mut family = self.open(name, help, None, MetricType::Counter)?;
        for (word, value) in values {
            count_up(&mut family.encode_family(&[(label, word.as_str())])?, *value)?;
        }
        Ok(())
    }
}

fn count_up(metric: &mut MetricEncoder<'_>, value: u64) -> fmt::Result {
    metric.encode_counter::<NoLabelSet, u64, f64>(&value, None)
}
