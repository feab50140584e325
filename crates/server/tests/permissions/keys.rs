//! Keys of other systems: every route by a key of every scope, and everything that a key must not be good for.

use reqwest::Method;
use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_testkit::{Person, Socket};

use crate::{
    Tally,
    cases::{self, Case, Rule},
    records::{LogLines, metrics},
    stage::{Stage, Who},
    whole,
};

/// What people read in the guide: the routes that answer a key, and the scope that they want.
const OPEN: &[(&str, &str)] = &[
    ("/organizations", "read:members"),
    ("/organizations/{id}", "read:members"),
    ("/members", "read:members"),
    ("/members/{id}", "read:members"),
    ("/dashboard/stats", "read:members"),
    ("/dashboard/kpis", "read:members"),
    ("/organizations/{id}/events", "read:money"),
    ("/finance/approvals", "read:money"),
    ("/finance/approvals/{id}", "read:money"),
    ("/finance/accounts", "read:money"),
    ("/finance/accounts/{id}/entries", "read:money"),
];

/// A system, by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum System {
    /// Of the first organisation, with this scope.
    With(&'static str),
    /// Of the first organisation; its key, which could do everything, was revoked.
    Revoked,
    /// Of the other organisation, with all scopes.
    Foreign,
}

const SYSTEMS: [System; 6] = [
    System::With("read:members"),
    System::With("read:money"),
    System::With("declare-payments"),
    System::With("inbound:CONTRIBUTION_PAID,MEMBER_CREATED"),
    System::Revoked,
    System::Foreign,
];
const ALL_SCOPES: [&str; 4] = ["read:members", "read:money", "declare-payments", "inbound:CONTRIBUTION_PAID"];

impl System {
    fn holds(self, scope: &str) -> bool {
        match self {
            Self::With("read:money") => scope == "read:money" || scope == "read:members",
            Self::With(held) => held == scope,
            Self::Revoked | Self::Foreign => true,
        }
    }

    /// What it is answered, while the directory is closed to members.
    fn expected(self, case: &Case) -> (u16, Option<&'static str>) {
        let path = case.path.split('?').next().unwrap();
        match case.rule {
            // These do not look at who shows what.
            Rule::Same(status) if !matches!(path, "/auth/logout" | "/auth/activate") => {
                return (status, None);
            }
            _ if self == Self::Revoked => return (401, Some("SERVICE_KEY_REVOKED")),
            _ => {}
        }
        if (case.method, path) == ("POST", "/organizations/{id}/events") {
            return match self {
                Self::With(scope) if scope.starts_with("inbound:") => (201, None),
                Self::With(_) | Self::Revoked => (403, Some("SCOPE_REQUIRED")),
                Self::Foreign => (404, Some("NOT_FOUND")),
            };
        }
        let open = OPEN.iter().find(|(open, _)| case.method == "GET" && *open == path);
        match (open, path) {
            (None, _) => (403, Some("PERSON_REQUIRED")),
            (Some((_, scope)), _) if !self.holds(scope) => (403, Some("SCOPE_REQUIRED")),
            (_, "/organizations") => (200, None),
            _ if self == Self::Foreign => (404, Some("NOT_FOUND")),
            (_, "/members") => (403, Some("FORBIDDEN")),
            (_, "/members/{id}") => (404, Some("NOT_FOUND")),
            _ => (200, None),
        }
    }
}

/// Signing in and founding do not look at what somebody shows beside.
fn ignores_credentials(case: &Case) -> bool {
    matches!(case.rule, Rule::Same(_)) && !matches!(case.path, "/auth/logout" | "/auth/activate")
}

/// A key made by a president of the organisation that they act in: the resource with its secret, and whoever shows it.
async fn key(president: &Person, scopes: &[&str]) -> (Value, Person) {
    let path = format!("/organizations/{}/service-keys", president.organization);
    let made = president.post(&path, &json!({"name": "Zibeline", "scopes": scopes})).await.expect(201);
    let mut system = president.signed_out();
    made["secret"].as_str().unwrap().clone_into(&mut system.token);
    (made, system)
}

async fn revoke(president: &Person, key: &Value) -> Value {
    let path =
        format!("/organizations/{}/service-keys/{}", president.organization, key["id"].as_str().unwrap());
    president.delete(&path).await.expect(200)
}

