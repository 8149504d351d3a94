//! The real engine in the native lane: kernel, API and mock agents on the simulated disk, asked
//! over the simulated network, crashed and started again.

use std::sync::Arc;

use homeostat_agents::{AgentsFile, MockRunner};
use homeostat_api::{Client, GapFilter, Patience, ServeLimits, serve};
use homeostat_intent::{Source, load};
use homeostat_kernel::{Engine, Parts, Settings};
use homeostat_log::{Actor, Data, Expect, Kind, Log, NewEvent, witness};
use homeostat_sim_harness::disk::SimDisk;
use homeostat_sim_harness::native::{Native, NativeDoors, SimClock, SimNet};
use homeostat_sim_harness::{Doors, Stage};
use homeostat_world::{Chance, Clock, Duration, Net, Position};

use crate::{DAWN, after, native};

const SPEC: &str = r#"
    entity interaction {}
    event interaction.created
    action acknowledge(interaction) { satisfied_by: interaction.acknowledged }
    when interaction.created {
      must: acknowledge(interaction)
        within: 5s
    }
"#;

const AGENTS: &str = r#"
    [[agent]]
    name = "willing"
    for = "*"
    kind = "mock"
    takes = "100ms"
    plan = "resolve"
"#;

async fn engine(doors: NativeDoors, disk: SimDisk) {
    let store = disk.open(doors.clock());
    let head = witness::decode(disk.slots().iter().map(|slot| &slot[..]));
    let log = Log::open(store.clone(), head).await.unwrap();
    let log = log.with_witness(Box::new(store.clone()));
    let sources = vec![Source { name: "test.intent".to_owned(), text: SPEC.to_owned() }];
    let agents = AgentsFile::parse(AGENTS).unwrap_or_else(|errors| panic!("{errors}"));
    let chance = Chance::from_u64(7);
    let (handle, running) = Engine::start(Parts {
        log,
        store,
        clock: doors.clock(),
        tasks: doors.tasks(),
        runner: MockRunner::new(Arc::new(agents.clone()), doors.clock(), chance),
        spec: load(&sources).spec,
        sources,
        agents,
        settings: Settings::default(),
    })
    .await
    .unwrap();
    let listener = doors.net().listen("engine:80").await.unwrap();
    let (clock, tasks) = (doors.clock(), doors.tasks());
    serve(listener, handle, clock, tasks, ServeLimits::default(), std::future::pending()).await;
    running.stop().await;
}

fn start(native: &mut Native, disk: &SimDisk) {
    let disk = disk.clone();
    native.start("engine", |doors| engine(doors, disk));
}

fn client(doors: &NativeDoors) -> Client<SimNet, SimClock> {
    let patience = Patience { timeout: Duration::from_secs(2), tries: 50, ..Patience::default() };
    Client::new(doors.net(), doors.clock(), "http://engine:80", patience).unwrap()
}

fn created(id: u64) -> NewEvent {
    NewEvent {
        id: format!("created-{id}"),
        source: "client".to_owned(),
        kind: Kind::Primary,
        r#type: "interaction.created".to_owned(),
        time: DAWN,
        subject: None,
        cause: None,
        actor: Actor::World,
        depth: 0,
        enriches: None,
        data: Data::from_json(&serde_json::json!({ "interaction": format!("i{id}") })).unwrap(),
    }
}

fn story(disk: &SimDisk) -> Vec<String> {
    let mut native = native(0);
    let image = disk.image();
    let events = native.finish("reader", Duration::from_secs(60), |_| async move {
        let log = Log::open(image, None).await.unwrap();
        log.reader().read(Position::new(1)).map(|event| event.unwrap().event.r#type).collect()
    });
    events.unwrap()
}

#[test]
fn an_event_over_http_opens_a_gap_that_a_mock_agent_closes() {
    let (mut native, disk) = (native(1), SimDisk::new(&Chance::from_u64(1)));
    start(&mut native, &disk);
    let gaps = native.finish("client-1", Duration::from_secs(60), |doors| async move {
        let mut client = client(&doors);
        let appended = client.append(&[created(1)], &Expect::Any).await.unwrap();
        assert_eq!(appended.events.first().unwrap().position, Position::new(2));
        let open = client.gaps(&GapFilter::default()).await.unwrap().gaps.len();
        doors.clock().sleep_until(after(10_000)).await;
        (open, client.gaps(&GapFilter::default()).await.unwrap().gaps.len())
    });
    assert_eq!((gaps, native.panics()), (Some((1, 0)), vec![]));
    let expected = [
        "intent.adopted",
        "interaction.created",
        "gap.opened",
        "agent.spawned",
        "interaction.acknowledged",
        "agent.ended",
        "gap.closed",
    ];
    assert_eq!(story(&disk), expected);
}

/// A client that sends on while the engine loses power again and again.
fn restarts(seed: u64) -> (u64, Vec<String>) {
    let (mut native, disk) = (native(seed), SimDisk::new(&Chance::from_u64(seed)));
    start(&mut native, &disk);
    native.start("client-1", |doors| async move {
        let mut client = client(&doors);
        for id in 1..=20 {
            let appended = client.append(&[created(id)], &Expect::Any).await.unwrap();
            assert_eq!(appended.events.len(), 1);
            doors.clock().sleep_until(doors.clock().now() + Duration::from_millis(37)).await;
        }
    });
    for crash in 1..=5 {
        native.run_until(after(crash * 211));
        native.crash("engine");
        disk.crash(true);
        native.run_until(after(crash * 211 + 50));
        start(&mut native, &disk);
    }
    native.run_until(after(120_000));
    assert_eq!(native.panics(), []);
    (native.audit().hash(), story(&disk))
}

#[test]
fn a_client_gets_everything_stored_once_though_the_engine_loses_power() {
    for seed in 1..=5 {
        let (hash, story) = restarts(seed);
        let count = |name: &str| story.iter().filter(|it| *it == name).count();
        assert_eq!((count("interaction.created"), count("gap.closed")), (20, 20), "{story:?}");
        assert_eq!(restarts(seed), (hash, story), "the same seed is the same run");
    }
}
