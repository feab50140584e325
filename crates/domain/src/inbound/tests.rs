//! What is taken in of others' records, what is not and why, and that nothing personal gets through.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use serde_json::json;
use unionflow_protocol::{Audience, Role, RoleSet};

use super::{
    vocabulary::{Kind, VOCABULARY, Word},
    *,
};

const OURS: &str = "0199c500-0000-7000-8000-000000000001";
const MEMBER: &str = "0199c500-0000-7000-8000-0000000000aa";
const PLACE: &str = "unionflow.events.inbound/3/17";

fn xof() -> Currency {
    "XOF".parse().expect("a currency")
}

fn rules() -> Rules {
    let ours: OrganizationId = OURS.parse().expect("an id");
    let source = |name: &str, types, organizations| Source { name: name.into(), types, organizations };
    Rules {
        organizations: [("org-123".to_owned(), ours)].into(),
        sources: vec![
            source(PLAIN, Types::All, None),
            source("caisse", Types::Only(vec![EventType::ContributionPaid]), Some(vec![ours])),
        ],
    }
}

fn heard_with(key: Option<&str>, headers: &[(&str, &str)], value: &str) -> Result<Heard, Rejected> {
    let arrival = Arrival {
        place: PLACE,
        key,
        headers: headers.to_vec(),
        value: Some(value.as_bytes()),
        is_cut: false,
    };
    hear(&arrival, &rules())
}

fn heard(headers: &[(&str, &str)], value: &Value) -> Result<Heard, Rejected> {
    heard_with(Some("pay-77"), headers, &value.to_string())
}

fn fact(headers: &[(&str, &str)], value: &Value) -> Fact {
    match heard(headers, value) {
        Ok(Heard::Fact(fact)) => fact,
        other => panic!("{other:?}"),
    }
}

fn reason(headers: &[(&str, &str)], value: &Value) -> Reason {
    heard(headers, value).expect_err("it is not taken in").reason
}

fn data(fact: &Fact) -> Value {
    serde_json::from_str(fact.data.get()).expect("JSON")
}

fn plain() -> Value {
    json!({"eventType": "CONTRIBUTION_PAID", "organizationId": "org-123", "timestamp": "2024-01-05T10:00:00",
        "data": {"amount": 75000.0, "currency": "XOF", "memberId": "membre-9", "nom": "Awa Koné", "method": "MOBILE_MONEY"}})
}

#[test]
fn the_first_systems_plain_event_is_taken_in_as_it_was() {
    let fact = fact(&[], &plain());
    assert_eq!(fact.organization_id.to_string(), OURS);
    assert_eq!(fact.event_id.uuid(), Uuid::new_v5(&NAMESPACE, format!("plain\n{PLACE}").as_bytes()));
    assert_eq!(fact.aggregate_id.uuid(), Uuid::new_v5(&NAMESPACE, b"plain\npay-77"), "by its key");
    let member = Uuid::new_v5(&NAMESPACE, b"plain\nmembre-9").to_string();
    let expected = json!({"amount": 75000, "currency": "XOF", "memberId": member, "method": "MOBILE_MONEY"});
    assert_eq!(data(&fact), expected);
    assert_eq!(fact.dropped, 1, "a name is no word of ours");
    assert_eq!(fact.audience(xof(), &[]), Ok(Audience::roles(RoleSet::MONEY)));
}

#[test]
fn cloud_events_say_in_headers_what_an_envelope_says_in_the_value() {
    let headers = [
        ("ce_specversion", "1.0"),
        ("ce_id", "abc"),
        ("ce_type", "CONTRIBUTION_PAID"),
        ("ce_source", "caisse"),
        ("ce_organizationid", OURS),
        ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
    ];
    let told = fact(&headers, &json!({"paymentId": "p-1", "memberId": MEMBER, "amount": 5}));
    assert_eq!(told.event_id.uuid(), Uuid::new_v5(&NAMESPACE, b"caisse\nabc"));
    assert_eq!(told.aggregate_id.uuid(), Uuid::new_v5(&NAMESPACE, b"caisse\np-1"));
    assert!(told.trace_parent.is_some());
    let member: MemberId = MEMBER.parse().expect("an id");
    assert_eq!(told.concerned(), [member]);
    let audience = told.audience(xof(), &[member]).expect("somebody");
    assert!(audience.admits(member, RoleSet::of(&[Role::Member])), "whoever paid sees it");
    // What both may speak of, by our id.
    let about =
        json!({"eventType": "CONTRIBUTION_PAID", "organizationId": OURS, "aggregateId": OURS, "data": {}});
    assert_eq!(fact(&[], &about).aggregate_id.to_string(), OURS);
}

