//! What the SDK costs the program that uses it: an event's way from its bytes to the typed message, and a client's memory.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use serde_json::Value;
use unionflow_client::{
    AccessToken, ConnectionStatus, FixedToken, RealtimeClient,
    backoff::Jitter,
    session::{Begin, Input, Moment, Output, Session, Settings},
};
use unionflow_protocol::Role;

use crate::{memory::resident_kib, report::Report, worlds::Alone};

/// One of each event, as servers send it, and a conversation that begins.
const EVENTS: &str = include_str!("../../../protocol/vectors/events.json");
const CONVERSATION: &str = include_str!("../../../client/conversations/first-connect.json");
const ROUNDS: usize = 7;
const EVENTS_A_ROUND: usize = 20_000;
const CLIENTS: usize = 1_000;

pub(crate) async fn measure(report: &mut Report) {
    events(report);
    memory(report).await;
}

fn events(report: &mut Report) {
    let (mut ours, mut plain) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (mut session, first) = live();
        // The conversation goes on a little after its welcome.
        let frames = frames(first + 10);
        let (mut told, begun) = (0, Instant::now());
        for frame in &frames {
            session.handle(Moment::default(), Input::Text(frame.as_bytes()));
            while let Some(output) = session.poll_output() {
                told += usize::from(matches!(output, Output::Tell(_)));
            }
        }
        ours.push(begun.elapsed());
        assert!(told >= frames.len(), "each event is told: {told} of {}", frames.len());
        let begun = Instant::now();
        for frame in &frames {
            std::hint::black_box(serde_json::from_slice::<Value>(frame.as_bytes()).expect("JSON"));
        }
        plain.push(begun.elapsed());
    }
    let each = |times: &[Duration]| {
        times.iter().min().expect("there were rounds").as_secs_f64() * 1e6 / EVENTS_A_ROUND as f64
    };
    let (ours, plain) = (each(&ours), each(&plain));
    report.row(
        "SDK: frame bytes → typed message, each kind of event in turn",
        format!("{ours:.2} µs"),
        format!("{plain:.2} µs to read the same as JSON without types"),
        "≤ 3 µs",
        ours <= 3.0,
    );
}

/// A session that is live, and where it stands.
fn live() -> (Session, u64) {
    let conversation: Value = serde_json::from_str(CONVERSATION).expect("JSON");
    let settings = Settings {
        organization_id: None,
        cursor: None,
        begin: Begin::Now,
        fetches_snapshots: false,
        jitter: Jitter::scripted([0.5; 4]),
    };
    let mut session = Session::new(settings);
    let now = Moment::default();
    session.handle(now, Input::Connect);
    session.handle(now, Input::Token(Ok(AccessToken::lasting("t"))));
    session.handle(now, Input::Opened);
    let mut seq = 0;
    for frame in conversation["steps"].as_array().expect("steps").iter().map(|step| &step["in"]["frame"]) {
        if frame["eventType"] == "SYSTEM_WELCOME" {
            seq = frame["data"]["headSeq"].as_u64().expect("a head");
        }
        if frame["eventType"].as_str().is_some_and(|kind| kind.starts_with("SYSTEM_")) {
            session.handle(now, Input::Text(frame.to_string().as_bytes()));
        }
    }
    while session.poll_output().is_some() {}
    (session, seq)
}

/// Frames of the vectors' facts again and again, from this place on; without those that end a membership or change rights.
fn frames(first: u64) -> Vec<String> {
    let vectors: Value = serde_json::from_str(EVENTS).expect("JSON");
    let texts =
        vectors["events"].as_array().expect("events").iter().filter_map(|event| event["bytes"].as_str());
    let changes =
        |text: &&str| text.contains("\"eventType\":\"MEMBER_") || text.contains("\"eventType\":\"ROLE_");
    let parts: Vec<(String, String)> = texts
        .filter(|text| !changes(text))
        .filter_map(|text| {
            let (before, rest) = text.split_once("\"seq\":")?;
            let after = rest.trim_start_matches(|c: char| c.is_ascii_digit());
            Some((before.to_owned(), after.to_owned()))
        })
        .collect();
    let of = |(n, (before, after)): (u64, &(String, String))| format!("{before}\"seq\":{n}{after}");
    (first..).zip(parts.iter().cycle()).take(EVENTS_A_ROUND).map(of).collect()
}

async fn memory(report: &mut Report) {
    let alone = Alone::start().await;
    let treasurer = alone.signed_in(Role::Treasurer).await;
    let client = || {
        let url = format!("http://{}", alone.address).parse().expect("an address");
        RealtimeClient::builder(url, FixedToken::new(treasurer.token.clone()))
            .organization(alone.troupe.id)
            .start()
    };
    // What is made once is there before it counts.
    let first = client();
    live_now(&first).await;
    let before = resident_kib(std::process::id());
    let mut clients = Vec::new();
    for _ in 0..CLIENTS {
        let client = client();
        let events = client.events();
        live_now(&client).await;
        clients.push((client, events));
    }
    let after = resident_kib(std::process::id());
    let each = after.saturating_sub(before) as f64 / CLIENTS as f64;
    report.row(
        "SDK: memory per client (1,000 live, each with a stream)",
        format!("{each:.1} KiB"),
        format!("{} MiB before, {} MiB with them", before / 1024, after / 1024),
        "≤ 40 KiB",
        each <= 40.0,
    );
    drop((first, clients));
    alone.end().await;
}

async fn live_now(client: &RealtimeClient) {
    let mut statuses = client.statuses();
    client.connect().await;
    while let Some(status) = statuses.next().await {
        match status {
            ConnectionStatus::Live => return,
            ConnectionStatus::Stopped { reason } => panic!("{reason:?}"),
            _ => {}
        }
    }
}
