//! Roles, rules, invitations, resets, imports, the coming and going of members, names that are not one's own.

use reqwest::Method;
use serde_json::{Value, json};
use unionflow_protocol::Role;
use unionflow_testkit::Person;

use crate::{ATTACKERS, Fort, member_path, pointers};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gives_or_takes_a_role_alone() {
    let mut fort = Fort::build().await;
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        for whose in [Role::Admin, Role::President, Role::Treasurer, Role::Secretary, Role::Member] {
            let target = fort.world.espoir(whose).await;
            for role in Role::ALL {
                let path = member_path(&target, &format!("/roles/{role}"));
                let answer = attacker.put(&path, &json!({})).await;
                fort.refused_or_left_to_others(&attacker, answer).await;
                // One's own role may be laid down at once: that gains nothing.
                if target.account.member_id != attacker.account.member_id {
                    let answer = attacker.ask(Method::DELETE, &path).json(&json!({})).send().await;
                    fort.refused_or_left_to_others(&attacker, answer).await;
                }
            }
        }
        let path = member_path(&attacker, "/roles/treasurer");
        fort.refused(&attacker.put(&path, &json!({})).await, &[404]);
    }
    fort.stands("roles").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_changes_the_rules_alone() {
    let mut fort = Fort::build().await;
    let path = format!("/organizations/{}/approval-policy", fort.world.espoir.id);
    let rules = fort.president.get(&path).await.expect(200);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut wanted = json!({"bands": rules["bands"], "levels": rules["levels"]});
        change(&mut wanted);
        wanted
    };
    let easier = with(&|rules| rules["singleSignature"] = json!(true));
    let unguarded = with(&|rules| {
        for band in rules["bands"].as_array_mut().unwrap() {
            band["requiredLevel"] = json!("NONE");
        }
    });
    let by_anyone =
        with(&|rules| rules["levels"]["LEVEL1"]["steps"][0]["roles"] = json!(["MEMBER", "ADMIN"]));
    let negative = with(&|rules| rules["bands"][0]["minAmount"] = json!(-1));
    let no_rule_for_roles = with(&|rules| {
        rules["bands"].as_array_mut().unwrap().retain(|band| band["transactionType"] != "ROLE_CHANGE");
    });
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        let answer = attacker.put(&path, &easier).await;
        fort.refused_or_left_to_others(&attacker, answer).await;
        for bad in [&unguarded, &by_anyone, &negative, &no_rule_for_roles] {
            fort.refused(&attacker.put(&path, bad).await, &[403, 422]);
        }
        for kind in ["POLICY_CHANGE", "ROLE_CHANGE"] {
            let mut body = attacker.expense(0);
            body["transactionType"] = json!(kind);
            fort.refused(&attacker.post("/finance/approvals", &body).await, &[403, 422]);
        }
    }
    fort.stands("rules").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_gets_into_the_account_of_an_office_holder_or_of_somebody_of_two_organisations() {
    let mut fort = Fort::build().await;
    let both = fort.world.sign_in(&fort.world.espoir, fort.world.espoir.in_all()).await;
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        for target in [fort.president.clone(), fort.treasurer.clone(), both.clone()] {
            let invited = attacker.post(&member_path(&target, "/invite"), &json!({})).await;
            fort.refused(&invited, &[404, 409]);
            let reset = attacker.post(&member_path(&target, "/reset"), &json!({})).await;
            assert!(reset.body.get("code").and_then(Value::as_str).is_none_or(|code| !code.contains('-')));
            fort.refused_or_left_to_others(&attacker, reset).await;
        }
    }
    for person in [&fort.president, &fort.treasurer, &both] {
        person.another_device().await.get("/me").await.expect(200);
        person.get("/me").await.expect(200);
    }
    fort.stands("accounts of others").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_that_was_allowed_for_one_office_opens_no_higher_one() {
    let mut fort = Fort::build().await;
    let admin = fort.world.espoir(Role::Admin).await;
    let rising = fort.world.newcomer("montante@espoir.test").await;
    fort.world.appoint(&rising, Role::Auditor).await;
    let reset = member_path(&rising, "/reset");
    let asked = admin.post(&reset, &json!({})).await.expect(202);
    fort.president.approve(&asked).await.expect(200);
    fort.world.appoint(&rising, Role::President).await;
    fort.note().await;

    let answer = admin.post(&reset, &json!({})).await;
    assert_eq!(answer.body.get("link"), None, "no code: {}", answer.text);
    fort.refused_or_left_to_others(&admin, answer).await;
    fort.stands("a reset of before").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_code_that_was_handed_out_for_a_plain_member_opens_no_office() {
    let mut fort = Fort::build().await;
    let secretary = fort.world.espoir(Role::Secretary).await;
    let rising = fort.world.newcomer("montante@espoir.test").await;
    let code = secretary.post(&member_path(&rising, "/reset"), &json!({})).await.expect(200);
    fort.world.appoint(&rising, Role::Treasurer).await;
    fort.note().await;
    let body = json!({"code": code["code"], "password": "cauris-lagune-harmattan-9"});
    fort.refused(&secretary.post("/auth/reset", &body).await, &[404]);
    fort.stands("a code of before").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_account_of_ones_own_gives_no_second_voice() {
    let mut fort = Fort::build().await;
    let secretary = fort.world.espoir(Role::Secretary).await;
    let second = fort.world.newcomer("seconde@espoir.test").await;
    let mut aid = secretary.expense(90_000);
    aid["transactionType"] = json!("AID");
    aid["details"] = json!({"beneficiaryMemberId": second.account.member_id});
    let asked = secretary.post("/finance/approvals", &aid).await.expect(201);
    for account in [&secretary, &second] {
        fort.refused(&account.approve(&asked).await, &[403, 404]);
        fort.refused(&account.execute(&asked).await, &[403, 404]);
    }
    // An invitation for somebody else does not make a member of a member twice.
    let third = secretary.add_member("Troisième", "Voix").await;
    let code = secretary.invite(&third).await;
    fort.refused(&secretary.post("/auth/activate", &json!({"code": code})).await, &[409]);
    // Nor does a login that belongs to somebody take that account over.
    let body = json!({
        "code": code, "login": fort.president.account.login, "password": "cauris-lagune-harmattan-9"
    });
    let nobody = Person::stranger(&fort.world.address(), &fort.world.espoir, &secretary.account);
    fort.refused(&nobody.post("/auth/activate", &body).await, &[409]);
    fort.president.another_device().await;
    fort.stands("second accounts").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_opened_an_account_does_not_decide_on_what_it_asks_for() {
    let fort = Fort::build().await;
    let secretary = fort.world.espoir(Role::Secretary).await;
    let aid = |who: &Person, amount: i64| {
        let mut aid = who.expense(amount);
        aid["transactionType"] = json!("AID");
        aid["details"] = json!({"beneficiaryMemberId": who.account.member_id});
        aid
    };
    // A member made up by the secretary, who invites it and acts in it.
    let puppet = fort.world.newcomer("fantome@espoir.test").await;
    let asked = puppet.post("/finance/approvals", &aid(&puppet, 90_000)).await.expect(201);
    secretary.approve(&asked).await.refused(403, "CODE_GIVER_MAY_NOT_VOTE");
    let seen = secretary.get(&crate::approval_path(&asked, "")).await.expect(200);
    assert_eq!(seen["actions"][0]["refusal"], "CODE_GIVER_MAY_NOT_VOTE");

    // The account of somebody real, opened by a code, and what they had asked for, made dearer.
    let real = fort.world.espoir(Role::Member).await;
    let waits = real.post("/finance/approvals", &aid(&real, 5_000)).await.expect(201);
    let code = secretary.post(&member_path(&real, "/reset"), &json!({})).await.expect(200);
    let body = json!({"code": code["code"], "password": "harmattan-lagune-cauris-7"});
    let mut taken = real.signed_out();
    let signed_in = taken.post("/auth/reset", &body).await.expect(200);
    taken.take_tokens(&signed_in);
    let dearer = taken.edit(&waits, 95_000).await.expect(200);
    secretary.approve_seen(&dearer).await.refused(403, "CODE_GIVER_MAY_NOT_VOTE");

    for request in [&asked, &dearer] {
        let body = json!({"reason": "Personne ne l’a vue.", "contentHash": request["contentHash"]});
        fort.president.post(&crate::approval_path(request, "/reject"), &body).await.expect(200);
    }
    fort.stands("accounts that others opened").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_sets_no_role_no_login_and_no_contact_of_somebody_with_an_account() {
    let mut fort = Fort::build().await;
    let path = member_path(&fort.president, "");
    let president = fort.president.get(&path).await.expect(200);
    let number = president["memberNumber"].as_str().unwrap();
    let file = format!(
        "Nom;Prénom;GSM;Courriel;Compte;Numéro adhérent;Rôle;Identifiant;Mot de passe;Statut\r\n\
         Exemple;Bakary;0708999999;voleuse@ailleurs.test;Non;{number};TREASURER;voleuse;secret;TREASURER\r\n\
         Nouvelle;Une;;;Oui;Z-9;PRESIDENT;voleuse@ailleurs.test;secret;PRESIDENT\r\n"
    );
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        for more in ["", "&skipErrors=true"] {
            let path = format!("/members/imports?organizationId={}{more}", fort.world.espoir.id);
            let answer = attacker.ask(Method::POST, &path).text(file.clone()).send().await;
            fort.refused(&answer, &[200, 403, 422]);
        }
    }
    let after = fort.president.get(&path).await.expect(200);
    for key in ["email", "phone", "roles", "status", "hasAccount"] {
        assert_eq!(president[key], after[key], "{key}");
    }
    fort.president.another_device().await;
    let body = json!({"login": "voleuse@ailleurs.test", "password": "secret"});
    let nobody = Person::stranger(&fort.world.address(), &fort.world.espoir, &fort.president.account);
    fort.refused(&nobody.post("/auth/login", &body).await, &[401]);
    fort.stands("imports").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coming_and_going_shakes_no_role_off_others_and_brings_none_back() {
    let mut fort = Fort::build().await;
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        for target in [fort.president.clone(), fort.treasurer.clone()] {
            for verb in ["suspend", "reinstate", "leave", "admit", "refuse"] {
                let answer = attacker.post(&member_path(&target, &format!("/{verb}")), &json!({})).await;
                fort.refused_or_left_to_others(&attacker, answer).await;
            }
        }
    }
    let gone = fort.world.newcomer("partie@espoir.test").await;
    fort.world.appoint(&gone, Role::Treasurer).await;
    let request = fort.treasurer.submit(10_000).await;
    fort.president.approve(&request).await.expect(200);
    fort.note().await;
    let secretary = fort.world.espoir(Role::Secretary).await;

    gone.post(&member_path(&gone, "/leave"), &json!({})).await.expect(200);
    fort.refused(&gone.execute(&request).await, &[404]);
    let back = secretary.post(&member_path(&gone, "/admit"), &json!({})).await.expect(200);
    assert_eq!(back["roles"], json!(["MEMBER"]));
    fort.refused(&gone.execute(&request).await, &[404]);
    // The role is gone; what was before is no longer what must stand.
    fort.note().await;

    let resting = fort.world.newcomer("suspendue@espoir.test").await;
    fort.world.appoint(&resting, Role::Treasurer).await;
    let asked = secretary.post(&member_path(&resting, "/suspend"), &json!({})).await.expect(202);
    fort.president.approve(&asked).await.expect(200);
    fort.note().await;
    for verb in ["reinstate", "leave", "admit", "suspend"] {
        let answer = resting.post(&member_path(&resting, &format!("/{verb}")), &json!({})).await;
        fort.refused(&answer, &[403]);
    }
    fort.refused(&resting.execute(&request).await, &[403]);
    fort.refused(&resting.approve(&request).await, &[403]);
    fort.refused(&resting.post("/finance/approvals", &resting.expense(5)).await, &[403]);
    let answer = secretary.post(&member_path(&resting, "/reinstate"), &json!({})).await;
    assert_eq!(answer.status, 202, "the resting role comes back by the votes of others only");
    fort.refused_or_left_to_others(&secretary, answer).await;
    fort.stands("coming and going").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn contact_data_is_no_login_and_a_login_of_others_is_not_to_be_had() {
    let mut fort = Fort::build().await;
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        let email = format!("{}@ailleurs.test", attacker.account.role).to_lowercase();
        let answer = attacker.patch(&member_path(&fort.president, ""), &json!({"email": email})).await;
        fort.refused(&answer, &[200, 403, 404]);
        let body = json!({"login": email, "password": fort.president.account.password});
        fort.refused(&attacker.ask(Method::POST, "/auth/login").json(&body).send().await, &[401]);
        let taken = json!({
            "logins": [fort.president.account.login.to_uppercase()],
            "currentPassword": attacker.account.password
        });
        let answer = attacker.patch("/me", &taken).await;
        fort.refused(&answer, &[422]);
        assert_eq!(pointers(&answer), ["/logins/0"]);
        let unconfirmed = json!({"logins": ["autre@ailleurs.test"]});
        fort.refused(&attacker.patch("/me", &unconfirmed).await, &[422]);
        attacker.another_device().await;
    }
    fort.president.another_device().await;
    fort.stands("login names").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_only_the_server_sets_cannot_be_sent() {
    let mut fort = Fort::build().await;
    let request = fort.world.espoir(Role::Secretary).await.submit(20_000).await;
    for attacker in ATTACKERS {
        let attacker = fort.world.espoir(attacker).await;
        let organization = format!("/organizations/{}", fort.world.espoir.id);
        let (own, approval) = (member_path(&attacker, ""), crate::approval_path(&request, ""));
        let cases = [
            (own.as_str(), "roles", json!(["TREASURER"])),
            (&own, "status", json!("ACTIVE")),
            (&own, "personId", json!(fort.president.account.person_id)),
            (&own, "version", json!(1)),
            (&own, "memberNumber", json!("1")),
            (&own, "organizationId", json!(fort.world.solidarite.id)),
            (&organization, "currency", json!("EUR")),
            (&organization, "singleSignature", json!(true)),
            (&approval, "status", json!("APPROVED")),
            (&approval, "transactionType", json!("ROLE_CHANGE")),
            (&approval, "requesterId", json!(attacker.account.member_id)),
            (&approval, "requiredLevel", json!("NONE")),
            (&approval, "votes", json!([])),
            (&approval, "currency", json!("EUR")),
            ("/me", "personId", json!(fort.president.account.person_id)),
            ("/me", "organizations", json!([])),
        ];
        for (path, field, value) in cases {
            let answer = attacker.patch(path, &json!({field: value})).await;
            fort.refused(&answer, &[422]);
            assert_eq!(pointers(&answer), [format!("/{field}")], "{path}: {}", answer.text);
        }
        let mut member = json!({"organizationId": fort.world.espoir.id, "givenName": "A", "familyName": "B"});
        member["roles"] = json!(["TREASURER"]);
        fort.refused(&attacker.post("/members", &member).await, &[422]);
        let mut expense = attacker.expense(10);
        expense["status"] = json!("APPROVED");
        fort.refused(&attacker.post("/finance/approvals", &expense).await, &[422]);
        let policy = json!({"bands": [], "levels": {}, "version": 9});
        let answer = attacker.put(&format!("{organization}/approval-policy"), &policy).await;
        fort.refused(&answer, &[422]);
        assert_eq!(pointers(&answer), ["/version"]);
    }
    fort.stands("fields of the server").await;
}
