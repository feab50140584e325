//! Signing in, staying signed in, and being signed out: end to end.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_service::{Caller, auth::Origin, operator};
use unionflow_storage::Scope;
use unionflow_testkit::{Answer, Person, Socket, World};

/// A device is signed out within so much.
const WITHIN: Duration = Duration::from_secs(5);
const NEW: &str = "cauris-lagune-harmattan-9";

async fn refresh(person: &Person, token: &str) -> Answer {
    let nobody = person.signed_out();
    nobody.post("/auth/refresh", &json!({"refreshToken": token})).await
}

/// The socket is closed with this code, soon enough.
async fn ends(mut socket: Socket, code: u16) {
    let (_, closed) = tokio::time::timeout(WITHIN, socket.closes()).await.expect("within five seconds");
    assert_eq!(closed.code, code);
}

async fn is_out(person: &Person) {
    person.get("/me").await.refused(401, "SESSION_ENDED");
    refresh(person, &person.refresh_token).await.refused(401, "SESSION_ENDED");
    assert_eq!(person.connect("").await.err().unwrap().status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refresh_tokens_rotate_and_a_lost_answer_is_forgiven() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let text = |answer: &Value| answer["refreshToken"].as_str().unwrap().to_owned();
    let first = member.refresh_token.clone();
    let second = text(&refresh(&member, &first).await.expect(200));
    assert_ne!(first, second);
    // The answer was lost: the same successor again, as often as it takes.
    for _ in 0..3 {
        assert_eq!(text(&refresh(&member, &first).await.expect(200)), second);
    }
    let third = text(&refresh(&member, &second).await.expect(200));
    assert_eq!(text(&refresh(&member, &second).await.expect(200)), third);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_older_refresh_token_ends_the_sign_in_of_thief_and_owner() {
    let world = World::start().await;
    let mut member = world.espoir(Role::Member).await;
    let other_device = member.another_device().await;
    let stolen = member.refresh_token.clone();
    for _ in 0..2 {
        let next = refresh(&member, &member.refresh_token).await.expect(200);
        member.take_tokens(&next);
    }
    let socket = world.socket(&member).await;
    refresh(&member, &stolen).await.refused(401, "SESSION_ENDED");
    ends(socket, 4201).await;
    is_out(&member).await;
    other_device.get("/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refresh_token_that_is_none_ends_nothing() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let mut touched = member.refresh_token.clone().into_bytes();
    touched[30] = if touched[30] == b'A' { b'B' } else { b'A' };
    let touched = String::from_utf8(touched).unwrap();
    for token in ["", "x", &member.token, &touched] {
        refresh(&member, token).await.refused(401, "SESSION_ENDED");
    }
    member.get("/me").await.expect(200);
    refresh(&member, &member.refresh_token).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_out_ends_this_device_and_no_other() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let other_device = member.another_device().await;
    let (here, mut there) = (world.socket(&member).await, world.socket(&other_device).await);
    member.post("/auth/logout", &json!({})).await.expect(204);
    ends(here, 4201).await;
    is_out(&member).await;
    there.say("ping").await;
    there.until("SYSTEM_PONG").await;

    // By the refresh token alone, as a browser does that lost its access token.
    let nobody = member.signed_out();
    let body = json!({"refreshToken": other_device.refresh_token});
    nobody.post("/auth/logout", &body).await.expect(204);
    ends(there, 4201).await;
    is_out(&other_device).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_changed_password_ends_all_other_sessions() {
    let world = World::start().await;
    let member = world.newcomer("prudente@espoir.test").await;
    let other_device = member.another_device().await;
    let (mut here, there) = (world.socket(&member).await, world.socket(&other_device).await);
    let change = json!({"currentPassword": member.account.password, "newPassword": NEW});
    member.put("/me/password", &change).await.expect(204);
    ends(there, 4201).await;
    is_out(&other_device).await;
    here.say("ping").await;
    here.until("SYSTEM_PONG").await;
    member.get("/me").await.expect(200);
    let login = |password: &str| json!({"login": member.account.login, "password": password});
    let old = login(&member.account.password);
    member.post("/auth/login", &old).await.refused(401, "WRONG_CREDENTIALS");
    member.post("/auth/login", &login(NEW)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_current_password_is_said_to_be_wrong_and_not_missing() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let change = json!({"currentPassword": "pas-le-bon-du-tout", "newPassword": NEW});
    for (language, said) in
        [("fr", "ce n’est pas le mot de passe actuel"), ("en", "this is not the current password")]
    {
        let asked = member.ask(Method::PUT, "/me/password").json(&change).header("accept-language", language);
        let problem = asked.send().await.refused(403, "WRONG_PASSWORD");
        let error = &problem["errors"][0];
        assert_eq!((&error["pointer"], &error["detail"]), (&json!("/currentPassword"), &json!(said)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ended_sign_in_changes_no_password_even_with_the_right_one() {
    let world = World::start().await;
    let member = world.newcomer("prudente@espoir.test").await;
    let sessions = member.get("/me/sessions").await.expect(200);
    let caller = Caller {
        person_id: member.account.person_id,
        sign_in_id: sessions["items"][0]["id"].as_str().unwrap().parse().unwrap(),
        access_expires_at: unionflow_protocol::Timestamp::from_millis(i64::MAX),
        language: unionflow_protocol::Language::French,
        trace_parent: None,
    };
    member.post("/auth/logout", &json!({})).await.expect(204);
    // The request was let in before; what ended the sign-in came while the password was being looked at.
    let change = json!({"currentPassword": member.account.password, "newPassword": NEW});
    let change = serde_json::from_value(change).unwrap();
    let origin = Origin { address: "203.0.113.7".to_owned(), device: String::new() };
    let service = world.server().service();
    let refused = service.change_password(change, caller, origin).await.unwrap_err();
    assert_eq!(refused.code().as_str(), "SESSION_ENDED");
    member.another_device().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_that_the_operator_disables_is_out_everywhere() {
    let world = World::start().await;
    let member = world.espoir(Role::Treasurer).await;
    let other_device = member.another_device().await;
    let sockets = [world.socket(&member).await, world.socket(&other_device).await];
    let person = member.account.person_id;
    let service = world.server().service();
    let set = async |disabled| {
        let write = move |tx: &mut unionflow_storage::Tx<'_>| operator::set_disabled(tx, person, disabled);
        service.store().write(Scope::Server, write).await.unwrap();
    };
    // As `unionflow user disable` does, beside the server: it sees that by itself.
    set(true).await;
    for socket in sockets {
        ends(socket, 4201).await;
    }
    is_out(&member).await;
    is_out(&other_device).await;
    let login = json!({"login": member.account.login, "password": member.account.password});
    member.post("/auth/login", &login).await.refused(401, "ACCOUNT_DISABLED");
    set(false).await;
    member.another_device().await.get("/me").await.expect(200);
    is_out(&member).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ended_sessions_stay_ended_after_a_restart() {
    let mut world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let other_device = member.another_device().await;
    member.post("/auth/logout", &json!({})).await.expect(204);
    world.restart().await;
    is_out(&member).await;
    other_device.get("/me").await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_sees_and_ends_ones_own_devices_only() {
    let world = World::start().await;
    let (member, stranger) = (world.espoir(Role::Member).await, world.espoir(Role::Admin).await);
    let lost = member.another_device().await;
    let sessions = member.get("/me/sessions").await.expect(200);
    let items = sessions["items"].as_array().unwrap();
    assert_eq!(items.iter().filter(|item| item["current"] == true).count(), 1);
    let id = items.iter().find(|item| item["current"] == false).unwrap()["id"].as_str().unwrap();
    let path = format!("/me/sessions/{id}");
    stranger.delete(&path).await.refused(404, "NOT_FOUND");
    lost.get("/me").await.expect(200);

    let socket = world.socket(&lost).await;
    let end = async || member.ask(Method::DELETE, &path).key("une-cle-pour-finir").send().await;
    end().await.expect(204);
    ends(socket, 4201).await;
    is_out(&lost).await;
    let again = end().await;
    assert!(again.is_replayed());
    again.expect(204);
    member.delete(&path).await.refused(404, "NOT_FOUND");

    let third = member.another_device().await;
    member.delete("/me/sessions").await.expect(204);
    is_out(&third).await;
    member.get("/me").await.expect(200);
    assert_eq!(member.get("/me/sessions").await.body["items"].as_array().unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_makes_an_account_once() {
    let world = World::start().await;
    let secretary = world.espoir(Role::Secretary).await;
    let member = secretary.add_member("Invitée", "Une").await;
    let first = secretary.invite(&member).await;
    let code = secretary.invite(&member).await;
    let nobody = secretary.signed_out();
    let activate = async |code: &str, login: &str, password: &str| -> Answer {
        let body = json!({"code": code, "login": login, "password": password});
        nobody.post("/auth/activate", &body).await
    };
    let login = "invitee@espoir.test";
    activate(&first, login, NEW).await.refused(404, "INVALID_CODE");
    activate(&code, login, "motdepasse").await.refused(422, "VALIDATION_FAILED");
    activate(&code, "pas un identifiant", NEW).await.refused(422, "VALIDATION_FAILED");
    // However it is typed.
    let typed = code.to_lowercase().replace('-', " ");
    let signed_in = activate(&typed, login, NEW).await.expect(200);
    assert!(signed_in["accessToken"].is_string());
    activate(&code, "autre@espoir.test", NEW).await.refused(404, "INVALID_CODE");
    let path = format!("/members/{}", member["id"].as_str().unwrap());
    secretary.post(&format!("{path}/invite"), &json!({})).await.refused(409, "HAS_ACCOUNT");
    assert_eq!(secretary.get(&path).await.body["hasAccount"], true);
    nobody.post("/auth/login", &json!({"login": login, "password": NEW})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_an_account_accepts_an_invitation_with_it() {
    let world = World::start().await;
    let secretary = world.espoir(Role::Secretary).await;
    let stranger = world.solidarite(Role::Treasurer).await;
    let body = json!({
        "organizationId": world.espoir.id, "givenName": "Clarisse", "familyName": "Exemple",
        "email": stranger.account.login
    });
    let member = secretary.post("/members", &body).await.expect(201);
    // The inviter sees the same as for anybody else.
    let other = secretary.add_member("Quelqu'une", "D'autre").await;
    let invited = async |member: &Value| -> Vec<String> {
        let path = format!("/members/{}/invite", member["id"].as_str().unwrap());
        let answer = secretary.post(&path, &json!({})).await.expect(200);
        answer.as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(invited(&member).await, invited(&other).await);

    let code = secretary.invite(&member).await;
    let nobody = stranger.signed_out();
    let take_over = json!({"code": code, "password": NEW});
    nobody.post("/auth/activate", &take_over).await.refused(409, "SIGN_IN_TO_ACCEPT");
    stranger.another_device().await;

    stranger.post("/auth/activate", &json!({"code": code})).await.expect(204);
    let me = stranger.get("/me").await.expect(200);
    let organizations = me["organizations"].as_array().unwrap();
    assert_eq!(organizations.len(), 2);
    let here = organizations.iter().find(|place| place["organizationId"] == json!(world.espoir.id)).unwrap();
    assert_eq!(here["roles"], json!(["MEMBER"]), "an office there is none here");
    stranger.post("/auth/activate", &json!({"code": code})).await.refused(404, "INVALID_CODE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_ends_every_session_and_its_code_works_once() {
    let world = World::start().await;
    let secretary = world.espoir(Role::Secretary).await;
    let member = world.newcomer("oublieuse@espoir.test").await;
    let socket = world.socket(&member).await;
    let path = format!("/members/{}/reset", member.account.member_id);
    let ask = async || secretary.ask(Method::POST, &path).key("une-seule-fois").json(&json!({})).send().await;
    let code = ask().await.expect(200)["code"].as_str().unwrap().to_owned();
    ends(socket, 4201).await;
    is_out(&member).await;
    ask().await.refused(409, "SECRET_ALREADY_SHOWN");

    let nobody = member.signed_out();
    let reset = async |password: &str| -> Answer {
        nobody.post("/auth/reset", &json!({"code": code, "password": password})).await
    };
    reset("motdepasse").await.refused(422, "VALIDATION_FAILED");
    reset("oublieuse@espoir.test").await.refused(422, "VALIDATION_FAILED");
    reset(NEW).await.expect(200);
    reset("pagaie-sorgho-brume-31").await.refused(404, "INVALID_CODE");
    let login = |password: &str| json!({"login": member.account.login, "password": password});
    let old = login(&member.account.password);
    nobody.post("/auth/login", &old).await.refused(401, "WRONG_CREDENTIALS");
    nobody.post("/auth/login", &login(NEW)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn codes_do_not_live_for_ever() {
    let world = World::start().await;
    let secretary = world.espoir(Role::Secretary).await;
    let code = secretary.invite(&secretary.add_member("Invitée", "Une").await).await;
    let forgetful = world.newcomer("oublieuse@espoir.test").await;
    let path = format!("/members/{}/reset", forgetful.account.member_id);
    let reset = secretary.post(&path, &json!({})).await.expect(200);
    let service = world.server().service();
    let now = service.read(|reader| Ok(reader.now())).await.unwrap();
    let nobody = secretary.signed_out();

    world.clock.set(now.plus(Duration::from_secs(24 * 3600 + 1)));
    let body = json!({"code": reset["code"], "password": NEW});
    nobody.post("/auth/reset", &body).await.refused(404, "INVALID_CODE");
    world.clock.set(now.plus(Duration::from_secs(14 * 24 * 3600 + 1)));
    let body = json!({"code": code, "login": "invitee@espoir.test", "password": NEW});
    nobody.post("/auth/activate", &body).await.refused(404, "INVALID_CODE");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_login_and_a_wrong_password_answer_the_same() {
    let world = World::start().await;
    let nobody = Person::stranger(&world.address(), &world.espoir, world.espoir.account(Role::Member));
    let known = json!({"login": nobody.account.login, "password": "faux"});
    let unknown = json!({"login": "personne@nulle.test", "password": "faux"});
    let (known, unknown) =
        (nobody.post("/auth/login", &known).await, nobody.post("/auth/login", &unknown).await);
    assert_eq!((known.status, known.text), (unknown.status, unknown.text));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_socket_lives_as_long_as_its_token_and_takes_a_new_one() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let mut socket = world.socket(&member).await;
    let next = refresh(&member, &member.refresh_token).await.expect(200);
    socket.say(&json!({"type": "authenticate", "token": next["accessToken"]}).to_string()).await;
    socket.until("SYSTEM_PONG").await;
    // Signing out ends the sign-in, whichever of its tokens the socket was opened with.
    member.post("/auth/logout", &json!({})).await.expect(204);
    ends(socket, 4201).await;
}
