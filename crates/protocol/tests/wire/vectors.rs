//! The vectors: bytes and facts that a client in any language can test against. What is committed is made from the
//! samples here, and then read back from the files and held against the code and the schemas.

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use unionflow_protocol::{
    Amount, Audience, Currency, Envelope, EventType, Language, Role, RoleSet, Topic, View,
    chain::ChainHash,
    close::{AfterClose, CloseCode, after_close},
    frame::{
        CaughtUp, ClientFrame, Control, ControlFrame, ErrorFrame, GoAway, GoAwayReason, OrganizationChoice,
        Pong, ResyncReason, ResyncRequired, RightsChanged, Welcome,
    },
    id::{Epoch, MemberId, OrganizationId, SessionId},
    limits,
    problem::ErrorCode,
    schema,
    seq::Seq,
};

use crate::{
    generated::check_folder,
    samples::{self, MEMBER, ORGANIZATION, PRESIDENT, TREASURER, at, id},
    schemas::validator,
};

#[test]
fn generated_vectors_are_fresh() {
    let files = [
        ("events.json", events()),
        ("tolerance.json", tolerance()),
        ("control.json", control()),
        ("client.json", client()),
        ("audiences.json", audiences()),
        ("money.json", money()),
        ("chain.json", chain()),
        ("close-codes.json", close_codes()),
        ("limits.json", all_limits()),
    ];
    let files: BTreeMap<String, Value> =
        files.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    check_folder("vectors", &files);
}

fn committed(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(file);
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

fn list<'a>(file: &'a Value, key: &str) -> &'a Vec<Value> {
    file[key].as_array().unwrap()
}

fn text<'a>(vector: &'a Value, key: &str) -> &'a str {
    vector[key].as_str().unwrap()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

// Events.

fn events() -> Value {
    let vector = |sample: samples::Sample| {
        let bytes = sample.envelope.encode();
        let event_type = sample.envelope.event.event_type().unwrap();
        json!({
            "name": sample.name,
            "eventType": event_type,
            "topic": event_type.topic(),
            "class": event_type.class(),
            "audience": sample.audience,
            "bytes": std::str::from_utf8(&bytes).unwrap(),
            "sha256": hex(&Sha256::digest(&bytes)),
        })
    };
    json!({ "events": samples::all().into_iter().map(vector).collect::<Vec<_>>() })
}

#[test]
fn every_event_vector_decodes_and_is_written_again_as_the_same_bytes() {
    let file = committed("events.json");
    let samples = samples::all();
    assert_eq!(list(&file, "events").len(), samples.len());
    for (vector, sample) in list(&file, "events").iter().zip(&samples) {
        let (name, bytes) = (text(vector, "name"), text(vector, "bytes"));
        let envelope = Envelope::decode(bytes.as_bytes()).unwrap();
        assert_eq!(envelope, sample.envelope, "{name}");
        assert_eq!(envelope.encode(), bytes.as_bytes(), "{name}");
        assert_eq!(text(vector, "sha256"), hex(&Sha256::digest(bytes)), "{name}");
        assert_eq!(text(vector, "audience").parse::<Audience>().unwrap(), sample.audience, "{name}");
    }
}

#[test]
fn every_type_of_event_has_a_vector_that_its_schema_takes() {
    let (file, schemas) = (committed("events.json"), schema::all());
    for event_type in EventType::ALL {
        let validator = validator(&schemas[&format!("events/{event_type}.json")]);
        let of_type =
            list(&file, "events").iter().filter(|vector| vector["eventType"] == event_type.as_str());
        let mut count = 0;
        for vector in of_type {
            count += 1;
            let envelope: Value = serde_json::from_str(text(vector, "bytes")).unwrap();
            if let Err(error) = validator.validate(&envelope) {
                panic!("{}: {error} at {}", vector["name"], error.instance_path());
            }
        }
        assert!(count > 0, "{event_type} has no vector");
    }
}

