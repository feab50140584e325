//! The two years that the demonstration has behind it: old enough, plausible, and what the curves show.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use unionflow_protocol::id::OrganizationId;
use unionflow_storage::{Clock, SystemClock, sqlite};
use unionflow_testkit::Books;

use crate::{
    running::{end, line, signal, spawn},
    text,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// An answer of the demonstration to its treasurer.
async fn read(url: &str, organization: &Value, paths: &[&str]) -> Vec<Value> {
    let client = reqwest::Client::new();
    let accounts = organization["accounts"].as_array().expect("a list");
    let treasurer = accounts.iter().find(|account| account["role"] == "TREASURER").expect("one per role");
    let login = json!({"login": treasurer["login"], "password": treasurer["password"]});
    let answer = client.post(format!("{url}/api/v1/auth/login")).json(&login).send().await;
    let signed_in: Value = answer.expect("an answer").json().await.expect("JSON");
    let token = signed_in["accessToken"].as_str().expect("a token");
    let mut answers = Vec::new();
    for path in paths {
        let id = organization["id"].as_str().expect("an id");
        let get = client.get(format!("{url}/api/v1{path}organizationId={id}")).bearer_auth(token);
        answers.push(get.send().await.expect("an answer").json().await.expect("JSON"));
    }
    answers
}

fn numbers(series: &Value) -> Vec<i64> {
    series.as_array().expect("a series").iter().map(|number| number.as_i64().expect("a number")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_demonstration_has_two_years_behind_it_that_its_curves_show() {
    let folder = tempfile::tempdir().expect("a folder of our own");
    let data = ["demo", "--json", "--quiet-life", "--seed", "7", "--data", text(folder.path())];
    let mut demo =
        spawn(&[&data[..], &["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]].concat());
    let mut lines = BufReader::new(demo.stdout.take().expect("piped")).lines();
    let said: Value = serde_json::from_str(&line(&mut lines).await.expect("a line")).expect("JSON");
    let url = said["url"].as_str().expect("an address");
    let organizations = said["organizations"].as_array().expect("a list");
    for organization in organizations {
        let paths = ["/dashboard/stats?", "/dashboard/kpis?", "/notifications?"];
        let answers = read(url, organization, &paths).await;
        curves_are_plausible(&answers[0], &answers[1]);
        let unread = answers[2]["unread"].as_u64().expect("a number");
        assert!((1..50).contains(&unread), "{unread} unread: the treasurer has looked into the inbox lately");
    }
    signal(&demo, "INT");
    assert_eq!(end(&mut demo).await, Some(0));
    let options = sqlite::Options::beside(folder.path().join("unionflow.db"), Arc::new(SystemClock));
    let store = sqlite::open(options).expect("a store");
    for organization in organizations {
        let id: OrganizationId = organization["id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let books = Books::read(&store, id).await;
        books_are_two_years_long(&books);
        assert_eq!(books.faults(), Vec::<String>::new());
    }
}

fn curves_are_plausible(stats: &Value, kpis: &Value) {
    let members = stats["members"]["total"].as_i64().expect("a number");
    let new = stats["members"]["newThisMonth"].as_i64().expect("a number");
    assert!(new * 10 <= members.max(10), "{new} of {members} are new");
    let total = numbers(&kpis["members"]["total"]);
    assert!(total.is_sorted() && total[0] * 2 > members && total[11] == members, "{total:?}");
    assert!(stats["approvals"]["pendingCount"].as_i64() >= Some(2), "something waits for a vote");
    // The month that has just begun may have seen none yet.
    let executed = numbers(&kpis["approvals"]["executedThisMonth"]);
    assert!(executed[..11].iter().all(|amount| *amount > 0), "{executed:?}");
    for account in kpis["balance"]["accounts"].as_array().expect("a list") {
        let balance = numbers(&account["balance"]);
        assert!(balance.iter().all(|amount| *amount >= 0), "{account}");
    }
}

fn books_are_two_years_long(books: &Books) {
    let now = SystemClock.now();
    let times: Vec<_> = books.journal.iter().map(|entry| entry.record.timestamp).collect();
    assert!(times.is_sorted());
    assert!(times[0] < now.minus(DAY * 700), "{:?}", times[0]);
    assert!(times[times.len() - 1] <= now);
    // Abidjan keeps UTC.
    let votes = books.of_type("APPROVAL_VOTE_RECORDED").map(|vote| vote.record.timestamp.to_string());
    for at in votes {
        assert!(("07".."19").contains(&&at[11..13]), "a vote at {at}");
    }
    assert_eq!(books.of_type("APPROVAL_EXECUTION_FAILED").count(), 0, "there is enough in the accounts");
    for kind in ["APPROVAL_EXPIRED", "APPROVAL_LAPSED", "APPROVAL_REJECTED", "APPROVAL_CANCELLED"] {
        assert!(books.journal.iter().any(|entry| entry.event_type() == kind), "{kind}");
    }
}
