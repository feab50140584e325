//! What `/metrics` shows of a process: every family from the first scrape, and how sessions began.

use std::{collections::BTreeSet, path::Path};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Child,
    time::timeout,
};
use unionflow_testkit::{PATIENCE, Socket};

use crate::{
    founded,
    running::{end, signal, spawn},
    text,
};

/// A server that listens, at its address and that of its metrics.
async fn serve(data: &str) -> (Child, String, String) {
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"];
    let mut server = spawn(&[&["serve", "--data", data], &listen[..]].concat());
    let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
    let first = timeout(PATIENCE, log.next_line()).await.expect("in time").expect("text").expect("a line");
    let first: Value = serde_json::from_str(&first).expect("one JSON object a line");
    let [address, admin] =
        ["address", "admin"].map(|key| first[key].as_str().expect("where it is").to_owned());
    (server, address, admin)
}

async fn scrape(admin: &str) -> String {
    let answer = reqwest::get(format!("http://{admin}/metrics")).await.expect("an answer");
    answer.text().await.expect("text")
}

/// The families that the operators' page lists.
fn documented() -> BTreeSet<String> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page is there");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `unionflow_"));
    rows.map(|row| format!("unionflow_{}", row.split(['{', '`']).next().unwrap_or_default())).collect()
}

/// A socket that has caught up, from a cursor or from now.
async fn begins(address: &str, token: &str, more: &str) -> Socket {
    let bearer = format!("Bearer {token}");
    let url = format!("ws://{address}/ws/dashboard?{more}");
    let mut socket = Socket::connect(&url, &[("authorization", &bearer)]).await.expect("let in");
    socket.until("SYSTEM_CAUGHT_UP").await;
    socket
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_metric_of_the_page_is_there_from_the_first_scrape_and_beginnings_of_sessions_are_counted() {
    let folder = founded();
    // The foundation is on the bus once a server has stopped: the next one finds it in the journal only.
    let (mut before, ..) = serve(text(folder.path())).await;
    signal(&before, "TERM");
    assert_eq!(end(&mut before).await, Some(0));
    let (mut server, address, admin) = serve(text(folder.path())).await;

    let untouched = scrape(&admin).await;
    let types = untouched.lines().filter_map(|line| line.strip_prefix("# TYPE "));
    let shown: BTreeSet<String> =
        types.map(|line| line.split(' ').next().unwrap_or_default().to_owned()).collect();
    assert_eq!(shown, documented(), "{untouched}");
    for family in &shown {
        assert!(untouched.contains(&format!("# HELP {family} ")), "{family} is explained");
    }
    for none_yet in ["resumes_total{source=\"ring\"}", "resyncs_total{reason=\"OTHER_EPOCH\"}"] {
        assert!(untouched.contains(&format!("unionflow_gateway_{none_yet} 0\n")), "{untouched}");
    }

    let login = json!({"login": "awa@exemple.test", "password": "baobab-pirogue-42-long"});
    let url = format!("http://{address}/api/v1/auth/login");
    let answer = reqwest::Client::new().post(url).json(&login).send().await.expect("an answer");
    let signed_in: Value = answer.json().await.expect("JSON");
    let token = signed_in["accessToken"].as_str().expect("a token");
    let socket = begins(&address, token, "").await;
    begins(&address, token, &socket.resume()).await;
    begins(&address, token, &format!("after=1&epoch={}", socket.epoch)).await;
    begins(&address, token, "after=1").await;
    let counted = scrape(&admin).await;
    for once in [
        "resumes_total{source=\"none\"}",
        "resumes_total{source=\"ring\"}",
        "resumes_total{source=\"journal\"}",
        "resyncs_total{reason=\"OTHER_EPOCH\"}",
    ] {
        assert!(counted.contains(&format!("unionflow_gateway_{once} 1\n")), "{once}: {counted}");
    }
    signal(&server, "TERM");
    assert_eq!(end(&mut server).await, Some(0));
}
