//! Tokens, tickets, cookies and codes that are forged, stolen, used twice or guessed.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_testkit::{Answer, Person, Socket, World};

use crate::Fort;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_that_was_touched_is_none() {
    let mut fort = Fort::build().await;
    let elsewhere = World::start().await;
    let foreign = elsewhere.espoir(Role::President).await.token;
    let member = fort.world.espoir(Role::Member).await;
    let parts: Vec<&str> = member.token.split('.').collect();
    let theirs: Vec<String> = fort.president.token.split('.').map(str::to_owned).collect();
    let mut forged = vec![
        String::new(),
        "x".to_owned(),
        "..".to_owned(),
        foreign,
        member.refresh_token.clone(),
        member.token.to_uppercase(),
        format!("{}.{}.", parts[0], parts[1]),
        format!("{}.{}.{}", parts[0], theirs[1], parts[2]),
        format!("{}.{}.{}", theirs[0], parts[1], theirs[2]),
        // {"alg":"none","typ":"JWT"}
        format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{}.", theirs[1]),
        format!("{}.{}.{}", parts[0], parts[1], "A".repeat(100_000)),
    ];
    forged.push(format!("{}A", member.token));
    for token in forged.iter().filter(|token| token.len() < 16_000) {
        for path in ["/me", "/organizations"] {
            let ask = member.ask(Method::GET, path).header("authorization", &format!("Bearer {token}"));
            fort.refused(&ask.send().await, &[401]);
        }
        let url =
            format!("ws://{}/ws/dashboard?organizationId={}", fort.world.address(), member.organization);
        let header = format!("Bearer {token}");
        let refused = Socket::connect(&url, &[("authorization", &header)]).await.err().unwrap();
        assert_eq!(refused.status, 401, "{token}");
    }
    fort.stands("touched tokens").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_in_an_address_opens_nothing() {
    let mut fort = Fort::build().await;
    let nobody = Person::stranger(&fort.world.address(), &fort.world.espoir, &fort.president.account);
    let token = fort.president.token.clone();
    for name in ["access_token", "token", "authorization", "bearer", "ticket"] {
        fort.refused(&nobody.get(&format!("/me?{name}={token}")).await, &[401]);
        let url = format!(
            "ws://{}/ws/dashboard?organizationId={}&{name}={token}",
            fort.world.address(),
            fort.world.espoir.id
        );
        let refused = Socket::connect(&url, &[]).await.err().unwrap();
        assert_eq!((refused.status, &refused.problem["code"]), (401, &json!("UNAUTHENTICATED")));
    }
    fort.stands("tokens in addresses").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_before_is_told_so() {
    let mut fort = Fort::build().await;
    let old = fort.world.espoir(Role::Secretary).await;
    later(&fort.world, 15 * 60 + 1).await;
    let answer = old.get("/me").await;
    assert_eq!(answer.code(), "TOKEN_EXPIRED");
    fort.refused(&answer, &[401]);
    fort.refused(&old.post("/finance/approvals", &old.expense(10)).await, &[401]);
    let refused = old.connect("").await.err().unwrap();
    assert_eq!((refused.status, &refused.problem["code"]), (401, &json!("TOKEN_EXPIRED")));
    fort.treasurer = fort.treasurer.another_device().await;
    fort.president = fort.president.another_device().await;
    fort.stands("old tokens").await;
}

/// The clock goes on.
async fn later(world: &World, seconds: u64) {
    let service = world.server().service();
    let now = service.read(|reader| Ok(reader.now())).await.unwrap();
    world.clock.set(now.plus(Duration::from_secs(seconds)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ticket_works_once_for_its_owner_and_not_for_long() {
    let fort = Fort::build().await;
    let member = fort.world.espoir(Role::Member).await;
    let at = |ticket: &Value, organization| {
        let ticket = ticket["ticket"].as_str().unwrap();
        format!("ws://{}/ws/dashboard?organizationId={organization}&ticket={ticket}", fort.world.address())
    };
    let ticket = member.post("/realtime/tickets", &json!({})).await.expect(201);
    let mut socket = Socket::connect(&at(&ticket, fort.world.espoir.id), &[]).await.unwrap();
    let welcome = socket.frame().await;
    // Whoever holds it is its owner, with its owner's rights and no others.
    assert_eq!(welcome.data()["memberId"], json!(member.account.member_id));
    assert_eq!(welcome.data()["roles"], json!(["MEMBER"]));
    let again = Socket::connect(&at(&ticket, fort.world.espoir.id), &[]).await.err().unwrap();
    assert_eq!(again.status, 401);

    let ticket = member.post("/realtime/tickets", &json!({})).await.expect(201);
    let there = Socket::connect(&at(&ticket, fort.world.solidarite.id), &[]).await.err().unwrap();
    assert_eq!(there.status, 404);

    let ended = member.another_device().await;
    let ticket = ended.post("/realtime/tickets", &json!({})).await.expect(201);
    ended.post("/auth/logout", &json!({})).await.expect(204);
    let refused = Socket::connect(&at(&ticket, fort.world.espoir.id), &[]).await.err().unwrap();
    assert_eq!(refused.status, 401);

    let ticket = member.post("/realtime/tickets", &json!({})).await.expect(201);
    later(&fort.world, 31).await;
    let refused = Socket::connect(&at(&ticket, fort.world.espoir.id), &[]).await.err().unwrap();
    assert_eq!(refused.status, 401);
    fort.stands("tickets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_has_ten_tickets_at_once_and_no_more() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let mut tickets = Vec::new();
    for _ in 0..11 {
        let ticket = member.post("/realtime/tickets", &json!({})).await.expect(201);
        tickets.push(ticket["ticket"].as_str().unwrap().to_owned());
        later(&world, 1).await;
    }
    let open = async |ticket: &str| {
        let url = format!(
            "ws://{}/ws/dashboard?organizationId={}&ticket={ticket}",
            world.address(),
            member.organization
        );
        Socket::connect(&url, &[]).await
    };
    assert_eq!(open(&tickets[0]).await.err().unwrap().status, 401, "the oldest has ended");
    for ticket in &tickets[1..] {
        assert!(open(ticket).await.is_ok());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_of_another_person_does_not_take_a_socket_over() {
    let fort = Fort::build().await;
    let member = fort.world.espoir(Role::Member).await;
    let mut socket = fort.world.socket(&member).await;
    socket.say(&json!({"type": "authenticate", "token": fort.president.token}).to_string()).await;
    let refused = socket.until("SYSTEM_ERROR").await.pop().unwrap();
    assert_eq!(refused.data()["code"], "OTHER_PERSON");
    assert!(!refused.text.contains(&fort.president.token));
    let request = fort.treasurer.submit(10_000).await;
    let seen = socket.events_until(request["asOfSeq"].as_u64().unwrap()).await;
    assert!(seen.iter().all(|frame| !frame.event_type().starts_with("APPROVAL_")), "{seen:?}");
    socket.say(&json!({"type": "switch", "organizationId": fort.world.solidarite.id}).to_string()).await;
    let (_, closed) = socket.closes().await;
    assert_eq!(closed.code, 4300);
    fort.stands("sockets").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_from_elsewhere_cannot_use_the_cookie() {
    let mut fort = Fort::build().await;
    let login = json!({
        "login": fort.president.account.login, "password": fort.president.account.password, "session": "cookie"
    });
    let nobody = Person::stranger(&fort.world.address(), &fort.world.espoir, &fort.president.account);
    let answer = nobody.post("/auth/login", &login).await;
    assert_eq!(answer.body.get("refreshToken"), None);
    let set = answer.headers["set-cookie"].to_str().unwrap();
    for word in ["HttpOnly", "SameSite=Strict", "Path=/api/v1/auth"] {
        assert!(set.contains(word), "{set}");
    }
    let cookie = set.split(';').next().unwrap().to_owned();
    let with = async |path: &str, headers: &[(&'static str, &str)]| -> Answer {
        let mut ask = nobody.ask(Method::POST, path).text("").header("cookie", &cookie);
        for (name, value) in headers {
            ask = ask.header(name, value);
        }
        ask.send().await
    };
    let host = fort.world.address();
    let own = format!("http://{host}");
    for headers in [
        &[("origin", "https://ailleurs.test")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[("origin", "https://ailleurs.test"), ("sec-fetch-site", "same-origin")],
        &[("origin", "http://127.0.0.1.ailleurs.test")],
    ] {
        for path in ["/auth/refresh", "/auth/logout"] {
            let answer = with(path, headers).await;
            assert_eq!(answer.code(), "FOREIGN_ORIGIN", "{headers:?}");
            fort.refused(&answer, &[403]);
        }
    }
    for path in ["/auth/login", "/auth/activate", "/auth/reset"] {
        let mut body = login.clone();
        if path != "/auth/login" {
            body = json!({"code": "AAAA-BBBB-CCCC", "password": "cauris-lagune-harmattan-9", "session": "cookie"});
        }
        let ask = nobody.ask(Method::POST, path).json(&body).header("origin", "https://ailleurs.test");
        let answer = ask.send().await;
        assert_eq!(answer.code(), "FOREIGN_ORIGIN", "nor sign its visitor in as somebody else: {path}");
        fort.refused(&answer, &[403]);
    }
    let fine = with("/auth/refresh", &[("origin", &own), ("sec-fetch-site", "same-origin")]).await;
    assert_eq!(fine.status, 200, "{}", fine.text);
    fort.stands("cookies").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whose_logins_exist_is_not_found_out_one_after_another() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let taken = &world.espoir.account(Role::President).login;
    let body = json!({"logins": [taken], "currentPassword": member.account.password});
    for _ in 0..5 {
        member.patch("/me", &body).await.refused(422, "VALIDATION_FAILED");
    }
    member.patch("/me", &body).await.refused(429, "TOO_MANY_ATTEMPTS");

    let invited = world.espoir(Role::Secretary).await.add_member("Nouvelle", "Venue").await;
    let code = world.espoir(Role::Secretary).await.invite(&invited).await;
    let body = json!({"code": code, "login": taken, "password": "cauris-lagune-harmattan-9"});
    for _ in 0..5 {
        member.signed_out().post("/auth/activate", &body).await.refused(409, "SIGN_IN_TO_ACCEPT");
    }
    member.signed_out().post("/auth/activate", &body).await.refused(429, "TOO_MANY_ATTEMPTS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_passwords_takes_longer_and_longer_and_locks_nobody_out() {
    let world = World::start_with(|settings| settings.trusted_proxies = vec!["127.0.0.1".to_owned()]).await;
    let mut fort = Fort::on(world).await;
    let account = fort.president.account.clone();
    let nobody = Person::stranger(&fort.world.address(), &fort.world.espoir, &account);
    let from = async |address: &str, password: &str| -> Answer {
        let body = json!({"login": account.login, "password": password});
        let ask = nobody.ask(Method::POST, "/auth/login").json(&body);
        ask.header("x-forwarded-for", address).send().await
    };
    let service = fort.world.server().service().clone();
    fort.world.clock.set(service.read(|reader| Ok(reader.now())).await.unwrap());
    for _ in 0..5 {
        from("203.0.113.7", "faux").await.refused(401, "WRONG_CREDENTIALS");
    }
    let mut waits = Vec::new();
    for _ in 0..5 {
        let answer = from("203.0.113.7", &account.password).await;
        let wait: u64 = answer.headers["retry-after"].to_str().unwrap().parse().unwrap();
        answer.refused(429, "TOO_MANY_ATTEMPTS");
        fort.tried += 1;
        waits.push(wait);
        later(&fort.world, wait).await;
        from("203.0.113.7", "faux").await.refused(401, "WRONG_CREDENTIALS");
    }
    assert!(waits.is_sorted_by(|a, b| a < b), "{waits:?}");
    // The one whose login it is signs in from home meanwhile.
    from("198.51.100.4", &account.password).await.expect(200);
    fort.treasurer = fort.treasurer.another_device().await;
    fort.president = fort.president.another_device().await;
    fort.stands("guessed passwords").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guessing_codes_slows_the_guesser_and_nobody_else() {
    let world = World::start_with(|settings| settings.trusted_proxies = vec!["127.0.0.1".to_owned()]).await;
    let mut fort = Fort::on(world).await;
    let secretary = fort.world.espoir(Role::Secretary).await;
    let member = secretary.add_member("Invitée", "Une").await;
    let code = secretary.invite(&member).await;
    let nobody = Person::stranger(&fort.world.address(), &fort.world.espoir, &fort.president.account);
    let from = async |address: &str, body: &Value| -> Answer {
        let ask = nobody.ask(Method::POST, "/auth/activate").json(body);
        ask.header("x-forwarded-for", address).send().await
    };
    let mut slowed = None;
    for n in 0..260 {
        let answer = from("203.0.113.7", &json!({"code": format!("AAAA-BBBB-{n:04}")})).await;
        fort.refused(&answer, &[404, 429]);
        if answer.status == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            slowed = Some(n);
            break;
        }
    }
    assert!(slowed.is_some_and(|n| n >= 5), "a town shares an address: {slowed:?}");
    let body = json!({"code": code, "login": "invitee@espoir.test", "password": "cauris-lagune-harmattan-9"});
    from("198.51.100.4", &body).await.expect(200);
    fort.stands("guessed codes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_is_changed_by_whoever_knows_the_one_in_force_only() {
    let mut fort = Fort::build().await;
    let member = fort.world.newcomer("discrete@espoir.test").await;
    let change =
        |current: &str| json!({"currentPassword": current, "newPassword": "cauris-lagune-harmattan-9"});
    fort.refused(&member.put("/me/password", &change("faux")).await, &[403]);
    for weak in ["azerty", "discrete@espoir.test", "password1", ""] {
        let body = json!({"currentPassword": member.account.password, "newPassword": weak});
        let answer = member.put("/me/password", &body).await;
        assert_eq!(answer.status, 422, "{weak}");
        fort.refused(&answer, &[422]);
    }
    member.another_device().await;
    fort.stands("passwords").await;
}
