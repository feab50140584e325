//! How much one person, one address and all together may ask for.

use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_testkit::{Answer, Person, Socket, World};

fn retry_after(answer: &Answer) -> u64 {
    answer.headers["retry-after"].to_str().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_asks_too_often_waits_and_others_do_not() {
    let world = World::start_with(|settings| {
        settings.requests_per_second = 1;
        settings.requests_burst = 20;
    })
    .await;
    let (eager, calm) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let mut statuses = Vec::new();
    for _ in 0..200 {
        let answer = eager.get("/me").await;
        statuses.push(answer.status);
        if answer.status == 429 {
            assert!(retry_after(&answer) >= 1);
            answer.refused(429, "RATE_LIMITED");
            break;
        }
    }
    assert_eq!(statuses.last(), Some(&429));
    assert!(statuses.len() > 20, "{}", statuses.len());
    let other_device = eager.another_device().await;
    other_device.get("/me").await.refused(429, "RATE_LIMITED");
    calm.get("/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_system_that_asks_too_often_waits_and_no_other_and_no_person() {
    let world = World::start_with(|settings| {
        settings.requests_per_second = 1;
        settings.requests_burst = 20;
    })
    .await;
    let president = world.espoir(Role::President).await;
    let path = format!("/organizations/{}/service-keys", world.espoir.id);
    let body = json!({"name": "Site", "scopes": ["read:members"]});
    let mut keys = Vec::new();
    for _ in 0..2 {
        let made = president.post(&path, &body).await.expect(201);
        let mut key = president.signed_out();
        made["secret"].as_str().unwrap().clone_into(&mut key.token);
        keys.push(key);
    }
    let mut allowed = 0;
    while keys[0].get("/organizations").await.status == 200 {
        allowed += 1;
        assert!(allowed < 200, "it never waits");
    }
    assert!(allowed >= 20, "{allowed}");
    let refused = keys[0].get("/me").await;
    assert!(retry_after(&refused) >= 1);
    refused.refused(429, "RATE_LIMITED");
    keys[1].get("/organizations").await.expect(200);
    president.get("/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_for_its_number_binds_no_key() {
    let world = World::start_with(|settings| {
        settings.requests_per_second = 10;
        settings.requests_burst = 10;
    })
    .await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let body = treasurer.expense(5);
    let (mut refused, mut made) = (false, false);
    while !(refused && made) {
        let ask =
            treasurer.ask("POST".parse().unwrap(), "/finance/approvals").key("une-cle-de-plus").json(&body);
        let answer = ask.send().await;
        match answer.status {
            429 => refused = true,
            _ => made = answer.expect(201).is_object(),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn attempts_to_sign_in_are_limited_by_address() {
    let world = World::start_with(|settings| {
        settings.anonymous_requests_per_second = 4;
        settings.trusted_proxies = vec!["127.0.0.1".to_owned()];
    })
    .await;
    let nobody = Person::stranger(&world.address(), &world.espoir, world.espoir.account(Role::Member));
    let from = async |address: &str| -> Answer {
        let ask = nobody.ask("POST".parse().unwrap(), "/auth/refresh").json(&json!({"refreshToken": "x"}));
        ask.header("x-forwarded-for", address).send().await
    };
    let mut limited = None;
    for n in 0..200 {
        let answer = from("203.0.113.7").await;
        if answer.status == 429 {
            assert!(retry_after(&answer) >= 1);
            limited = Some(n);
            break;
        }
    }
    assert!(limited.is_some_and(|n| n >= 20), "{limited:?}");
    from("198.51.100.4").await.refused(401, "SESSION_ENDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_person_and_all_together_have_so_many_sockets() {
    let world = World::start_with(|settings| {
        settings.sessions_per_person = 2;
        settings.sessions = 3;
    })
    .await;
    let (member, other) = (world.espoir(Role::Member).await, world.espoir(Role::Treasurer).await);
    let first = world.socket(&member).await;
    let _second = world.socket(&member).await;
    let refused = member.connect("").await.err().unwrap();
    assert_eq!((refused.status, &refused.problem["code"]), (429, &json!("TOO_MANY_SESSIONS")));
    let third = world.socket(&other).await;
    let refused = world.espoir(Role::President).await.connect("").await.err().unwrap();
    assert_eq!((refused.status, &refused.problem["code"]), (503, &json!("UNAVAILABLE")));
    assert!(refused.problem["traceId"].as_str().is_some_and(|id| id.len() == 32), "{:?}", refused.problem);
    drop((first, third));
    // A place is given back once the server has seen that the socket is gone.
    let again = async {
        loop {
            if let Ok(socket) = member.connect("").await {
                return socket;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(unionflow_testkit::PATIENCE, again).await.expect("a place is free again");
}

/// Sends again and again from one address until it is told to wait; how often.
async fn until_limited(nobody: &Person, ask: impl AsyncFn(&Person) -> Answer) -> usize {
    for n in 0..200 {
        let answer = ask(nobody).await;
        if answer.status == 429 {
            assert!(retry_after(&answer) >= 1);
            answer.refused(429, "RATE_LIMITED");
            return n;
        }
    }
    panic!("it is never told to wait");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_is_asked_without_a_sign_in_is_limited_by_address() {
    let others = async || World::start_with(|settings| settings.anonymous_requests_per_second = 4).await;
    let nobody =
        |world: &World| Person::stranger(&world.address(), &world.espoir, world.espoir.account(Role::Member));
    for (what, method, path) in [
        ("a bearer that is none", "GET", "/me"),
        ("a body that is none", "POST", "/auth/activate"),
        ("signing out without anything", "POST", "/auth/logout"),
        ("what is not there", "GET", "/nulle-part"),
    ] {
        let world = others().await;
        let nobody = nobody(&world);
        let asked = until_limited(&nobody, async |nobody| {
            let ask = nobody.ask(method.parse().unwrap(), path);
            let ask = if path == "/me" { ask.header("authorization", "Bearer x") } else { ask };
            if method == "POST" { ask.json(&json!({})).send().await } else { ask.send().await }
        });
        assert!(asked.await >= 20, "{what}");
    }
    let world = others().await;
    let url = format!("ws://{}/ws/dashboard?ticket=x", world.address());
    let mut last = Value::Null;
    for _ in 0..200 {
        last = Socket::connect(&url, &[]).await.err().unwrap().problem["code"].clone();
        if last == "RATE_LIMITED" {
            break;
        }
    }
    assert_eq!(last, "RATE_LIMITED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_behind_the_same_address_stops_neither_refreshing_nor_codes_nor_signing_out() {
    let world = World::start_with(|settings| settings.anonymous_requests_per_second = 1).await;
    let secretary = world.espoir(Role::Secretary).await;
    let member = world.espoir(Role::Member).await;
    let invited = secretary.add_member("Nouvelle", "Venue").await;
    let code = secretary.invite(&invited).await;
    let wrong = json!({"code": "AAAA-BBBB-CCCC"});
    for _ in 0..250 {
        member.signed_out().post("/auth/activate", &wrong).await;
    }
    member.signed_out().post("/auth/activate", &wrong).await.refused(429, "RATE_LIMITED");
    member.signed_out().get("/me").await.refused(429, "RATE_LIMITED");
    let shown = json!({"refreshToken": member.refresh_token});
    let next = member.signed_out().post("/auth/refresh", &shown).await.expect(200);
    let body =
        json!({"code": code, "login": "nouvelle@espoir.test", "password": "cauris-lagune-harmattan-9"});
    member.signed_out().post("/auth/activate", &body).await.expect(200);
    let shown = json!({"refreshToken": next["refreshToken"]});
    let signing_out = member.ask("POST".parse().unwrap(), "/auth/logout").json(&shown);
    signing_out.header("authorization", "Bearer x").send().await.expect(204);
    member.get("/me").await.refused(401, "SESSION_ENDED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_not_signed_in_sends_short_bodies_only() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let long = json!({"login": "x".repeat(20_000), "password": "x"});
    for path in ["/auth/login", "/auth/refresh", "/auth/logout", "/auth/activate", "/auth/reset", "/setup"] {
        let ask = member.signed_out().post(path, &long).await;
        assert_eq!(ask.refused(413, "BODY_TOO_LARGE")["detail"], "Au plus 16 Kio.", "{path}");
    }
}