#[test]
fn no_source_can_take_the_id_that_a_fact_of_another_will_have() {
    let id_of = |source: &str, id: Option<&str>| {
        let mut headers =
            vec![("ce_source", source), ("ce_type", "CONTRIBUTION_PAID"), ("ce_organizationid", OURS)];
        headers.extend(id.map(|id| ("ce_id", id)));
        fact(&headers, &json!({})).event_id
    };
    let theirs = [id_of("caisse", Some("pay-77")), id_of("caisse", None)];
    let taken = |name: String| Uuid::new_v5(&NAMESPACE, name.as_bytes()).to_string();
    let tries = [
        taken("caisse\npay-77".into()),
        taken(format!("caisse\n{PLACE}")),
        taken(PLACE.into()),
        PLACE.into(),
        "caisse\npay-77".into(),
    ];
    for id in &tries {
        assert!(!theirs.contains(&id_of(PLAIN, Some(id))), "{id}");
    }
    assert_eq!(id_of("caisse", Some(MEMBER)).to_string(), MEMBER, "what nobody guesses stays as it is");
    assert_eq!(
        id_of("caisse", Some(PLACE)),
        theirs[1],
        "what its sender left without an id is sent back by its place"
    );
}

#[test]
fn a_code_is_one_of_those_that_the_catalogue_has_for_its_key() {
    let mut codes = BTreeMap::<String, BTreeSet<String>>::new();
    for schema in schemas() {
        for part in schema["$defs"].as_object().into_iter().flatten().map(|(_, part)| part) {
            codes_of(part, &schema, &mut codes);
        }
    }
    let all: BTreeSet<&str> = codes.values().flatten().map(String::as_str).collect();
    let strange = ["YOUR_MONEY_WAS_STOLEN_BY_AWA_KONE", "CALL_0708123456_NOW_SAYS_PRESIDENT"];
    let mut checked = 0;
    for (key, kind) in VOCABULARY {
        let (Kind::One(Word::Code(_)) | Kind::Many(Word::Code(_))) = kind else { continue };
        checked += 1;
        for code in all.iter().chain(&strange) {
            let value = if matches!(kind, Kind::Many(_)) { json!([code]) } else { json!(code) };
            let told = heard(
                &[],
                &json!({"eventType": "CONTRIBUTION_PAID", "organizationId": "org-123", "data": {*key: value}}),
            );
            match told {
                Ok(_) => assert!(codes[*key].contains(*code), "{key} takes {code}"),
                Err(rejected) => {
                    assert!(!codes[*key].contains(*code), "{key} does not take {code}");
                    assert!(
                        rejected.reason == Reason::BadData
                            && rejected.detail.starts_with(&format!("data.{key}"))
                    );
                    assert!(!rejected.detail.contains(*code), "{}", rejected.detail);
                }
            }
        }
    }
    assert_eq!(checked, 17);
    let level = json!({"policy": {"levels": {strange[0]: {}}}});
    let told =
        heard(&[], &json!({"eventType": "POLICY_CHANGED", "organizationId": "org-123", "data": level}));
    assert_eq!(told.expect_err("no level").reason, Reason::BadData);
}

