//! Every reader of what strangers send, one function each: it does not panic, and what it has read it writes and reads again
//! as the same. `cargo fuzz` calls them by name; the workspace's tests run them all.

use serde::{Serialize, de::DeserializeOwned};
use unionflow_domain::{
    contact::Country,
    import,
    inbound::{Arrival, Fact, Heard, PLAIN, Rules, Source, Types, hear},
    policy,
    service_key::{Scopes, Wanted},
};
use unionflow_protocol::{
    Amount, Currency, Envelope, Language,
    approval::PolicyRules,
    frame::{ClientFrame, ControlFrame},
    problem::ErrorCode,
    rest::{
        approval::{Approve, EditApproval, Reject, SubmitApproval},
        service_key::CreateServiceKey,
    },
};

/// What is done with the bytes.
pub type Target = fn(&[u8]);

/// Each by its name. Good inputs to begin with are in `fuzz/seeds/NAME`.
pub const ALL: &[(&str, Target)] = &[
    ("client_frame", client_frame),
    ("socket", socket),
    ("query", query),
    ("envelope", envelope),
    ("import", import),
    ("rest", rest),
    ("money", money),
    ("inbound", inbound),
];

/// A frame of a client.
pub fn client_frame(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    match ClientFrame::parse(text) {
        Ok(frame) => {
            let written = serde_json::to_string(&frame).expect("plain values");
            assert_eq!(ClientFrame::parse(&written), Ok(frame));
        }
        Err(bad) => {
            assert!(matches!(bad.code, ErrorCode::InvalidJson | ErrorCode::InvalidFrame));
            // Fixed sentences and a column: never what the client wrote, which may hold a token.
            assert!(bad.detail.len() < 100, "{}", bad.detail);
        }
    }
}

/// The bytes of a client's WebSocket.
pub fn socket(data: &[u8]) {
    unionflow_gateway::fuzzing::socket(data);
}

/// Where a client asks to connect to.
pub fn query(data: &[u8]) {
    unionflow_gateway::fuzzing::query(&String::from_utf8_lossy(data));
}

/// What the journal and the bus hold, and what the server says about a session.
pub fn envelope(data: &[u8]) {
    if let Ok(envelope) = Envelope::decode(data) {
        let written = envelope.encode();
        let again = Envelope::decode(&written).expect("what was written is an envelope");
        assert_eq!(again, envelope);
        assert_eq!(again.encode(), written);
    }
    if let Some(frame) = ControlFrame::decode(data) {
        let written = frame.encode();
        assert_eq!(ControlFrame::decode(&written).expect("what was written is a frame").encode(), written);
    }
}

/// A file of members, in whatever encoding.
pub fn import(data: &[u8]) {
    let today = "2026-11-22".parse().expect("a date");
    let Ok(reading) = import::read(data, Country::CI, today) else { return };
    let lines = data.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count() + 1;
    let rows = reading.rows.iter().map(|row| row.row);
    let named = reading.faults.iter().chain(reading.remarks.iter()).map(|fault| fault.row);
    for line in rows.chain(named) {
        assert!((1..=lines).contains(&(line as usize)), "line {line} of {lines}");
    }
    assert!(reading.rows.is_sorted_by_key(|row| row.row), "in order");
    assert!(reading.rows.len() + reading.blank as usize <= lines);
    for row in &reading.rows {
        assert!(row.joined_on.is_none_or(|date| date <= today), "nobody joined tomorrow");
        assert!(!row.name.given.is_empty() || !row.name.family.is_empty(), "a member has a name");
    }
}

/// Bodies of commands that move money, change its rules or open it to others.
pub fn rest(data: &[u8]) {
    again::<SubmitApproval>(data);
    again::<EditApproval>(data);
    again::<Approve>(data);
    again::<Reject>(data);
    if let Some(rules) = again::<PolicyRules>(data) {
        let _ = policy::validate(&rules);
    }
    if let Some(Ok(wanted)) = again::<CreateServiceKey>(data).map(|asked| Wanted::parse(&asked)) {
        assert_eq!(Scopes::parse(wanted.scopes.as_slice()), Ok(wanted.scopes));
    }
}

fn again<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(data: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(data).ok()?;
    let written = serde_json::to_vec(&read).expect("plain values");
    assert_eq!(serde_json::from_slice::<T>(&written).expect("what was written is one"), read);
    Some(read)
}

/// An amount, a currency, and another amount.
pub fn money(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut words = text.split(' ');
    let mut amount = || serde_json::from_str::<Amount>(words.next()?).ok();
    let (first, second) = (amount(), amount());
    let currency = text.split(' ').find_map(|word| word.parse::<Currency>().ok());
    for amount in [first, second].into_iter().flatten() {
        assert!(Amount::new(amount.minor_units()) == Ok(amount) && amount.negated().negated() == amount);
        assert_eq!(serde_json::from_str::<Amount>(&amount.to_string()).ok(), Some(amount));
    }
    if let (Some(first), Some(second)) = (first, second) {
        if let Ok(sum) = first.plus(second) {
            assert_eq!(sum.minus(second), Ok(first));
        }
        assert_eq!(first.plus(second), second.plus(first));
    }
    if let (Some(amount), Some(currency)) = (first, currency) {
        assert_eq!(currency.code().parse::<Currency>().ok(), Some(currency));
        for language in [Language::French, Language::English] {
            let shown = amount.format(currency, language);
            let number = shown.split('\u{a0}').next().expect("the number comes first");
            let digits: String = number.chars().filter(char::is_ascii_digit).collect();
            assert_eq!(digits.parse(), Ok(amount.minor_units().unsigned_abs()), "{shown}");
            assert_eq!(number.starts_with('\u{2212}'), amount.is_negative(), "{shown}");
        }
    }
}

/// A record of another system: lines of `name: value`, an empty line, and its value.
pub fn inbound(data: &[u8]) {
    let head = data.windows(2).position(|two| two == b"\n\n");
    let (head, value) = head.map_or((&[][..], data), |at| (&data[..at], &data[at + 2..]));
    let headers = str::from_utf8(head).unwrap_or_default().lines().filter_map(|line| line.split_once(": "));
    let Some(fact) = heard(headers.collect(), value) else { return };
    let data: serde_json::Value = serde_json::from_str(fact.data.get()).expect("it was written as JSON");
    let again =
        serde_json::json!({ "eventType": fact.event_type, "organizationId": "org-123", "data": data });
    let again = heard(Vec::new(), again.to_string().as_bytes()).expect("what was taken in is taken in again");
    // But for who did it there, which is mapped each time.
    assert_eq!((again.dropped, again.data.get().len()), (0, fact.data.get().len()));
}

fn heard(headers: Vec<(&str, &str)>, value: &[u8]) -> Option<Fact> {
    let ours = "0199c500-0000-7000-8000-000000000001".parse().expect("an id");
    let source = |name: &str| Source { name: name.to_owned(), types: Types::All, organizations: None };
    let rules = Rules {
        organizations: [("org-123".to_owned(), ours)].into(),
        sources: vec![source(PLAIN), source("caisse")],
    };
    let arrival = Arrival { place: "topic/0/0", key: Some("7"), headers, value: Some(value), is_cut: false };
    match hear(&arrival, &rules) {
        Ok(Heard::Fact(fact)) => Some(fact),
        Ok(Heard::Claim(_)) => None,
        // Fixed sentences and places: never what somebody wrote.
        Err(rejected) => {
            assert!(rejected.detail.len() < 250 && rejected.detail.is_ascii(), "{}", rejected.detail);
            None
        }
    }
}