/// What a reader meets of later versions, and what is no envelope at all.
fn tolerance() -> Value {
    const HEAD: &str = r#""organizationId":"0199c500-0000-7000-8000-000000000001","#;
    const TAIL: &str = concat!(
        r#""timestamp":"2026-11-22T10:15:30.123Z","aggregateId":"0199c500-0000-7000-8000-000000000014","#,
        r#""aggregateVersion":3,"actorId":null,"origin":"operator","causationId":null"#
    );
    let id = r#"{"eventId":"0199c500-0000-7000-8000-000000001001","#;
    let invited = r#""eventType":"MEMBER_INVITED","#;
    let member = r#""data":{"id":"0199c500-0000-7000-8000-000000000014"}"#;
    let read = |name: &str, bytes: String, known: bool| {
        let event_type = Envelope::decode(bytes.as_bytes()).unwrap().event.type_name().to_owned();
        json!({ "name": name, "bytes": bytes, "eventType": event_type, "known": known })
    };
    let reads = [
        read("plain", format!(r#"{id}{invited}{HEAD}"seq":7,{TAIL},{member}}}"#), true),
        read(
            "unknown keys",
            format!(
                r#"{id}{invited}{HEAD}"seq":7,"hue":{{"a":[1]}},{TAIL},"data":{{"id":"0199c500-0000-7000-8000-000000000014","by":"sms"}}}}"#
            ),
            true,
        ),
        read(
            "keys in another order, and white space",
            format!(
                "{{ {member},\n {TAIL}, \"seq\" : 7, {HEAD} {invited} {}}}",
                id[1..].trim_end_matches(',')
            ),
            true,
        ),
        read(
            "a time with an offset",
            format!(r#"{id}{invited}{HEAD}"seq":7,{TAIL},{member}}}"#)
                .replace("2026-11-22T10:15:30.123Z", "2026-11-22T11:15:30.123+01:00"),
            true,
        ),
        read(
            "an unknown type",
            format!(r#"{id}"eventType":"SOMETHING_NEW",{HEAD}"seq":7,{TAIL},"data":[1,null]}}"#),
            false,
        ),
        read(
            "a known type with another shape",
            format!(r#"{id}{invited}{HEAD}"seq":7,{TAIL},"data":{{"id":14}}}}"#),
            false,
        ),
    ];
    let whole = format!(r#"{id}{invited}{HEAD}"seq":7,{TAIL},{member}}}"#);
    let refused = [
        ("empty", String::new()),
        ("not JSON", whole[..whole.len() - 1].to_owned()),
        ("not an object", "[]".to_owned()),
        ("no place", whole.replace("\"seq\":7,", "")),
        ("two places", whole.replace("\"seq\":7,", "\"seq\":7,\"asOfSeq\":7,\"asOfDate\":\"2026-11-22\",")),
        ("a state without its day", whole.replace("\"seq\"", "\"asOfSeq\"")),
        ("a negative place", whole.replace("\"seq\":7", "\"seq\":-7")),
        ("no data", whole.replace(&format!(",{member}"), "")),
        ("not an id", whole.replace("0199c500-0000-7000-8000-000000001001", "1001")),
        ("not a time", whole.replace("2026-11-22T10:15:30.123Z", "2026-11-22")),
    ];
    let refused: Vec<Value> =
        refused.into_iter().map(|(name, bytes)| json!({ "name": name, "bytes": bytes })).collect();
    json!({ "read": reads, "refused": refused })
}

#[test]
fn what_later_versions_add_is_passed_over_and_what_is_no_envelope_is_refused() {
    let file = committed("tolerance.json");
    for vector in list(&file, "read") {
        let bytes = text(vector, "bytes").as_bytes();
        let envelope = Envelope::decode(bytes).unwrap();
        assert_eq!(envelope.event.event_type().is_some(), vector["known"], "{}", vector["name"]);
        assert_eq!(envelope.event.type_name(), text(vector, "eventType"));
    }
    for vector in list(&file, "refused") {
        assert!(Envelope::decode(text(vector, "bytes").as_bytes()).is_err(), "{}", vector["name"]);
    }
}

// Frames.

fn control() -> Value {
    let (organization, epoch): (OrganizationId, Epoch) = (id(ORGANIZATION), id(0x2));
    let stats = samples::all()
        .into_iter()
        .find(|sample| sample.name == "DASHBOARD_STATS_UPDATE officers")
        .map(|sample| String::from_utf8(sample.envelope.encode().to_vec()).unwrap())
        .unwrap();
    let welcome = Welcome {
        session_id: id::<SessionId>(0x91),
        organization_id: organization,
        epoch,
        head_seq: Seq(1_042),
        resumed_from: Some(Seq(1_041)),
        heartbeat_seconds: 30,
        member_id: id::<MemberId>(TREASURER),
        roles: RoleSet::of(&[Role::Treasurer, Role::Member]),
        stats: Some(serde_json::value::RawValue::from_string(stats).unwrap()),
    };
    let first = Welcome { resumed_from: None, stats: None, ..welcome };
    let choices = vec![OrganizationChoice { organization_id: organization, name: "Mutuelle A".to_owned() }];
    let roles = RoleSet::of(&[Role::Member]);
    let resync = |reason| Control::ResyncRequired(ResyncRequired { head_seq: Seq(1_042), epoch, reason });
    let error = |code: ErrorCode, detail: &str, choices| {
        Control::Error(ErrorFrame { code, detail: detail.to_owned(), choices })
    };
    let frames = [
        ("resumed", Some(organization), Control::Welcome(welcome)),
        ("live from now", Some(organization), Control::Welcome(first)),
        ("", Some(organization), Control::CaughtUp(CaughtUp { seq: Seq(1_042) })),
        ("", Some(organization), Control::Pong(Pong { seq: Seq(1_042) })),
        ("", Some(organization), Control::RightsChanged(RightsChanged { roles, seq: Seq(1_043) })),
        ("another epoch", Some(organization), resync(ResyncReason::OtherEpoch)),
        ("beyond the head", Some(organization), resync(ResyncReason::BeyondHead)),
        ("too far behind", Some(organization), resync(ResyncReason::TooFarBehind)),
        (
            "",
            Some(organization),
            Control::GoAway(GoAway { retry_after_ms: 3_250, reason: GoAwayReason::Restarting }),
        ),
        (
            "",
            Some(organization),
            error(ErrorCode::InvalidFrame, "`seq` is missing: a whole number, in digits", Vec::new()),
        ),
        (
            "which organization",
            None,
            error(ErrorCode::OrganizationRequired, "say which organisation", choices),
        ),
    ];
    let vectors = frames.map(|(shape, organization_id, control)| {
        let frame = ControlFrame { control, organization_id, timestamp: at("2026-11-22T10:15:30.123Z") };
        let bytes = String::from_utf8(frame.encode().to_vec()).unwrap();
        let read: Value = serde_json::from_str(&bytes).unwrap();
        let name = [text(&read, "eventType"), shape].join(" ").trim().to_owned();
        json!({ "name": name, "eventType": read["eventType"], "bytes": bytes })
    });
    json!({ "frames": vectors })
}

#[test]
fn every_control_frame_decodes_is_written_again_and_fits_its_schema() {
    let (file, schemas) = (committed("control.json"), schema::all());
    let mut seen = Vec::new();
    for vector in list(&file, "frames") {
        let (name, bytes) = (text(vector, "name"), text(vector, "bytes"));
        let frame = ControlFrame::decode(bytes.as_bytes()).unwrap();
        assert_eq!(frame.encode(), bytes.as_bytes(), "{name}");
        let event_type = text(vector, "eventType");
        let validator = validator(&schemas[&format!("control/{event_type}.json")]);
        if let Err(error) = validator.validate(&serde_json::from_str(bytes).unwrap()) {
            panic!("{name}: {error} at {}", error.instance_path());
        }
        let with_more =
            bytes.replacen('{', r#"{"hue":[1],"#, 1).replacen(r#""data":{"#, r#""data":{"hue":1,"#, 1);
        assert_eq!(ControlFrame::decode(with_more.as_bytes()).unwrap().encode(), bytes.as_bytes(), "{name}");
        seen.push(format!("control/{event_type}.json"));
    }
    let of_frames = schemas.keys().filter(|file| file.starts_with("control/"));
    assert!(of_frames.into_iter().all(|file| seen.contains(file)), "a control frame has no vector");
    for event in list(&committed("events.json"), "events").iter().take(1) {
        assert!(ControlFrame::decode(text(event, "bytes").as_bytes()).is_none());
    }
}

fn client() -> Value {
    let good = [
        (r#"{"type":"ping"}"#, r#"{"type":"ping"}"#),
        ("ping", r#"{"type":"ping"}"#),
        (r#"{"type":"ack","seq":1042}"#, r#"{"type":"ack","seq":1042}"#),
        (r#"{ "seq": 0, "hue": {"a": [1]}, "type": "ack" }"#, r#"{"type":"ack","seq":0}"#),
        (
            r#"{"type":"authenticate","token":"eyJ.made.up"}"#,
            r#"{"type":"authenticate","token":"eyJ.made.up"}"#,
        ),
        (
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001"}"#,
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001"}"#,
        ),
        (
            r#"{"type":"switch","organizationId":"0199C500-0000-7000-8000-000000000001","after":null,"epoch":null}"#,
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001"}"#,
        ),
        (
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001","after":1041,"epoch":"0199c500-0000-7000-8000-000000000002"}"#,
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001","after":1041,"epoch":"0199c500-0000-7000-8000-000000000002"}"#,
        ),
    ];
    let bad = [
        ("", ErrorCode::InvalidJson),
        ("PING", ErrorCode::InvalidJson),
        ("{", ErrorCode::InvalidJson),
        (r#"{"type":"ping"}{}"#, ErrorCode::InvalidJson),
        ("null", ErrorCode::InvalidFrame),
        (r#""ping""#, ErrorCode::InvalidFrame),
        ("[]", ErrorCode::InvalidFrame),
        (r#"["ack",1042]"#, ErrorCode::InvalidFrame),
        ("{}", ErrorCode::InvalidFrame),
        (r#"{"type":null}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"shout"}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"Ping"}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"ack"}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"ack","seq":-1}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"ack","seq":1.5}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"ack","seq":"5"}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"authenticate"}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"authenticate","token":["made-up"]}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"switch"}"#, ErrorCode::InvalidFrame),
        (r#"{"type":"switch","organizationId":"here"}"#, ErrorCode::InvalidFrame),
        (
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001","after":"1041"}"#,
            ErrorCode::InvalidFrame,
        ),
        (
            r#"{"type":"switch","organizationId":"0199c500-0000-7000-8000-000000000001","epoch":7}"#,
            ErrorCode::InvalidFrame,
        ),
    ];
    json!({
        "good": good.map(|(text, same_as)| json!({ "text": text, "sameAs": same_as })),
        "bad": bad.map(|(text, code)| json!({ "text": text, "code": code })),
    })
}

#[test]
fn good_client_frames_are_read_and_bad_ones_get_their_code() {
    let (file, schemas) = (committed("client.json"), schema::all());
    let of_clients = || schemas.iter().filter(|(file, _)| file.starts_with("client/"));
    for vector in list(&file, "good") {
        let frame = ClientFrame::parse(text(vector, "text")).unwrap();
        let written = serde_json::to_string(&frame).unwrap();
        assert_eq!(written, text(vector, "sameAs"));
        let written: Value = serde_json::from_str(&written).unwrap();
        let takers = of_clients().filter(|(_, schema)| validator(schema).is_valid(&written)).count();
        assert_eq!(takers, 1, "{written}");
    }
    for vector in list(&file, "bad") {
        let bad = ClientFrame::parse(text(vector, "text")).unwrap_err();
        assert_eq!(bad.code.as_str(), text(vector, "code"), "{vector}");
        if let Ok(read) = serde_json::from_str::<Value>(text(vector, "text")) {
            let taker = of_clients().find(|(_, schema)| validator(schema).is_valid(&read));
            assert!(taker.is_none(), "{read} is bad, but {taker:?} takes it");
        }
    }
}

// Audiences.

fn audiences() -> Value {
    let people = [
        ("president", PRESIDENT, &[Role::President, Role::Member][..]),
        ("treasurer", TREASURER, &[Role::Treasurer, Role::Member]),
        ("administrator", 0x16, &[Role::Admin, Role::Member]),
        ("auditor", 0x17, &[Role::Auditor, Role::Member]),
        ("member", MEMBER, &[Role::Member]),
        ("other", 0x15, &[Role::Member]),
    ];
    let member = "member:0199c500-0000-7000-8000-000000000014";
    let officers = "roles:PRESIDENT,TREASURER,SECRETARY,BOARD_MEMBER,AUDITOR";
    let both = format!("{officers};{member}");
    let two = format!("{member};member:0199c500-0000-7000-8000-000000000015");
    // Written by hand from the contract, not asked from the code.
    let cases: [(&str, &[&str]); 11] = [
        ("none", &[]),
        ("organization", &["president", "treasurer", "administrator", "auditor", "member", "other"]),
        ("roles:PRESIDENT", &["president"]),
        (officers, &["president", "treasurer", "auditor"]),
        ("roles:PRESIDENT,TREASURER,SECRETARY,AUDITOR", &["president", "treasurer", "auditor"]),
        (
            "roles:ADMIN,PRESIDENT,TREASURER,SECRETARY,BOARD_MEMBER,AUDITOR",
            &["president", "treasurer", "administrator", "auditor"],
        ),
        (member, &["member"]),
        (&both, &["president", "treasurer", "auditor", "member"]),
        (&two, &["member", "other"]),
        ("view:officers", &["president", "treasurer", "auditor"]),
        ("view:members", &["administrator", "member", "other"]),
    ];
    let refused = [
        "",
        "everyone",
        "ORGANIZATION",
        "roles:",
        "roles:BOSS",
        "roles:PRESIDENT,",
        "member:",
        "member:14",
        "view:all",
        "organization;",
        ";none",
        "organization,none",
    ];
    let people_json = people.map(|(name, n, roles)| {
        let roles = RoleSet::of(roles);
        (name.to_owned(), json!({ "memberId": id::<MemberId>(n), "roles": roles, "view": View::of(roles) }))
    });
    json!({
        "people": people_json.into_iter().collect::<serde_json::Map<_, _>>(),
        "audiences": cases.map(|(text, admits)| {
            let admits = people.map(|(name, ..)| (name.to_owned(), Value::Bool(admits.contains(&name))));
            json!({ "text": text, "admits": admits.into_iter().collect::<serde_json::Map<_, _>>() })
        }),
        "refused": refused,
    })
}

#[test]
fn each_audience_admits_whom_its_vector_says_and_nobody_else() {
    let file = committed("audiences.json");
    for vector in list(&file, "audiences") {
        let audience: Audience = text(vector, "text").parse().unwrap();
        assert_eq!(audience.to_string(), text(vector, "text"));
        for (name, person) in file["people"].as_object().unwrap() {
            let member: MemberId = text(person, "memberId").parse().unwrap();
            let roles: RoleSet = serde_json::from_value(person["roles"].clone()).unwrap();
            assert_eq!(audience.admits(member, roles), vector["admits"][name], "{audience} {name}");
        }
    }
    for refused in list(&file, "refused") {
        assert!(refused.as_str().unwrap().parse::<Audience>().is_err(), "{refused}");
    }
}

// Money.

fn money() -> Value {
    let exponents = [
        ("XOF", 0),
        ("XAF", 0),
        ("GNF", 0),
        ("EUR", 2),
        ("USD", 2),
        ("GHS", 2),
        ("NGN", 2),
        ("MRU", 2),
        ("TND", 3),
    ];
    // Written by hand: U+202F between groups, U+00A0 before the currency, U+2212 as minus.
    let shown = [
        (0i64, "XOF", Language::French, "0\u{a0}FCFA"),
        (12_500, "XOF", Language::French, "12\u{202f}500\u{a0}FCFA"),
        (12_500, "XOF", Language::English, "12\u{202f}500\u{a0}FCFA"),
        (-75_000, "XAF", Language::French, "\u{2212}75\u{202f}000\u{a0}FCFA"),
        (1_000, "GNF", Language::French, "1\u{202f}000\u{a0}GNF"),
        (1_000, "GNF", Language::English, "1,000\u{a0}GNF"),
        (123_450, "EUR", Language::French, "1\u{202f}234,50\u{a0}EUR"),
        (123_450, "EUR", Language::English, "1,234.50\u{a0}EUR"),
        (5, "EUR", Language::English, "0.05\u{a0}EUR"),
        (1_234_567, "TND", Language::French, "1\u{202f}234,567\u{a0}TND"),
        (
            9_007_199_254_740_991,
            "XOF",
            Language::French,
            "9\u{202f}007\u{202f}199\u{202f}254\u{202f}740\u{202f}991\u{a0}FCFA",
        ),
    ];
    json!({
        "max": Amount::MAX,
        "exponents": exponents.map(|(code, exponent)| json!({ "currency": code, "exponent": exponent })),
        "notCurrencies": ["", "xof", "XO", "FCFA", "XAU", "XXX"],
        "amounts": ["0", "75000", "-75000", "9007199254740991", "-9007199254740991"],
        "notAmounts": ["1.5", "1e3", "\"75000\"", "null", "9007199254740992", "-9007199254740992", "1e400"],
        "shown": shown.map(|(units, code, language, text)| {
            json!({ "minorUnits": units, "currency": code, "language": language, "text": text })
        }),
    })
}

#[test]
fn money_is_counted_and_shown_as_its_vectors_say() {
    let file = committed("money.json");
    assert_eq!(file["max"], Amount::MAX.minor_units());
    for vector in list(&file, "exponents") {
        let currency: Currency = text(vector, "currency").parse().unwrap();
        assert_eq!(currency.exponent() as u64, vector["exponent"], "{currency}");
    }
    for code in list(&file, "notCurrencies") {
        assert!(code.as_str().unwrap().parse::<Currency>().is_err(), "{code}");
    }
    for amount in list(&file, "amounts") {
        let text = amount.as_str().unwrap();
        assert_eq!(serde_json::from_str::<Amount>(text).unwrap().to_string(), text);
    }
    for amount in list(&file, "notAmounts") {
        assert!(serde_json::from_str::<Amount>(amount.as_str().unwrap()).is_err(), "{amount}");
    }
    for vector in list(&file, "shown") {
        let amount: Amount = serde_json::from_value(vector["minorUnits"].clone()).unwrap();
        let currency: Currency = text(vector, "currency").parse().unwrap();
        let language: Language = text(vector, "language").parse().unwrap();
        assert_eq!(amount.format(currency, language), text(vector, "text"));
    }
}

// The chain.

fn chain() -> Value {
    let entries = [
        ("unionflow.members.events", "organization", r#"{"made":"up"}"#),
        ("unionflow.members.events", "none", r#"{"text":"Éléonore \u00e9 ✓"}"#),
        ("unionflow.finance.approvals", "roles:PRESIDENT,TREASURER", "{}"),
        ("unionflow.notifications.user", "member:0199c500-0000-7000-8000-000000000014", ""),
    ];
    let mut previous = ChainHash::GENESIS;
    let vectors = entries.map(|(topic, audience, bytes)| {
        let hash = previous.link(topic.parse().unwrap(), audience, bytes.as_bytes());
        let tag = "unionflow journal v1".as_bytes();
        let parts = [tag, previous.as_bytes(), topic.as_bytes(), audience.as_bytes(), bytes.as_bytes()];
        let mut input = Vec::new();
        for part in parts {
            input.extend((part.len() as u64).to_be_bytes());
            input.extend(part);
        }
        let vector = json!({
            "previous": previous.to_string(), "topic": topic, "audience": audience, "bytes": bytes,
            "input": hex(&input), "hash": hash.to_string(),
        });
        previous = hash;
        vector
    });
    json!({ "tag": "unionflow journal v1", "genesis": ChainHash::GENESIS.to_string(), "entries": vectors })
}

#[test]
fn each_hash_of_the_chain_is_that_of_its_input_and_holds_the_one_before() {
    let file = committed("chain.json");
    let mut previous = ChainHash::GENESIS;
    for vector in list(&file, "entries") {
        assert_eq!(text(vector, "previous"), previous.to_string());
        let topic: Topic = text(vector, "topic").parse().unwrap();
        let hash = previous.link(topic, text(vector, "audience"), text(vector, "bytes").as_bytes());
        assert_eq!(text(vector, "hash"), hash.to_string());
        let input = text(vector, "input");
        let input: Vec<u8> =
            (0..input.len()).step_by(2).map(|i| u8::from_str_radix(&input[i..i + 2], 16).unwrap()).collect();
        assert_eq!(text(vector, "hash"), hex(&Sha256::digest(&input)));
        previous = hash;
    }
}

// Close codes and limits.

fn after(code: u16) -> &'static str {
    match after_close(code) {
        AfterClose::ReconnectLater => "reconnect with backoff and resume",
        AfterClose::ReconnectNow => "reconnect at once and resume",
        AfterClose::Authenticate => "authenticate again, then reconnect and resume",
        AfterClose::Stop => "stop",
    }
}

fn close_codes() -> Value {
    let codes = CloseCode::ALL
        .iter()
        .map(|code| json!({ "code": code.number(), "reason": code.reason(), "then": after(code.number()) }));
    let unknown = [1001, 1006, 1011, 4000, 4099, 4199, 4299, 4399, 4400];
    json!({
        "codes": codes.collect::<Vec<_>>(),
        "others": unknown.map(|code| json!({ "code": code, "then": after(code) })),
    })
}

#[test]
fn the_range_of_a_close_code_says_what_a_client_does() {
    let file = committed("close-codes.json");
    for vector in list(&file, "codes").iter().chain(list(&file, "others")) {
        let then = match vector["code"].as_u64().unwrap() {
            1002 | 1003 | 1007 | 1009 | 4300..=4399 => "stop",
            1000..=1013 | 4000..=4099 | 4400 => "reconnect with backoff and resume",
            4100..=4199 => "reconnect at once and resume",
            4200..=4299 => "authenticate again, then reconnect and resume",
            other => panic!("{other} is in no range of the contract"),
        };
        assert_eq!(text(vector, "then"), then, "{vector}");
    }
    assert_eq!(list(&file, "codes").len(), CloseCode::ALL.len());
}

fn all_limits() -> Value {
    json!({
        "clientFrameBytes": limits::CLIENT_FRAME_BYTES,
        "eventBytes": limits::EVENT_BYTES,
        "bodyBytes": limits::BODY_BYTES,
        "openBodyBytes": limits::OPEN_BODY_BYTES,
        "importBytes": limits::IMPORT_BYTES,
        "importRows": limits::IMPORT_ROWS_MAX,
        "heartbeatSeconds": limits::HEARTBEAT.as_secs(),
        "silenceSeconds": limits::SILENCE.as_secs(),
        "resumeEvents": limits::RESUME_EVENTS,
        "ticketSeconds": limits::TICKET_LIFETIME.as_secs(),
        "accessTokenSeconds": limits::ACCESS_TOKEN_LIFETIME.as_secs(),
        "pageDefault": limits::PAGE_DEFAULT,
        "pageMax": limits::PAGE_MAX,
        "idempotencyKeyBytesMin": limits::IDEMPOTENCY_KEY_BYTES.start(),
        "idempotencyKeyBytesMax": limits::IDEMPOTENCY_KEY_BYTES.end(),
        "idempotencyDays": limits::IDEMPOTENCY_LIFETIME.as_secs() / 86_400,
        "figuresIntervalMs": u64::try_from(limits::FIGURES_INTERVAL.as_millis()).unwrap(),
        "kpiMonths": limits::KPI_MONTHS,
    })
}

/// The numbers of the contract, written by hand.
#[test]
fn the_limits_are_those_of_the_contract() {
    let file = committed("limits.json");
    for (name, value) in [
        ("clientFrameBytes", 16_384),
        ("bodyBytes", 1_048_576),
        ("heartbeatSeconds", 30),
        ("silenceSeconds", 75),
        ("resumeEvents", 10_000),
        ("ticketSeconds", 30),
        ("accessTokenSeconds", 900),
        ("idempotencyDays", 30),
        ("figuresIntervalMs", 250),
        ("kpiMonths", 12),
    ] {
        assert_eq!(file[name], value, "{name}");
    }
}