/// The codes behind each key of an object, and of those that it is one of.
fn codes_of(part: &Value, schema: &Value, codes: &mut BTreeMap<String, BTreeSet<String>>) {
    let lists = |part: &Value| {
        let of = |list: &str| part[list].as_array().cloned().unwrap_or_default();
        [of("allOf"), of("anyOf"), of("oneOf")].concat()
    };
    let behind = |part: &Value| {
        let name = part["$ref"].as_str().and_then(|path| path.strip_prefix("#/$defs/"));
        name.map_or_else(|| part.clone(), |name| schema["$defs"][name].clone())
    };
    for (key, value) in part["properties"].as_object().into_iter().flatten() {
        for value in [lists(value), vec![value.clone()]].concat() {
            let value = behind(&value);
            let one = if value["items"].is_object() { behind(&value["items"]) } else { value };
            let found = one["enum"].as_array().into_iter().flatten().filter_map(Value::as_str);
            codes.entry(key.clone()).or_default().extend(found.map(str::to_owned));
        }
    }
    lists(part).iter().for_each(|part| codes_of(part, schema, codes));
}

#[test]
fn another_system_puts_nothing_into_a_members_mouth() {
    let said = json!({"approvedBy": MEMBER, "by": MEMBER, "approvers": [MEMBER], "voterId": MEMBER, "rejectedBy": MEMBER,
        "executedBy": MEMBER, "confirmedBy": MEMBER, "requesterId": MEMBER, "codeGivers": [MEMBER], "memberNumber": "Awa-Kone-1"});
    let event = json!({"eventType": "APPROVAL_APPROVED", "organizationId": "org-123", "data": said});
    let told = fact(&[], &event);
    assert!(!told.data.get().contains(MEMBER) && !told.data.get().contains("Awa"), "{}", told.data);
    assert_eq!(
        data(&told)["approvedBy"],
        json!(Uuid::new_v5(&NAMESPACE, format!("plain\n{MEMBER}").as_bytes()))
    );
    assert_eq!((told.concerned(), told.dropped), (&[][..], 1));
}

#[test]
fn what_is_not_taken_in_says_why_and_repeats_nothing() {
    let with = |change: &dyn Fn(&mut Value)| {
        let mut value = plain();
        change(&mut value);
        value
    };
    let set = |pointer: &'static str, to: Value| {
        with(&move |value| *value.pointer_mut(pointer).expect("it is there") = to.clone())
    };
    let by = |source: &'static str| [("ce_source", source)];
    type Headers = [(&'static str, &'static str)];
    let cases: Vec<(&Headers, Value, Reason, &str)> = vec![
        (&[], json!(["Awa"]), Reason::NotJson, "value"),
        (&[("ce_specversion", "2.0")], plain(), Reason::FutureVersion, "ce_specversion"),
        (&[], set("/organizationId", "org-Awa".into()), Reason::UnknownOrganization, "organizationId"),
        (&[], set("/organizationId", json!({})), Reason::UnknownOrganization, "organizationId"),
        (&[], set("/eventType", "AWA".into()), Reason::UnknownType, "eventType"),
        (&[], set("/eventType", Value::Null), Reason::UnknownType, "eventType"),
        (&[], set("/eventType", "KPI_UPDATE".into()), Reason::NotAFact, "eventType"),
        (&[], set("/data", "Awa".into()), Reason::BadData, "data"),
        (&[], set("/data/amount", 75000.5.into()), Reason::BadData, "data.amount"),
        (&[], set("/data/amount", "75000".into()), Reason::BadData, "data.amount"),
        (&[], set("/data/amount", 9_007_199_254_740_992_i64.into()), Reason::BadData, "data.amount"),
        (&[], set("/data/amount", 1e300.into()), Reason::BadData, "data.amount"),
        (&[], set("/data/method", "Awa Koné".into()), Reason::BadData, "data.method"),
        (&[], set("/data/memberId", json!({"nom": "Awa"})), Reason::BadData, "data.memberId"),
        (&[], with(&|value| value["eventId"] = "Awa".repeat(100).into()), Reason::BadId, "eventId"),
        (&[], with(&|value| value["aggregateId"] = json!(["Awa"])), Reason::BadId, "aggregateId"),
    ];
    for (headers, value, reason, field) in cases {
        let rejected = heard(headers, &value).expect_err("it is not taken in");
        assert_eq!(rejected.reason, reason, "{value}");
        assert!(rejected.detail.starts_with(field), "{}", rejected.detail);
        assert!(!rejected.detail.contains("Awa"), "{}", rejected.detail);
    }
    assert_eq!(reason(&by("Awa"), &plain()), Reason::SourceNotAllowed);
    assert_eq!(reason(&by("caisse"), &set("/eventType", "MEMBER_CREATED".into())), Reason::TypeNotAllowed);
    let elsewhere = set("/organizationId", "0199c500-0000-7000-8000-000000000002".into());
    assert_eq!(reason(&by("caisse"), &elsewhere), Reason::SourceNotAllowed);
    for value in ["", "{", "\u{feff}", "{\"eventType\":\"\u{0}\"}x"] {
        assert_eq!(heard_with(None, &[], value).expect_err("no JSON").reason, Reason::NotJson, "{value:?}");
    }
    let cut = Arrival { place: PLACE, key: None, headers: vec![], value: Some(b"{}"), is_cut: true };
    assert_eq!(hear(&cut, &rules()).expect_err("too large").reason, Reason::TooLarge);
    let lines: Vec<Value> = (0..400)
        .map(|_| json!({"accountId": MEMBER, "dueId": MEMBER, "amount": 9_007_199_254_740_991_i64}))
        .collect();
    let lines: Vec<Value> = (0..4).map(|_| json!({"lines": lines})).collect();
    assert_eq!(reason(&[], &set("/data", json!({"allocations": lines}))), Reason::TooLarge);
}