async fn system(stage: &Stage, system: System) -> Person {
    let (here, there) = (stage.person(Who::Holder(Role::President)), stage.person(Who::Stranger));
    match system {
        System::With(scope) => key(here, &[scope]).await.1,
        System::Foreign => key(there, &ALL_SCOPES).await.1,
        System::Revoked => {
            let (made, person) = key(here, &ALL_SCOPES).await;
            revoke(here, &made).await;
            person
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_every_key_as_its_scopes_say() {
    let mut stage = Stage::set().await;
    let mut tally = Tally::default();
    for which in SYSTEMS {
        let caller = system(&stage, which).await;
        // Once is enough of what is the same for all, and many wrong passwords would have to wait.
        for case in cases::all().into_iter().filter(|case| which == SYSTEMS[0] || !ignores_credentials(case))
        {
            let about = stage.about(&case).await;
            let before = stage.world.heads().await;
            let person = Who::Holder(Role::President);
            let answer = stage.call_as(&caller, &case, person, &about, &Person::fresh_key()).await;
            let (status, code) = which.expected(&case);
            let told =
                || format!("{} {} by {which:?}: {} {}", case.method, case.path, answer.status, answer.text);
            tally.wrong_unless(answer.status == status, told);
            tally.wrong_unless(code.is_none_or(|code| answer.code() == code), told);
            let after = stage.world.heads().await;
            let grows = answer.status == 201;
            tally.wrong_unless((before != after) == grows, || format!("{}: the journal grew?", told()));
            if which == System::Foreign {
                tally.crossed += stage.crossed(&whole(&answer));
            }
        }
    }
    tally.print_and_check("routes by key");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_that_reads_sees_what_a_member_sees_of_others_and_a_key_for_money_what_an_auditor_sees() {
    let stage = Stage::set().await;
    let [president, member, auditor] =
        [Role::President, Role::Member, Role::Auditor].map(|role| stage.person(Who::Holder(role)));
    let members = system(&stage, System::With("read:members")).await;
    let money = system(&stage, System::With("read:money")).await;
    let here = format!("organizationId={}", stage.organization());
    president.submit(73_519).await;
    for kind in ["stats", "kpis"] {
        let path = format!("/dashboard/{kind}?{here}");
        for (key, person, view) in [(&members, member, "members"), (&money, auditor, "officers")] {
            let seen = key.get(&path).await.expect(200);
            assert_eq!(seen["view"], view, "{seen}");
            assert_eq!(seen, person.get(&path).await.expect(200));
        }
    }
    for path in
        [format!("/finance/accounts?{here}"), format!("/organizations/{}/events", stage.organization())]
    {
        assert_eq!(money.get(&path).await.expect(200), auditor.get(&path).await.expect(200), "{path}");
    }
    let path = format!("/finance/approvals?{here}");
    let (mut seen, mut audited) = (money.get(&path).await.expect(200), auditor.get(&path).await.expect(200));
    for page in [&mut seen, &mut audited] {
        page["items"].as_array_mut().unwrap().iter_mut().for_each(|item| drop(item["actions"].take()));
    }
    assert_eq!(seen, audited, "but for what an auditor might do");

    let open = json!({"directoryOpenToMembers": true});
    president.patch(&format!("/organizations/{}", stage.organization()), &open).await.expect(200);
    for key in [&members, &money] {
        let page = key.get(&format!("/members?{here}")).await.expect(200);
        let items = page["items"].as_array().unwrap();
        assert!(items.len() > 5 && items.iter().all(|item| item["familyName"].is_string()), "{page}");
        let id = items[0]["id"].as_str().unwrap();
        let one = key.get(&format!("/members/{id}")).await.expect(200);
        for item in items.iter().chain([&one]) {
            let hidden = ["phone", "email", "reason"].map(|field| item.get(field).is_none_or(Value::is_null));
            assert_eq!(hidden, [true; 3], "{item}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_is_shown_once_and_a_key_ends_at_once() {
    let stage = Stage::set().await;
    let president = stage.person(Who::Holder(Role::President));
    let path = format!("/organizations/{}/service-keys", stage.organization());
    let (idempotency_key, body) =
        (Person::fresh_key(), json!({"name": " Site  web ", "scopes": ["read:members"]}));
    let make = || president.ask(Method::POST, &path).key(&idempotency_key).json(&body).send();
    let made = make().await.expect(201);
    make().await.refused(409, "SECRET_ALREADY_SHOWN");
    let secret = made["secret"].as_str().unwrap();
    let mut system = president.signed_out();
    secret.clone_into(&mut system.token);

    let listed = president.get(&path).await.expect(200);
    let kept = &listed["items"][0];
    assert_eq!(listed["items"].as_array().unwrap().len(), 1, "made once");
    assert_eq!(
        (&kept["name"], &kept["createdBy"]),
        (&json!("Site web"), &json!(president.account.member_id))
    );
    assert_eq!((&kept["lastUsedAt"], &kept["revokedAt"]), (&Value::Null, &Value::Null));
    assert!(kept.get("secret").is_none() && !listed.to_string().contains(&secret[37..]), "{listed}");
    for _ in 0..3 {
        system.get("/organizations").await.expect(200);
    }
    assert!(president.get(&path).await.expect(200)["items"][0]["lastUsedAt"].is_string());

    let head = president.head().await;
    let stale = president.ask(Method::DELETE, &format!("{path}/{}", made["id"].as_str().unwrap()));
    stale.header("if-match", "\"7\"").send().await.refused(412, "STALE_VERSION");
    let revoked = revoke(president, &made).await;
    assert!(revoked["revokedAt"].is_string() && revoked["version"] == 2, "{revoked}");
    for path in ["/organizations", "/me"] {
        system.get(path).await.refused(401, "SERVICE_KEY_REVOKED");
    }
    assert_eq!(revoke(president, &made).await["version"], 2);
    assert_eq!(president.head().await, head + 1, "ended once");
    let events = format!("/organizations/{}/events?after={head}", stage.organization());
    let event = president.get(&events).await.expect(200)["items"][0].clone();
    let about = json!({"keyId": made["id"], "scopes": ["read:members"]});
    assert_eq!((&event["eventType"], &event["data"]), (&json!("SERVICE_KEY_REVOKED"), &about));
    assert_eq!(event["actorId"], json!(president.account.member_id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_another_organisation_is_none_of_ones_own() {
    let stage = Stage::set().await;
    let (here, there) = (stage.person(Who::Holder(Role::President)), stage.person(Who::Stranger));
    let (made, system) = key(here, &["read:members"]).await;
    let id = made["id"].as_str().unwrap();
    for organization in [there.organization, here.organization] {
        let path = format!("/organizations/{organization}/service-keys/{id}");
        there.delete(&path).await.refused(404, "NOT_FOUND");
    }
    system.get("/organizations").await.expect(200);
    let path = format!("/organizations/{}/service-keys", there.organization);
    assert_eq!(there.get(&path).await.expect(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_counts_in_the_header_only_and_opens_no_socket() {
    let lines = LogLines::record();
    let stage = Stage::set().await;
    let (_, system) = key(stage.person(Who::Holder(Role::President)), &ALL_SCOPES).await;
    let (secret, nobody) = (system.token.clone(), system.signed_out());
    let (id, organization) = (&secret[4..36], stage.organization());
    for name in ["access_token", "token", "authorization", "bearer", "key", "ticket"] {
        nobody.get(&format!("/organizations?{name}={secret}")).await.refused(401, "UNAUTHENTICATED");
    }
    let other = "0".repeat(64);
    let forged =
        [format!("ufk_{id}_{other}"), secret.to_uppercase(), secret[..100].to_owned(), "ufk_".to_owned()];
    for forged in forged {
        let ask = nobody.ask(Method::GET, "/organizations");
        let answer = ask.header("authorization", &format!("Bearer {forged}")).send().await;
        answer.refused(401, "UNAUTHENTICATED");
    }
    let url = format!("ws://{}/ws/dashboard?organizationId={organization}", system.address);
    let (bearer, offered) = (format!("Bearer {secret}"), format!("bearer.{secret}, unionflow.v1"));
    for header in [("authorization", &*bearer), ("sec-websocket-protocol", &*offered)] {
        let refused = Socket::connect(&url, &[header]).await.err().unwrap();
        assert_eq!(
            (refused.status, &refused.problem["code"]),
            (403, &json!("PERSON_REQUIRED")),
            "{header:?}"
        );
    }
    for name in ["ticket", "access_token"] {
        let refused = Socket::connect(&format!("{url}&{name}={secret}"), &[]).await.err().unwrap();
        assert_eq!(refused.status, 401, "{name}");
    }
    system.post("/realtime/tickets", &json!({})).await.refused(403, "PERSON_REQUIRED");
    let (said, exposed) = (lines.said(), metrics(&stage.world).await);
    assert!(said.contains("request") && !said.contains(&secret[37..]), "a log line holds a key");
    assert!(!exposed.contains(id) && !exposed.contains(&secret[37..]), "{exposed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_payment_that_a_key_sends_is_shown_to_the_treasurer_once_and_changes_no_figure() {
    let stage = Stage::set().await;
    let [president, treasurer, member] =
        [Role::President, Role::Treasurer, Role::Member].map(|role| stage.person(Who::Holder(role)));
    let (made, cashdesk) = key(president, &["inbound:CONTRIBUTION_PAID,USER_NOTIFICATION"]).await;
    let mut screen = stage.world.socket(treasurer).await;
    let mut others = stage.world.socket(member).await;
    let figures = format!("/dashboard/stats?organizationId={}", stage.organization());
    let before = treasurer.get(&figures).await.expect(200);
    let path = format!("/organizations/{}/events", stage.organization());
    let paid = |data: Value| json!({"eventId": "reçu 1", "eventType": "CONTRIBUTION_PAID", "data": data});

    let good = paid(json!({"amount": 75_000.0, "currency": "XOF", "nom": "Awa"}));
    let first = cashdesk.post(&path, &good).await.expect(201);
    for _ in 0..2 {
        let again = cashdesk.post(&path, &good).await.expect(200);
        assert_eq!((&again["eventId"], &again["seq"]), (&first["eventId"], &first["seq"]));
    }
    // The first system's plain event has no id: the header stands for it.
    let plain = json!({
        "eventType": "CONTRIBUTION_PAID", "organizationId": stage.organization(),
        "timestamp": "2026-11-22T10:15:30", "data": {"amount": 500}
    });
    let send = |key: &'static str| cashdesk.ask(Method::POST, &path).key(key).json(&plain).send();
    let second = send("caisse-4711-a").await.expect(201);
    assert_eq!(send("caisse-4711-a").await.expect(200)["seq"], second["seq"]);

    let last = second["seq"].as_u64().unwrap();
    assert_eq!(second["asOfSeq"], second["seq"]);
    let seen = screen.events_until(last).await;
    let shown: Vec<_> = seen.iter().filter(|frame| frame.event_type() == "CONTRIBUTION_PAID").collect();
    assert_eq!(shown.len(), 2, "{seen:?}");
    assert_eq!(shown[0].data(), &json!({"amount": 75_000, "currency": "XOF"}), "and nobody's name");
    for frame in shown {
        assert_eq!((&frame.value["origin"], &frame.value["serviceKeyId"]), (&json!("inbound"), &made["id"]));
    }
    let hidden = others.events_until(last).await;
    assert!(hidden.iter().all(|frame| frame.event_type() != "CONTRIBUTION_PAID"), "{hidden:?}");
    let mut after = treasurer.get(&figures).await.expect(200);
    after["asOfSeq"] = before["asOfSeq"].clone();
    assert_eq!(after, before);

    revoke(president, &made).await;
    cashdesk.post(&path, &good).await.refused(401, "SERVICE_KEY_REVOKED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_key_may_not_send_or_nobody_could_see_is_refused_with_the_field_and_changes_nothing() {
    let stage = Stage::set().await;
    let (president, there) = (stage.person(Who::Holder(Role::President)), stage.person(Who::Stranger));
    let (_, cashdesk) = key(president, &["inbound:CONTRIBUTION_PAID,USER_NOTIFICATION"]).await;
    let path = format!("/organizations/{}/events", stage.organization());
    let body = |event_type: &str, data: Value| json!({"eventId": "1", "eventType": event_type, "data": data});
    let before = stage.world.heads().await;
    for (body, status, code, pointer) in [
        (body("MEMBER_CREATED", json!({})), 403, "SCOPE_REQUIRED", None),
        (body("KPI_UPDATE", json!({})), 422, "VALIDATION_FAILED", Some("/eventType")),
        (body("PAYÉ", json!({})), 422, "VALIDATION_FAILED", Some("/eventType")),
        (body("CONTRIBUTION_PAID", json!({"amount": 7.5})), 422, "VALIDATION_FAILED", Some("/data/amount")),
        (
            body("CONTRIBUTION_PAID", json!({"currency": "EUR"})),
            422,
            "VALIDATION_FAILED",
            Some("/data/currency"),
        ),
        // For one member only, and none of this organisation.
        (
            body("USER_NOTIFICATION", json!({"memberId": there.account.member_id})),
            422,
            "VALIDATION_FAILED",
            Some("/data/memberId"),
        ),
    ] {
        let answer = cashdesk.post(&path, &body).await;
        assert_eq!((answer.status, answer.code()), (status, code), "{body}: {}", answer.text);
        assert_eq!(answer.body["errors"][0]["pointer"].as_str(), pointer, "{}", answer.text);
    }
    let elsewhere = format!("/organizations/{}/events", there.organization);
    cashdesk.post(&elsewhere, &body("CONTRIBUTION_PAID", json!({}))).await.refused(404, "NOT_FOUND");
    president.post(&path, &body("CONTRIBUTION_PAID", json!({}))).await.refused(403, "SERVICE_KEY_REQUIRED");
    assert_eq!(stage.world.heads().await, before);
}
