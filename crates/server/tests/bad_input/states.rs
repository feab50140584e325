//! Commands in the wrong state, by the wrong person, again, and at once.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use unionflow_protocol::Role;
use unionflow_testkit::{Answer, Person, World};

async fn act(person: &Person, request: &Value, verb: &str, body: Value) -> Answer {
    person.post(&format!("/finance/approvals/{}/{verb}", request["id"].as_str().unwrap()), &body).await
}

async fn edit(person: &Person, request: &Value, body: Value) -> Answer {
    person.patch(&format!("/finance/approvals/{}", request["id"].as_str().unwrap()), &body).await
}

struct Board {
    world: World,
    president: Person,
    treasurer: Person,
    secretary: Person,
}

impl Board {
    async fn meets() -> Self {
        let world = World::start().await;
        let president = world.espoir(Role::President).await;
        let treasurer = world.espoir(Role::Treasurer).await;
        let secretary = world.espoir(Role::Secretary).await;
        Self { world, president, treasurer, secretary }
    }

    /// Every verb but these is refused with this code by everybody who may see it, and nothing happens.
    async fn all_refused(&self, request: &Value, except: &[&str], codes: &[&str]) {
        let before = self.world.heads().await;
        for person in [&self.president, &self.treasurer, &self.secretary] {
            for (verb, body) in [
                ("approve", json!({})),
                ("reject", json!({"reason": "Trop tard"})),
                ("withdraw", json!({})),
                ("cancel", json!({})),
                ("execute", json!({})),
            ] {
                if except.contains(&verb) {
                    continue;
                }
                let answer = act(person, request, verb, body).await;
                assert!(codes.contains(&answer.code()), "{verb} by {}: {}", person.account.role, answer.text);
                if answer.status == 409 {
                    assert_eq!(
                        answer.body["current"]["id"], request["id"],
                        "a conflict shows what is so now"
                    );
                }
            }
            let answer = edit(person, request, json!({"amount": 5})).await;
            assert!(codes.contains(&answer.code()), "edit: {}", answer.text);
        }
        assert_eq!(self.world.heads().await, before);
    }
}