#[test]
fn an_organisation_has_one_currency_and_an_event_for_one_member_needs_that_member() {
    let told = fact(&[], &plain());
    let euro = told.audience("EUR".parse().expect("a currency"), &[]);
    assert_eq!(euro.expect_err("another currency").reason, Reason::BadData);
    let to = |data: Value| {
        fact(&[], &json!({"eventType": "USER_NOTIFICATION", "organizationId": "org-123", "data": data}))
    };
    let known: MemberId = MEMBER.parse().expect("an id");
    let told = to(json!({"memberId": MEMBER, "kind": "ANNOUNCEMENT", "message": "Bonjour Awa"}));
    assert_eq!(told.audience(xof(), &[known]), Ok(Audience::member(known)));
    assert_eq!(told.audience(xof(), &[]).expect_err("nobody").reason, Reason::NoAudience);
    assert_eq!(to(json!({})).concerned(), [], "its key is no id of ours");
    let by_key =
        json!({"eventType": "USER_NOTIFICATION", "organizationId": "org-123", "data": {}}).to_string();
    match heard_with(Some(MEMBER), &[], &by_key) {
        Ok(Heard::Fact(fact)) => assert_eq!(fact.concerned(), [known]),
        other => panic!("{other:?}"),
    }
    let all =
        fact(&[], &json!({"eventType": "BROADCAST_NOTIFICATION", "organizationId": "org-123", "data": {}}));
    assert_eq!(all.audience(xof(), &[]), Ok(Audience::everyone()));
}

#[test]
fn a_pending_change_of_role_is_not_shown_to_whom_it_concerns() {
    let asked = |transaction: &str| {
        fact(
            &[],
            &json!({"eventType": "APPROVAL_PENDING", "organizationId": "org-123",
                "data": {"transactionType": transaction, "beneficiaryMemberId": MEMBER}}),
        )
    };
    assert_eq!(asked("ROLE_CHANGE").concerned(), []);
    assert_eq!(asked("AID").concerned().len(), 1);
}

#[test]
fn what_says_to_be_ours_is_held_against_the_journal() {
    let envelope = json!({"eventId": MEMBER, "eventType": "CONTRIBUTION_PAID", "organizationId": OURS, "seq": 99,
        "timestamp": "2026-11-22T10:15:30.123Z", "aggregateId": OURS, "aggregateVersion": 1, "actorId": null,
        "origin": "command", "causationId": null, "data": {}});
    let claim = |headers: &[(&str, &str)], value: &Value| match heard(headers, value) {
        Ok(Heard::Claim(claim)) => claim,
        other => panic!("{other:?}"),
    };
    let told = claim(&[], &envelope);
    assert_eq!((told.event_id.to_string(), told.seq), (MEMBER.to_owned(), Some(Seq(99))));
    assert_eq!(told.judge(Seq(50), true), Ok(()), "it is in the journal");
    assert_eq!(told.judge(Seq(50), false).expect_err("ahead").reason, Reason::AheadOfJournal);
    assert_eq!(told.judge(Seq(99), false).expect_err("unknown").reason, Reason::NotOurs);
    let headers =
        [("ce_mac", "x"), ("ce_sequence", "7"), ("ce_organizationid", OURS), ("ce_type", "MEMBER_LEFT")];
    assert_eq!(claim(&headers, &json!({})).seq, Some(Seq(7)));
    // An organisation by another name is another system's, which may be a UnionFlow too.
    let mut theirs = envelope;
    theirs["organizationId"] = "org-123".into();
    assert!(matches!(heard(&headers[..2], &theirs), Ok(Heard::Fact(_))));
}

