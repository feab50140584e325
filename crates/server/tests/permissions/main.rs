//! Nobody gets what is not theirs: every route by everybody, and every event to everybody, against the table of rights.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

mod audiences;
mod cases;
mod frames;
mod keys;
mod records;
mod stage;

use std::collections::BTreeSet;

use reqwest::header::HeaderMap;
use unionflow_testkit::{Answer, Person};

use crate::{
    cases::Case,
    records::{LogLines, metrics},
    stage::{About, Stage, Who},
};

/// What went wrong, and how much was tried.
#[derive(Default)]
struct Tally {
    tried: usize,
    wrong: Vec<String>,
    crossed: usize,
}

impl Tally {
    fn wrong_unless(&mut self, holds: bool, say: impl FnOnce() -> String) {
        self.tried += 1;
        if !holds {
            self.wrong.push(say());
        }
    }

    fn print_and_check(&self, what: &str) {
        println!(
            "{what}: {} cases tried, {} wrong answers, {} bytes crossed",
            self.tried,
            self.wrong.len(),
            self.crossed
        );
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert_eq!(self.crossed, 0, "bytes that crossed");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_answers_everybody_as_the_table_of_rights_says() {
    let mut stage = Stage::set().await;
    let mut tally = Tally::default();
    for case in cases::all() {
        for who in Who::all() {
            one(&mut stage, &case, who, &mut tally).await;
        }
    }
    tally.print_and_check("routes by role");
}

async fn one(stage: &mut Stage, case: &Case, who: Who, tally: &mut Tally) {
    let about = stage.about(case).await;
    let before = stage.world.heads().await;
    let answer = stage.call(case, who, &about, &Person::fresh_key()).await;
    let (expected, told) = (case.expected(who), || format!("{} {} by {who:?}", case.method, case.path));
    tally.wrong_unless(answer.status == expected, || {
        format!("{}: {} instead of {expected}: {}", told(), answer.status, answer.text)
    });
    if answer.status >= 400 {
        let after = stage.world.heads().await;
        tally.wrong_unless(before == after, || format!("{}: refused, and yet the journal grew", told()));
    } else if case.method != "GET" {
        stage.used(case.fixture);
    }
    if answer.status == 202 {
        let path = format!("/finance/approvals/{}/cancel", answer.body["id"].as_str().unwrap());
        stage.person(who).post(&path, &serde_json::json!({})).await.expect(200);
    }
    if who.is_outside() {
        tally.crossed += stage.crossed(&whole(&answer));
    }
}

/// Everything of an answer that reaches the caller.
fn whole(answer: &Answer) -> String {
    format!("{:?}\n{}", answer.headers, answer.text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_route_has_a_case() {
    let stage = Stage::set().await;
    let document = stage.person(Who::Nobody).get("/openapi.json").await.expect(200);
    let mut routes = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for method in operations.as_object().unwrap().keys() {
            routes.insert(format!("{} {}", method.to_uppercase(), path.trim_start_matches("/api/v1")));
        }
    }
    let cased: BTreeSet<String> = cases::all()
        .iter()
        .map(|case| {
            let path = case.path.split('?').next().unwrap();
            let path = match (path.split_once("/roles/"), path.split_once("/service-keys/")) {
                (Some((member, _)), _) => format!("{member}/roles/{{role}}"),
                (_, Some(_)) => "/organizations/{id}/service-keys/{keyId}".to_owned(),
                (None, None) => path.to_owned(),
            };
            format!("{} {path}", case.method)
        })
        .collect();
    assert_eq!(routes, cased);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_belongs_to_others_answers_exactly_as_what_does_not_exist() {
    let mut stage = Stage::set().await;
    let mut tally = Tally::default();
    for case in cases::all() {
        let named = case.path.contains('{') || case.body.is_some_and(|body| names_organization(&stage, body));
        if !named {
            continue;
        }
        let theirs = stage.about(&case).await;
        for who in [Who::Stranger, Who::Left] {
            let (key, other_key) = (Person::fresh_key(), Person::fresh_key());
            // Twice with the same key: what is kept of the first must not tell the difference either.
            for round in ["first", "second"] {
                let foreign = stage.call(&case, who, &theirs, &key).await;
                let missing = stage.call(&case, who, &About::nothing(), &other_key).await;
                let same = seen(&foreign) == seen(&missing) && foreign.status == case.expected(who);
                tally.wrong_unless(same, || {
                    let (foreign, missing) = (seen(&foreign), seen(&missing));
                    let route = format!("{} {}", case.method, case.path);
                    format!("{route} by {who:?}, {round}: {foreign:?} but {missing:?}")
                });
            }
        }
    }
    tally.print_and_check("foreign ids beside ids of nothing");
}

fn names_organization(stage: &Stage, body: fn(&Stage, Who) -> serde_json::Value) -> bool {
    body(stage, Who::Stranger).get("organizationId").is_some()
}

/// What a caller can compare; traces and dates differ by nature.
fn seen(answer: &Answer) -> (u16, String, Vec<(String, String)>) {
    let headers = |headers: &HeaderMap| {
        let mut seen: Vec<(String, String)> = headers
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "date" | "traceresponse"))
            .map(|(name, value)| (name.to_string(), format!("{value:?}")))
            .collect();
        seen.sort();
        seen
    };
    (answer.status, answer.text.clone(), headers(&answer.headers))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_log_lines_nor_metrics_name_anybody() {
    let lines = LogLines::record();
    let mut stage = Stage::set().await;
    let mut tally = Tally::default();
    for case in cases::all() {
        for who in [Who::Holder(unionflow_protocol::Role::President), Who::Stranger, Who::Nobody] {
            one(&mut stage, &case, who, &mut Tally::default()).await;
        }
    }
    let said = lines.said();
    tally.wrong_unless(said.contains("request"), || format!("log lines were recorded: {said}"));
    let personal =
        ["Zibeline", "73519", "@mutuelleespoir.test", "@espoir.test", "+225", "baobab-", "fromager-"];
    let exposed = metrics(&stage.world).await;
    tally.wrong_unless(exposed.contains("unionflow_http_requests_total"), || exposed.clone());
    for secret in personal {
        tally.wrong_unless(!said.contains(secret), || format!("a log line says `{secret}`"));
        tally.wrong_unless(!exposed.contains(secret), || format!("a metric says `{secret}`"));
    }
    tally.crossed += stage.crossed(&exposed);
    tally.print_and_check("log lines and metrics");
}
