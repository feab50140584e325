//! The flow that everything exists for: one decision reaches every screen that may see it, and no other.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;
use unionflow_protocol::Role;
use unionflow_server::{Options, Server, Settings};
use unionflow_testkit::{Frame, Socket, World, settings};

fn facts(frames: &[Frame]) -> Vec<&str> {
    frames.iter().filter(|frame| frame.seq().is_some()).map(Frame::event_type).collect()
}

async fn sees(socket: &mut Socket, seq: u64) -> Vec<Frame> {
    socket.events_until(seq).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_decision_reaches_every_screen_that_may_see_it_and_no_other() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let (member, stranger) = (world.espoir(Role::Member).await, world.solidarite(Role::President).await);
    let mut screens = [
        world.socket(&treasurer).await,
        world.socket(&president).await,
        world.socket(&member).await,
        world.socket(&stranger).await,
    ];
    let request = treasurer.submit(75_000).await;
    assert_eq!(
        (request["status"].as_str(), request["requiredLevel"].as_str()),
        (Some("PENDING"), Some("LEVEL1"))
    );

    let decided = president.approve(&request).await.expect(200);
    assert_eq!(decided["status"], "APPROVED");
    let seq = decided["asOfSeq"].as_u64().unwrap();

    let [treasurers, presidents, members, strangers] = &mut screens;
    for screen in [treasurers, presidents] {
        let seen = sees(screen, seq).await;
        let about: Vec<&str> =
            facts(&seen).into_iter().filter(|kind| kind.starts_with("APPROVAL_")).collect();
        assert_eq!(about, ["APPROVAL_PENDING", "APPROVAL_VOTE_RECORDED", "APPROVAL_APPROVED"]);
        let approved = seen.iter().find(|frame| frame.event_type() == "APPROVAL_APPROVED").unwrap();
        let data = approved.data();
        assert_eq!((&data["id"], &data["transactionType"]), (&request["id"], &json!("EXPENSE")));
        assert_eq!((&data["amount"], &data["currency"]), (&json!(75_000), &json!("XOF")));
        assert_eq!(data["approvedBy"], json!(president.account.member_id));
        assert!(data["approvedAt"].is_string());
    }
    assert_eq!(facts(&sees(members, seq).await), Vec::<&str>::new(), "a plain member sees none of it");
    let seen = sees(strangers, stranger.head().await).await;
    assert!(facts(&seen).is_empty(), "nothing crosses organisations: {seen:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_reach_the_screen_without_being_asked_for() {
    let world = World::start().await;
    let (treasurer, member) = (world.espoir(Role::Treasurer).await, world.espoir(Role::Member).await);
    let (mut officers, mut members) = (world.socket(&treasurer).await, world.socket(&member).await);
    treasurer.submit(60_000).await;

    let stats = officers.until("DASHBOARD_STATS_UPDATE").await.pop().unwrap();
    assert_eq!(stats.data()["approvals"]["pendingCount"], 1);
    assert_eq!(stats.data()["approvals"]["pendingAmount"], 60_000);
    let stats = members.until("DASHBOARD_STATS_UPDATE").await.pop().unwrap();
    assert_eq!(stats.data()["view"], "members");
    assert_eq!(stats.data()["approvals"].get("pendingAmount"), None, "amounts are not open to members");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_cut_for_ten_events_resumes_with_exactly_those_ten() {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let socket = world.socket(&treasurer).await;
    let resume = socket.resume();
    let before = socket.cursor;
    drop(socket);

    let mut seq = before;
    for n in 0..10 {
        let request = treasurer.submit(10_000 + n).await;
        seq = request["asOfSeq"].as_u64().unwrap();
    }
    let mut socket = treasurer.connect(&resume).await.unwrap();
    let frames = socket.until("SYSTEM_CAUGHT_UP").await;
    assert_eq!(frames[0].event_type(), "SYSTEM_WELCOME");
    assert_eq!(frames[0].data()["resumedFrom"], before);
    let pending: Vec<u64> = frames
        .iter()
        .filter(|frame| frame.event_type() == "APPROVAL_PENDING")
        .map(|frame| frame.data()["amount"].as_u64().unwrap())
        .collect();
    assert_eq!(pending, (10_000..10_010).collect::<Vec<u64>>());
    let seqs: Vec<u64> = frames.iter().filter_map(Frame::seq).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "{seqs:?}");
    assert_eq!(frames.last().unwrap().data()["seq"], seq);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_role_granted_on_the_open_connection_opens_what_it_may_see_from_then_on() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let member = world.espoir(Role::Member).await;
    let mut socket = world.socket(&member).await;
    treasurer.submit(20_000).await;

    let path = format!("/members/{}/roles/AUDITOR", member.account.member_id);
    let asked = president.put(&path, &json!({"reason": "Contrôle des comptes"})).await.expect(202);
    let granted = treasurer.approve(&asked).await.expect(200);
    assert_eq!(granted["status"], "EXECUTED");
    let frames = socket.until("SYSTEM_RIGHTS_CHANGED").await;
    let granted = frames.iter().find(|frame| frame.event_type() == "ROLE_GRANTED").unwrap();
    let changed = frames.last().unwrap();
    assert_eq!(changed.data()["seq"].as_u64(), granted.seq());
    assert_eq!(changed.data()["roles"], json!(["AUDITOR", "MEMBER"]));
    assert!(!facts(&frames).iter().any(|kind| kind.starts_with("APPROVAL_PENDING")), "{frames:#?}");

    let request = treasurer.submit(30_000).await;
    let seen = sees(&mut socket, request["asOfSeq"].as_u64().unwrap()).await;
    assert!(
        seen.iter()
            .any(|frame| frame.event_type() == "APPROVAL_PENDING" && frame.data()["id"] == request["id"])
    );
    let stats = seen.iter().find(|frame| frame.event_type() == "DASHBOARD_STATS_UPDATE").unwrap();
    assert_eq!(stats.data()["view"], "officers", "a change of view brings the newest at once");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_who_is_suspended_sees_that_and_nothing_more() {
    let world = World::start().await;
    let (secretary, member) = (world.espoir(Role::Secretary).await, world.espoir(Role::Member).await);
    let mut socket = world.socket(&member).await;
    let path = format!("/members/{}/suspend", member.account.member_id);
    secretary.post(&path, &json!({"reason": "Cotisations"})).await.expect(200);

    let (frames, closed) = socket.closes().await;
    assert_eq!(frames.last().unwrap().event_type(), "MEMBER_SUSPENDED");
    assert_eq!(closed.code, 4302);
    let refused = member.connect("").await.err().unwrap();
    assert_eq!(refused.status, 404);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restart_loses_nothing_and_repeats_nothing() {
    let mut world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let mut socket = world.socket(&treasurer).await;
    treasurer.submit(11_000).await;
    let seen = socket.until("APPROVAL_PENDING").await;
    assert_eq!(seen.last().unwrap().data()["amount"], 11_000);
    let resume = socket.resume();

    world.restart().await;
    let (frames, closed) = socket.closes().await;
    assert!(frames.iter().any(|frame| frame.event_type() == "SYSTEM_GO_AWAY"), "{frames:?}");
    assert_eq!(closed.code, 1012);
    let after = treasurer.submit(12_000).await;
    let mut socket = treasurer.connect(&resume).await.unwrap();
    let frames = socket.until("SYSTEM_CAUGHT_UP").await;
    let amounts: Vec<&Value> = frames
        .iter()
        .filter(|frame| frame.event_type() == "APPROVAL_PENDING")
        .map(|frame| &frame.data()["amount"])
        .collect();
    assert_eq!(amounts, [12_000]);
    assert_eq!(socket.cursor, after["asOfSeq"].as_u64().unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn figures_that_did_not_change_are_not_sent_again() {
    let world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let mut socket = world.socket(&treasurer).await;
    let large = treasurer.submit(200_000).await;
    socket.until("KPI_UPDATE").await;

    let voted = president.approve(&large).await.expect(200);
    assert_eq!(voted["status"], "PENDING", "the first of two votes changes no figure");
    let next = treasurer.submit(5_000).await;
    let mut seen = sees(&mut socket, next["asOfSeq"].as_u64().unwrap()).await;
    while seen.last().is_none_or(|frame| frame.event_type() != "KPI_UPDATE") {
        seen.push(socket.frame().await);
    }
    let counts: Vec<_> = seen
        .iter()
        .filter(|frame| frame.event_type() == "DASHBOARD_STATS_UPDATE")
        .map(|frame| frame.data()["approvals"]["pendingCount"].clone())
        .collect();
    assert_eq!(counts, [2], "{seen:#?}");
    assert!(seen.iter().any(|frame| frame.event_type() == "APPROVAL_VOTE_RECORDED"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_view_brings_its_figures_also_where_none_were_sent_since_the_start() {
    let mut world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    treasurer.submit(20_000).await;
    let member = world.espoir(Role::Member).await;
    let president = world.espoir(Role::President).await;
    let path = format!("/members/{}/roles/AUDITOR", member.account.member_id);
    let asked = president.put(&path, &json!({"reason": "Contrôle des comptes"})).await.expect(202);
    world.restart().await;

    let mut socket = world.socket(&member).await;
    treasurer.approve(&asked).await.expect(200);
    let stats = socket.until("DASHBOARD_STATS_UPDATE").await.pop().unwrap();
    assert_eq!(stats.data()["view"], "officers");
    assert_eq!(stats.data()["approvals"]["pendingAmount"], 20_000);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_talks_on_still_sees_why_it_was_closed() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    for _ in 0..20 {
        let mut socket = world.socket(&member).await;
        for _ in 0..50 {
            socket.send(Message::binary(vec![7; 4096])).await;
        }
        assert_eq!(socket.closes().await.1.code, 1003);
    }
}

/// Whoever founded alone decides alone, and every report says so.
async fn warns_of_a_single_signature(client: &reqwest::Client, at: &str, organization: &str) {
    let login = json!({"login": "awa@exemple.test", "password": "baobab-pirogue-42-long"});
    let signed = client.post(format!("{at}/api/v1/auth/login")).json(&login).send().await.expect("an answer");
    let signed: Value = signed.json().await.expect("JSON");
    let token = signed["accessToken"].as_str().expect("a token");
    for report in ["dashboard/stats", "dashboard/kpis", "finance/accounts"] {
        let url = format!("{at}/api/v1/{report}?organizationId={organization}");
        let answer: Value =
            client.get(url).bearer_auth(token).send().await.expect("an answer").json().await.expect("JSON");
        assert_eq!(answer["singleSignatureInEffect"], true, "{answer}");
    }
}

/// Everything that is wrong with a founding is named at once, and nothing is founded.
async fn refuses_what_is_wrong(setup: &Value, post: impl AsyncFn(&Value) -> reqwest::Response) {
    let mut too_rich = setup.clone();
    too_rich["openingBalances"] = json!({"cash": (1_i64 << 53) - 1, "bank": (1_i64 << 53) - 1});
    let refused = post(&too_rich).await;
    assert_eq!(refused.status(), 422);
    let problem: Value = refused.json().await.expect("a problem");
    assert_eq!(problem["errors"][0]["pointer"], "/openingBalances");
    let wrong = json!({
        "code": setup["code"],
        "name": "M\u{7}",
        "country": "Ivoire",
        "president": {"givenName": "", "familyName": "Koné", "login": "awa@exemple.test", "password": "a"},
        "treasurer": {"givenName": "Issa", "familyName": "Bamba", "login": "07081234", "password": "b"},
        "openingBalances": {"cash": -5, "bank": 0, "mobileMoney": -1},
    });
    let refused: Value = post(&wrong).await.json().await.expect("JSON");
    let errors = refused["errors"].as_array().expect("a list");
    let pointers: Vec<&str> = errors.iter().filter_map(|error| error["pointer"].as_str()).collect();
    for pointer in [
        "/name",
        "/country",
        "/president/givenName",
        "/president/password",
        "/treasurer/login",
        "/treasurer/password",
        "/openingBalances/cash",
        "/openingBalances/mobileMoney",
    ] {
        assert!(pointers.contains(&pointer), "{pointer}: all at once: {pointers:?}");
    }
    let mut twice = setup.clone();
    twice["treasurer"] = setup["president"].clone();
    let refused = post(&twice).await.text().await.expect("text");
    assert!(refused.contains("déjà donné pour la présidence"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_page_to_found_is_offered_until_there_is_an_organisation() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let code = "7K2M-90QD-X1TR";
    let settings = Settings { setup_code: code.to_owned(), ..settings(&folder.path().join("unionflow.db")) };
    let server = Server::start(Options::new(settings)).await.expect("it starts");
    let at = format!("http://{}", server.address);
    let client =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let get = async |path: &str| client.get(format!("{at}{path}")).send().await.expect("an answer");
    let offers = async || {
        get("/").await.text().await.expect("text").contains(r#"<a href="/setup" data-text="index.setup">"#)
    };
    assert!(offers().await);
    assert_eq!(get("/setup").await.status(), 200);

    let setup = json!({
        "code": code,
        "name": "Mutuelle Essai",
        "president": {
            "givenName": "Awa",
            "familyName": "Koné",
            "login": "awa@exemple.test",
            "password": "baobab-pirogue-42-long",
        },
    });
    let post = async |setup: &Value| {
        client.post(format!("{at}/api/v1/setup")).json(setup).send().await.expect("an answer")
    };
    refuses_what_is_wrong(&setup, post).await;
    let founded = post(&setup).await;
    assert_eq!(founded.status(), 201);
    let organization = founded.json::<Value>().await.expect("JSON")["id"].clone();
    warns_of_a_single_signature(&client, &at, organization.as_str().expect("an id")).await;
    assert!(!offers().await);
    let page = get("/setup").await;
    assert_eq!(page.status(), 303);
    assert_eq!(page.headers()["location"], "/");
    server.stop().await;

    let world = World::start().await;
    let page = client.get(format!("http://{}/setup", world.address())).send().await.expect("an answer");
    assert_eq!(page.status(), 303, "nor on a server that was founded before it started");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_misspelt_in_a_query_or_a_type_is_named_and_not_passed_over() {
    let world = World::start().await;
    let president = world.espoir(Role::President).await;
    let path = format!("/members?organizationId={}&statut=ACTIVE", world.espoir.id);
    let refused = president.get(&path).await.expect(400);
    assert_eq!(refused["errors"][0]["pointer"], "statut", "{refused}");
    let request = json!({
        "organizationId": world.espoir.id,
        "transactionType": "DEPENSE",
        "amount": "dix mille",
        "currency": "XOF",
        "purpose": "Carburant",
    });
    let refused = president.post("/finance/approvals", &request).await.expect(422);
    let errors = refused["errors"].as_array().expect("a list");
    assert_eq!(errors.len(), 2, "{refused}");
    assert!(refused.to_string().contains("DEPOSIT, WITHDRAWAL, EXPENSE, TRANSFER, AID"), "{refused}");
    assert!(!refused.to_string().contains("ROLE_CHANGE"), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_announced_and_where_i_am_say_as_of_when() {
    let world = World::start().await;
    let president = world.espoir(Role::President).await;
    let before = president.head().await;
    let words = json!({"organizationId": world.espoir.id, "message": "Réunion samedi"});
    let sent = president.post("/notifications/broadcast", &words).await.expect(201);
    assert!(
        sent["asOfSeq"].as_u64() >= sent["seq"].as_u64() && sent["seq"].as_u64() > Some(before),
        "{sent}"
    );
    let me = president.get("/me").await.expect(200);
    let here = &me["organizations"][0];
    assert!(here["asOfSeq"].as_u64() >= sent["asOfSeq"].as_u64(), "{here}");
    assert_eq!(here["epoch"], sent["epoch"]);
    assert!(sent["epoch"].is_string());
}