#[test]
fn every_word_of_the_catalogue_is_known_and_every_key_leads_to_it() {
    let words: Vec<&str> = VOCABULARY.iter().map(|(key, _)| *key).collect();
    assert!(words.is_sorted() && words.iter().collect::<BTreeSet<_>>().len() == words.len());
    let known: BTreeSet<String> = words.iter().map(|word| (*word).to_owned()).collect();
    let mut keys = BTreeSet::new();
    for schema in schemas() {
        for (_, part) in schema["$defs"].as_object().into_iter().flatten() {
            properties(part, &mut keys);
        }
    }
    // What a key of ours may do is nothing that others tell.
    keys.remove("scopes");
    // A number that people choose can be a name.
    keys.remove("memberNumber");
    assert_eq!(keys.difference(&known).collect::<Vec<_>>(), Vec::<&String>::new());
    assert_eq!(known.difference(&keys).collect::<Vec<_>>(), Vec::<&String>::new());
}

/// Those of the facts of the catalogue.
fn schemas() -> Vec<Value> {
    let facts = EventType::ALL.iter().filter(|event_type| event_type.class() == Class::Fact);
    let read = |event_type| {
        let file = format!("{}/../../docs/schemas/events/{event_type}.json", env!("CARGO_MANIFEST_DIR"));
        serde_json::from_str(&std::fs::read_to_string(file).expect("it is there")).expect("JSON")
    };
    facts.map(read).collect()
}

fn properties(schema: &Value, keys: &mut BTreeSet<String>) {
    keys.extend(schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.clone()));
    for list in ["allOf", "anyOf", "oneOf"] {
        schema[list].as_array().into_iter().flatten().for_each(|part| properties(part, keys));
    }
}

#[test]
fn a_reason_is_read_back_and_is_told_in_both_languages() {
    for reason in Reason::ALL {
        assert_eq!(reason.to_string().parse(), Ok(*reason));
        let texts = [unionflow_protocol::Language::French, unionflow_protocol::Language::English];
        let [french, english] = texts.map(|language| reason.text(language));
        assert!(french != english && !french.is_empty());
    }
}

/// Whatever a source writes behind a key of ours, nothing of it that could be words of people comes out.
fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,30}".prop_map(Value::from),
        "[A-Za-z]{1,8} [a-z]{1,8}".prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        let key = prop_oneof![
            proptest::sample::select(VOCABULARY.iter().map(|(key, _)| (*key).to_owned()).collect::<Vec<_>>()),
            "[a-z]{1,6}",
        ];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::btree_map(key, inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

fn is_ours(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.contains(char::is_whitespace) && text.len() <= 64 && text.is_ascii(),
        Value::Number(number) => number.is_i64() || number.is_u64(),
        Value::Array(values) => values.iter().all(is_ours),
        Value::Object(map) => {
            map.iter().all(|(key, value)| is_ours(&Value::from(key.as_str())) && is_ours(value))
        }
        Value::Bool(_) | Value::Null => true,
    }
}

proptest! {
    #[test]
    fn no_free_text_gets_through(name in proptest::sample::select(VOCABULARY), inside in value()) {
        let value = json!({"eventType": "CONTRIBUTION_PAID", "organizationId": "org-123", "data": {name.0: inside}});
        if let Ok(Heard::Fact(fact)) = heard(&[], &value) {
            prop_assert!(is_ours(&data(&fact)), "{}", fact.data);
        }
        let _ = name.1 == Kind::Object;
    }
}
