//! Requests that change under a vote, keys of others, accounts of others, amounts that are none.

use serde_json::json;
use unionflow_protocol::Role;
use unionflow_testkit::World;

use crate::{ATTACKERS, Fort, approval_path, pointers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_after_a_vote_leaves_nothing_of_the_vote() {
    let mut fort = Fort::build().await;
    let (secretary, board) =
        (fort.world.espoir(Role::Secretary).await, fort.world.espoir(Role::BoardMember).await);
    let request = secretary.submit(150_000).await;
    fort.president.approve(&request).await.expect(200);
    let edited = secretary.patch(&approval_path(&request, ""), &json!({"amount": 990_000})).await.expect(200);
    assert_eq!((edited["status"].as_str(), edited["votes"].as_array().unwrap().len()), (Some("PENDING"), 0));

    let approve = approval_path(&request, "/approve");
    let stale = json!({"contentHash": request["contentHash"]});
    let fresh = json!({"contentHash": edited["contentHash"]});
    for body in [&json!({}), &stale] {
        for voter in [fort.president.clone(), fort.treasurer.clone()] {
            fort.refused(&voter.post(&approve, body).await, &[409]);
        }
    }
    let rejected = approval_path(&request, "/reject");
    let body = json!({"reason": "Montant changé", "contentHash": request["contentHash"]});
    fort.refused(&fort.president.post(&rejected, &body).await, &[409]);
    // The first step is open again, and waits for the president.
    fort.refused(&fort.treasurer.post(&approve, &fresh).await, &[403]);
    fort.refused(&board.post(&approve, &fresh).await, &[403]);
    fort.refused(&secretary.post(&approve, &fresh).await, &[403]);

    let higher =
        secretary.patch(&approval_path(&request, ""), &json!({"amount": 2_000_000})).await.expect(200);
    assert_eq!(higher["requiredLevel"], "LEVEL3");
    for other in [&fort.president.clone(), &board, &fort.treasurer.clone()] {
        fort.refused(&other.patch(&approval_path(&request, ""), &json!({"amount": 1})).await, &[403]);
    }
    fort.stands("edits after a vote").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_approved_request_is_what_was_approved() {
    let mut fort = Fort::build().await;
    let secretary = fort.world.espoir(Role::Secretary).await;
    let request = secretary.submit(10_000).await;
    fort.president.approve(&request).await.expect(200);
    // Approved: what it takes is set aside.
    fort.note().await;
    for body in [json!({"amount": 99_000}), json!({"purpose": "Autre chose"}), json!({"details": {}})] {
        fort.refused(&secretary.patch(&approval_path(&request, ""), &body).await, &[409]);
    }
    for verb in ["approve", "withdraw", "cancel"] {
        for person in [secretary.clone(), fort.president.clone()] {
            let answer = person.post(&approval_path(&request, &format!("/{verb}")), &json!({})).await;
            fort.refused(&answer, &[403, 409]);
        }
    }
    for role in
        [Role::Admin, Role::President, Role::Secretary, Role::BoardMember, Role::Auditor, Role::Member]
    {
        let answer = fort.world.espoir(role).await.execute(&request).await;
        fort.refused(&answer, &[403, 404]);
    }
    let waiting = secretary.submit(20_000).await;
    fort.refused(&fort.treasurer.execute(&waiting).await, &[409]);
    fort.stands("approved requests").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn money_leaves_once() {
    let fort = Fort::build().await;
    let request = fort.treasurer.submit(10_000).await;
    fort.president.approve(&request).await.expect(200);
    let path = approval_path(&request, "/execute");
    let answers = futures(&fort, &path).await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|status| matches!(status, 200 | 409)), "{answers:?}");
    fort.treasurer.post(&path, &json!({})).await.refused(409, "WRONG_APPROVAL_STATUS");
    let balance = |treasure: &serde_json::Value| treasure["accounts"][0][1].as_i64().unwrap();
    let now = fort.treasure().await;
    let moved: Vec<i64> = (0..7)
        .filter_map(|n| {
            let at = |treasure: &serde_json::Value| treasure["accounts"][n][1].as_i64();
            Some(at(&now)? - at(&fort.before)?)
        })
        .filter(|moved| *moved != 0)
        .collect();
    assert_eq!(moved.iter().map(|moved| moved.abs()).max(), Some(10_000), "{moved:?} {}", balance(&now));
}

/// Ten executions at once, each with a key of its own.
async fn futures(fort: &Fort, path: &str) -> Vec<u16> {
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..10 {
        let (treasurer, path) = (fort.treasurer.clone(), path.to_owned());
        tasks.spawn(async move { treasurer.post(&path, &json!({})).await.status });
    }
    tasks.join_all().await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_of_another_opens_nothing_of_theirs() {
    let mut fort = Fort::build().await;
    let key = "une-cle-partagee";
    let body = fort.treasurer.expense(33_333);
    let ask = |person: &unionflow_testkit::Person, body: &serde_json::Value| {
        let (person, body) = (person.clone(), body.clone());
        async move { person.ask("POST".parse().unwrap(), "/finance/approvals").key(key).json(&body).send().await }
    };
    let first = ask(&fort.treasurer, &body).await.expect(201);
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        let answer = ask(&attacker, &body).await;
        assert!(!answer.is_replayed(), "{}", answer.text);
        assert_ne!(answer.body["id"], first["id"]);
        fort.tried += 1;
    }
    let stranger = fort.world.solidarite(Role::President).await;
    let answer = ask(&stranger, &body).await;
    fort.refused(&answer, &[404]);
    assert!(!answer.is_replayed());
    let again = ask(&fort.treasurer, &body).await;
    assert!(again.is_replayed());
    assert_eq!(again.body["id"], first["id"]);
    ask(&fort.treasurer, &fort.treasurer.expense(44_444)).await.refused(422, "IDEMPOTENCY_KEY_REUSED");
    fort.stands("keys of others").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn accounts_and_members_of_another_organisation_do_not_exist() {
    let mut fort = Fort::build().await;
    let there = fort.world.solidarite(Role::Treasurer).await;
    let path = format!("/finance/accounts?organizationId={}", there.organization);
    let foreign = there.get(&path).await.expect(200);
    let foreign = &foreign["items"][0]["id"];
    let nothing = json!("0199c5d2-7f00-7abc-8def-0123456789ab");
    for attacker in [Role::Treasurer, Role::Secretary, Role::BoardMember] {
        let attacker = fort.world.espoir(attacker).await;
        for (kind, field) in
            [("EXPENSE", "accountId"), ("WITHDRAWAL", "accountId"), ("TRANSFER", "toAccountId")]
        {
            let mut told = Vec::new();
            for id in [foreign, &nothing] {
                let mut body = attacker.expense(10);
                body["transactionType"] = json!(kind);
                body["details"] = json!({field: id});
                let answer = attacker.post("/finance/approvals", &body).await;
                fort.refused(&answer, &[422]);
                assert_eq!(pointers(&answer), [format!("/details/{field}")]);
                told.push(answer.text);
            }
            assert_eq!(told[0], told[1], "what is theirs and what is nothing look the same");
        }
        for id in [json!(there.account.member_id), nothing.clone()] {
            let mut body = attacker.expense(10);
            body["transactionType"] = json!("AID");
            body["details"] = json!({"beneficiaryMemberId": id});
            let answer = attacker.post("/finance/approvals", &body).await;
            fort.refused(&answer, &[422]);
            assert_eq!(pointers(&answer), ["/details/beneficiaryMemberId"]);
        }
    }
    // Whoever belongs to both gains nothing by it either.
    let both = fort.world.sign_in(&fort.world.espoir, fort.world.espoir.in_all()).await;
    let mut body = both.expense(10);
    body["transactionType"] = json!("AID");
    body["details"] = json!({"beneficiaryMemberId": fort.world.solidarite.in_all().member_id});
    fort.refused(&both.post("/finance/approvals", &body).await, &[403, 422]);
    fort.stands("accounts and members of others").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_member_asks_for_help_for_himself_only() {
    let mut fort = Fort::build().await;
    let member = fort.world.espoir(Role::Member).await;
    for kind in ["EXPENSE", "DEPOSIT", "WITHDRAWAL", "TRANSFER", "CONTRIBUTION", "WAIVER"] {
        let mut body = member.expense(10);
        body["transactionType"] = json!(kind);
        fort.refused(&member.post("/finance/approvals", &body).await, &[403]);
    }
    let mut body = member.expense(10);
    body["transactionType"] = json!("AID");
    body["details"] = json!({"beneficiaryMemberId": fort.treasurer.account.member_id});
    fort.refused(&member.post("/finance/approvals", &body).await, &[403, 422]);
    fort.stands("a plain member's requests").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_that_are_none_are_refused_by_name() {
    let mut fort = Fort::build().await;
    let waiting = fort.treasurer.submit(10_000).await;
    let amounts = [
        "0",
        "-1",
        "-9007199254740991",
        "9007199254740992",
        "9223372036854775808",
        "1e30",
        "1.5",
        "75000.0",
        "\"75000\"",
        "null",
        "true",
        "[]",
        "{}",
        "1e400",
    ];
    for amount in amounts {
        let body = fort.treasurer.expense(77_777).to_string().replace("77777", amount);
        let answer =
            fort.treasurer.ask("POST".parse().unwrap(), "/finance/approvals").text(body).send().await;
        fort.refused(&answer, &[400, 422]);
        if amount != "1e400" {
            assert_eq!(pointers(&answer), ["/amount"], "{amount}: {}", answer.text);
        }
        if amount == "null" {
            continue;
        }
        let patch = fort.treasurer.ask("PATCH".parse().unwrap(), &approval_path(&waiting, ""));
        let answer = patch.text(format!("{{\"amount\":{amount}}}")).send().await;
        fort.refused(&answer, &[400, 422]);
    }
    for currency in ["EUR", "USD", "xof", "XXX", ""] {
        let mut body = fort.treasurer.expense(10);
        body["currency"] = json!(currency);
        let answer = fort.treasurer.post("/finance/approvals", &body).await;
        fort.refused(&answer, &[422]);
        assert_eq!(pointers(&answer), ["/currency"], "{currency}");
    }
    fort.stands("amounts").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_has_left_gets_no_answer_kept_by_their_key() {
    let world = World::start().await;
    let member = world.espoir(Role::Member).await;
    let aid = json!({
        "organizationId": member.organization, "transactionType": "AID", "amount": 1, "currency": "XOF",
        "purpose": "Aide", "details": {"beneficiaryMemberId": member.account.member_id}
    });
    let ask = || {
        member.ask("POST".parse().unwrap(), "/finance/approvals").key("gardee-par-une-cle").json(&aid).send()
    };
    let first = ask().await.expect(201);
    assert!(ask().await.is_replayed());
    let cancel = format!("/finance/approvals/{}/cancel", first["id"].as_str().unwrap());
    member.post(&cancel, &json!({})).await.expect(200);
    let leave = format!("/members/{}/leave", member.account.member_id);
    member.post(&leave, &json!({})).await.expect(200);
    let after = ask().await;
    assert!(!after.is_replayed(), "{}", after.text);
    after.refused(404, "NOT_FOUND");
}