const OVER: [&str; 3] = ["WRONG_APPROVAL_STATUS", "NOT_THE_CREATOR", "FORBIDDEN"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_has_ended_stays_as_it_ended() {
    let board = Board::meets().await;
    let rejected = board.treasurer.submit(10_000).await;
    act(&board.president, &rejected, "reject", json!({"reason": "Non"})).await.expect(200);
    board.all_refused(&rejected, &[], &OVER).await;

    let cancelled = board.treasurer.submit(10_001).await;
    act(&board.treasurer, &cancelled, "cancel", json!({})).await.expect(200);
    board.all_refused(&cancelled, &[], &OVER).await;

    let executed = board.treasurer.submit(10_002).await;
    board.president.approve(&executed).await.expect(200);
    board.all_refused(&executed, &["execute"], &OVER).await;
    board.treasurer.execute(&executed).await.expect(200);
    board.all_refused(&executed, &[], &OVER).await;
    act(&board.treasurer, &executed, "execute", json!({})).await.refused(409, "WRONG_APPROVAL_STATUS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_vote_counts_once_and_only_from_whom_the_step_waits_for() {
    let board = Board::meets().await;
    let request = board.treasurer.submit(2_000_000).await;
    board.treasurer.approve(&request).await.refused(403, "MAKER_MAY_NOT_VOTE");
    board.secretary.approve(&request).await.refused(403, "NOT_AN_APPROVER");
    act(&board.secretary, &request, "withdraw", json!({})).await.refused(409, "NO_VOTE_TO_WITHDRAW");
    board.president.approve(&request).await.expect(200);
    board.president.approve(&request).await.refused(403, "NOT_AN_APPROVER");
    board.secretary.approve(&request).await.expect(200);
    board.secretary.approve(&request).await.refused(409, "ALREADY_VOTED");
    board.treasurer.execute(&request).await.refused(409, "WRONG_APPROVAL_STATUS");
    act(&board.president, &request, "cancel", json!({})).await.refused(403, "NOT_THE_CREATOR");
    edit(&board.president, &request, json!({"amount": 5})).await.refused(403, "NOT_THE_CREATOR");
    let other = board.world.espoir(Role::BoardMember).await;
    act(&other, &request, "approve", json!({"contentHash": "x"})).await.refused(409, "CONTENT_CHANGED");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_of_roles_is_not_edited_and_not_made_twice() {
    let board = Board::meets().await;
    let member = board.world.espoir(Role::Member).await;
    let path = format!("/members/{}/roles/AUDITOR", member.account.member_id);
    let asked = board.president.put(&path, &json!({})).await.expect(202);
    let twin = board.president.put(&path, &json!({})).await.refused(409, "DUPLICATE_REQUEST");
    assert_eq!(twin["approvalId"], asked["id"]);
    edit(&board.president, &asked, json!({"amount": 5})).await.refused(409, "NOT_EDITABLE");
    board.treasurer.execute(&asked).await.refused(409, "EXECUTES_ITSELF");
    board.treasurer.approve(&asked).await.expect(200);
    board.president.put(&path, &json!({})).await.refused(409, "ALREADY_HOLDS");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_change_only_as_their_membership_allows() {
    let board = Board::meets().await;
    let act = async |id: &Value, verb: &str| -> Answer {
        board.secretary.post(&format!("/members/{}/{verb}", id.as_str().unwrap()), &json!({})).await
    };
    let member = board.secretary.add_member("Simple", "Membre").await;
    for verb in ["admit", "refuse", "reinstate"] {
        act(&member["id"], verb).await.refused(409, "WRONG_MEMBER_STATUS");
    }
    act(&member["id"], "reset").await.refused(409, "NO_ACCOUNT");
    act(&member["id"], "leave").await.expect(200);
    for verb in ["refuse", "reinstate", "suspend", "leave", "invite"] {
        act(&member["id"], verb).await.refused(409, "WRONG_MEMBER_STATUS");
    }
    let body = json!({
        "organizationId": board.world.espoir.id, "givenName": "A", "familyName": "B",
        "memberNumber": member["memberNumber"]
    });
    board.secretary.post("/members", &body).await.refused(409, "MEMBER_NUMBER_TAKEN");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_gets_the_same_answer_and_a_hundred_at_once_have_one_effect() {
    let board = Board::meets().await;
    let body = board.treasurer.expense(12_345);
    let before = board.world.heads().await[0];
    let mut tasks = JoinSet::new();
    for _ in 0..100 {
        let (treasurer, body) = (board.treasurer.clone(), body.clone());
        tasks.spawn(async move {
            let ask = treasurer.ask("POST".parse().unwrap(), "/finance/approvals");
            ask.key("cent-fois-la-meme").json(&body).send().await
        });
    }
    let answers = tasks.join_all().await;
    let first = &answers[0].body["id"];
    assert!(answers.iter().all(|answer| answer.status == 201 && &answer.body["id"] == first));
    assert_eq!(answers.iter().filter(|answer| !answer.is_replayed()).count(), 1);
    let (after, alone) = (board.world.heads().await[0], board.treasurer.submit(12_346).await);
    let one = alone["asOfSeq"].as_u64().unwrap() - after.0;
    assert_eq!(after.0 - before.0, one, "as many events as one submission has");

    let refused = async || -> Answer {
        let ask = board.treasurer.ask("POST".parse().unwrap(), "/finance/approvals").key("refusee-deux-fois");
        ask.json(&board.treasurer.expense(-1)).send().await
    };
    let (once, twice) = (refused().await, refused().await);
    assert_eq!((once.text, once.status), (twice.text.clone(), 422));
    assert!(twice.is_replayed() && !twice.text.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_deciders_at_once_one_decides() {
    let board = Board::meets().await;
    for round in 0..10 {
        let request = board.treasurer.submit(10_000 + round).await;
        let mut tasks = JoinSet::new();
        for (n, person) in
            [&board.president, &board.secretary, &board.president, &board.secretary].iter().enumerate()
        {
            let (person, request) = ((*person).clone(), request.clone());
            tasks.spawn(async move {
                let (verb, body) = match n % 4 {
                    0 | 1 => ("approve", json!({})),
                    _ => ("reject", json!({"reason": "Non"})),
                };
                act(&person, &request, verb, body).await
            });
        }
        let answers = tasks.join_all().await;
        let decided = answers.iter().filter(|answer| answer.status == 200).count();
        assert_eq!(decided, 1, "{:?}", answers.iter().map(|answer| &answer.text).collect::<Vec<_>>());
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 409)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_version_that_was_seen_is_the_one_that_is_changed() {
    let board = Board::meets().await;
    let member = board.secretary.add_member("Simple", "Membre").await;
    let path = format!("/members/{}", member["id"].as_str().unwrap());
    let read = board.secretary.get(&path).await;
    let tag = read.headers["etag"].to_str().unwrap().to_owned();
    assert_eq!(tag, format!("\"{}\"", read.body["version"]));
    let patch = async |tag: &str, name: &str| -> Answer {
        let ask = board.secretary.ask("PATCH".parse().unwrap(), &path).header("if-match", tag);
        ask.json(&json!({"givenName": name})).send().await
    };
    let changed = patch(&tag, "Nouveau").await;
    assert_ne!(changed.headers["etag"].to_str().unwrap(), tag);
    patch(&tag, "Perdu").await.refused(412, "STALE_VERSION");
    patch("*", "Tout").await.expect(200);
    assert_eq!(board.secretary.get(&path).await.body["givenName"], "Tout");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_says_what_to_do_in_the_language_of_whoever_asked() {
    let board = Board::meets().await;
    let request = board.treasurer.submit(50_000).await;
    let said = |answer: &Answer| answer.body["detail"].as_str().unwrap_or_default().to_owned();
    let early = board.treasurer.execute(&request).await;
    assert!(said(&early).contains("attend encore des votes"), "{}", early.text);
    board.president.approve(&request).await.expect(200);
    let path = format!("/finance/approvals/{}/execute", request["id"].as_str().unwrap());
    for (language, words) in [("fr", "C’est un trésorier ou une trésorière"), ("en", "A treasurer executes")]
    {
        let ask = board.president.ask(Method::POST, &path).header("accept-language", language);
        let not_hers = ask.json(&json!({})).send().await;
        assert!(not_hers.status == 403 && said(&not_hers).contains(words), "{}", not_hers.text);
    }

    let path = format!("/members/imports?organizationId={}", board.president.organization);
    let file = "Nom;Prénom\n".to_owned() + &"x".repeat(33 << 20);
    let too_long = board.president.ask(Method::POST, &path).text(file).send().await;
    assert!(too_long.status == 413 && said(&too_long).contains("32 Mio"), "{}", too_long.text);
    let rows = "Nom;Prénom\n".to_owned() + &"K;A\n".repeat(100_001);
    let too_many = board.president.ask(Method::POST, &path).text(rows).send().await;
    assert!(too_many.status == 413 && said(&too_many).contains("100\u{202f}000 lignes"), "{}", too_many.text);

    let wrong = json!({"login": "personne@ailleurs.test", "password": "pas le bon"});
    let nobody = board.president.signed_out();
    let mut last = nobody.post("/auth/login", &wrong).await;
    for _ in 0..6 {
        last = nobody.post("/auth/login", &wrong).await;
    }
    assert!(last.status == 429 && said(&last).contains("Réessayez dans"), "{}", last.text);
    assert!(last.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_search_is_no_longer_than_a_name_however_it_is_written() {
    let board = Board::meets().await;
    let path = format!("/members?organizationId={}&search=", board.secretary.organization);
    // ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM: one character is eighteen once folded.
    for long in ["%EF%B7%BA".repeat(3000), "%EF%B7%BA".repeat(100), "a".repeat(101)] {
        let problem = board.secretary.get(&(path.clone() + &long)).await.refused(400, "INVALID_REQUEST");
        assert_eq!(problem["errors"][0]["pointer"], "search");
    }
    board.secretary.get(&(path + &"a".repeat(100))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_is_what_it_looks_like_and_no_formula() {
    let board = Board::meets().await;
    let member = board.secretary.add_member("Awa", "Koné").await;
    for name in ["=1+1", "@A1", "A\u{200b}wa", "\u{202e}awA"] {
        let body = json!({
            "organizationId": board.secretary.organization, "givenName": name, "familyName": "Koné"
        });
        let problem = board.secretary.post("/members", &body).await.refused(422, "VALIDATION_FAILED");
        assert_eq!(problem["errors"][0]["pointer"], "/givenName", "{name}");
        let path = format!("/members/{}", member["id"].as_str().unwrap());
        board.secretary.patch(&path, &json!({"givenName": name})).await.refused(422, "VALIDATION_FAILED");
    }
}
