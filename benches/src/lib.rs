//! What the benches share: the event that the log's benches write, and the orders that the
//! evaluator's are about.
#![expect(clippy::unwrap_used, reason = "a bench may fail")]

use std::borrow::Cow;
use std::sync::Arc;

use homeostat_graph::{Change, Evaluator, Fact, Fields, Program};
use homeostat_intent::Source;
use homeostat_log::{Actor, Data, Event, Kind, NewEvent, Value};
use homeostat_world::{Position, Timestamp};

/// An interaction of one of a thousand customers, about as long as real ones: its id names it, and
/// its `n` the customer.
#[must_use]
pub fn interaction(id: &str, n: u64) -> NewEvent {
    NewEvent {
        id: id.to_owned(),
        source: "/bench/crm".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: Timestamp::from_micros(1_772_357_400_000_000),
        subject: Some(format!("interaction/{id}")),
        cause: None,
        actor: Actor::World,
        depth: 0,
        enriches: None,
        data: Data::builder()
            .text("customer", &format!("c{}", n % 1_000))
            .int("trend", 42)
            .text("note", "called about the renewal, wants a quote before the end of the month")
            .build(),
    }
}

/// A spec's program, from its text.
#[must_use]
pub fn program(text: &str) -> Arc<Program> {
    let source = Source { name: "bench.intent".to_owned(), text: text.to_owned() };
    let loaded = homeostat_intent::load(&[source]);
    assert!(!loaded.has_errors(), "{:#?}", loaded.diagnostics);
    Arc::new(Program::compile(&loaded.spec).unwrap())
}

/// Orders that are created 10 µs apart and paid up to 8 s later, by so many customers as there are
/// thousands of orders: each event carries the order, its customer and an amount below 90.
#[derive(Debug)]
pub struct Orders {
    happenings: Vec<Happening>,
    keys: Vec<String>,
    customers: Vec<String>,
}

/// One event: when, whether the order is created, which order, its amount.
#[derive(Clone, Copy, Debug)]
struct Happening {
    time: Timestamp,
    creates: bool,
    order: usize,
    amount: i64,
}

/// Local times of customers.
const TIMES: [&str; 4] = ["09:00", "12:30", "16:00", "20:15:30"];

impl Orders {
    /// So many events about so many orders: what is paid is ordered anew once all have been.
    ///
    /// # Panics
    /// Never, on a machine whose pointers have at least 32 bits.
    #[must_use]
    pub fn new(events: u64, orders: u64) -> Self {
        let mut draw = 7_u64;
        let mut below = |bound: u64| {
            draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (draw >> 33) % bound
        };
        let mut happenings = Vec::new();
        for n in 0..events.div_ceil(2) {
            let order = usize::try_from(n % orders).unwrap();
            let created = 1_772_323_200_000_000 + i64::try_from(n * 10).unwrap();
            let wait = i64::try_from(below(8_000_000)).unwrap();
            let amount = i64::try_from(below(90)).unwrap();
            for (micros, creates) in [(created, true), (created + wait, false)] {
                let time = Timestamp::from_micros(micros);
                happenings.push(Happening { time, creates, order, amount });
            }
        }
        happenings.sort_by_key(|happening| happening.time);
        let customers = orders.div_ceil(1_000);
        Self {
            happenings,
            keys: (0..orders).map(|n| format!("order-{n:06}")).collect(),
            customers: (0..customers).map(|n| format!("customer-{n:03}")).collect(),
        }
    }

    fn customer(&self, order: usize) -> &str {
        self.customers.get(order % self.customers.len()).unwrap()
    }

    /// The same as the log reads them.
    ///
    /// # Panics
    /// Never: every event is about one of the orders.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let event = |(position, it): (u64, &Happening)| Event {
            position: Position::new(position),
            recorded: it.time,
            event: NewEvent {
                r#type: if it.creates { "order.created" } else { "order.paid" }.to_owned(),
                time: it.time,
                subject: None,
                data: Data::builder()
                    .text("order", self.keys.get(it.order).unwrap())
                    .text("customer", self.customer(it.order))
                    .int("amount", it.amount)
                    .build(),
                ..interaction(&format!("e{position}"), 0)
            },
        };
        (1..).zip(&self.happenings).map(event).collect()
    }
}

/// Takes an evaluator through orders, and tells what changes.
///
/// # Panics
/// Never: every event is about one of the orders.
pub fn changes(program: &Arc<Program>, orders: &Orders, mut sink: impl FnMut(Change)) {
    let mut evaluator = Evaluator::new(Arc::clone(program));
    for (position, it) in (1..).zip(&orders.happenings) {
        evaluator.advance(it.time, &mut sink);
        let fields = [
            ("order", Value::Text(orders.keys.get(it.order).unwrap())),
            ("customer", Value::Text(orders.customer(it.order))),
            ("amount", Value::Int(it.amount)),
            ("at", Value::Text(TIMES.get(it.order % TIMES.len()).unwrap())),
        ];
        let fact = Fact {
            position: Position::new(position),
            time: it.time,
            kind: Kind::Primary,
            depth: 0,
            r#type: Cow::Borrowed(if it.creates { "order.created" } else { "order.paid" }),
            subject: None,
            cause: None,
            fields: Fields::List(&fields),
        };
        evaluator.on_fact(&fact, &mut sink);
    }
}
