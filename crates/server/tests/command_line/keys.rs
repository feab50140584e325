//! Keys of other systems: what the operator does beside a server.

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::time::timeout;
use unionflow_testkit::PATIENCE;

use crate::{
    founded,
    running::{end, signal, spawn},
    text, unionflow,
};

#[test]
fn the_operator_makes_lists_and_revokes_keys() {
    let folder = founded();
    let keys = |arguments: &[&str]| {
        let ended = unionflow(&[&["--data", text(folder.path()), "keys"], arguments].concat());
        (ended.code, ended.out + &ended.err)
    };
    let (code, made) =
        keys(&["create", "Site web", "--scope", "read:money", "--scope", "inbound:CONTRIBUTION_PAID"]);
    assert!(code == Some(0) && made.contains("Montrée cette seule fois"), "{made}");
    let secret = made.lines().next().expect("the key").to_owned();
    assert!(secret.starts_with("ufk_") && secret.len() == 101, "{secret}");
    let (_, listed) = keys(&["list"]);
    assert!(
        listed.contains("Mutuelle Essai")
            && listed.contains("Site web  read:money inbound:CONTRIBUTION_PAID")
    );
    assert!(listed.contains("pas encore utilisée") && !listed.contains(&secret[37..]), "{listed}");

    let (code, json) = keys(&["create", "Autre", "--scope", "read:members", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("one line of JSON");
    assert!(code == Some(0) && json["secret"].as_str().is_some_and(|key| key.starts_with("ufk_")), "{json}");
    assert_eq!(json["createdBy"], serde_json::Value::Null);
    let (code, all) = keys(&["list", "--organization", "essai", "--json"]);
    let all: serde_json::Value = serde_json::from_str(&all).expect("one line of JSON");
    assert!(code == Some(0) && all.as_array().is_some_and(|keys| keys.len() == 2), "{all}");

    let (code, revoked) = keys(&["revoke", &secret]);
    assert!(
        code == Some(0) && revoked.contains("révoquée le") && !revoked.contains(&secret[37..]),
        "{revoked}"
    );
    let (code, again) = keys(&["revoke", json["id"].as_str().expect("an id"), "--json"]);
    assert!(code == Some(0) && again.contains("\"revokedAt\":\"20"), "{again}");
}

#[test]
fn a_key_that_cannot_be_made_or_found_is_explained() {
    let folder = founded();
    let keys = |arguments: &[&str]| {
        let ended = unionflow(&[&["--data", text(folder.path()), "keys"], arguments].concat());
        (ended.code, ended.out + &ended.err)
    };
    let (code, none) = keys(&["create", "Site"]);
    assert!(code == Some(2) && none.contains("--scope"), "{none}");
    let (code, unknown) = keys(&["create", "Site", "--scope", "read"]);
    assert!(code == Some(2) && unknown.contains("read:members, read:money"), "{unknown}");
    let (code, state) = keys(&["create", "Site", "--scope", "inbound:KPI_UPDATE"]);
    assert!(code == Some(1) && state.contains("CONTRIBUTION_PAID"), "{state}");
    let (code, unnamed) = keys(&["create", " ", "--scope", "read:members"]);
    assert!(code == Some(1) && unnamed.contains("entre 1 et 100 caractères"), "{unnamed}");
    for nothing in ["x", "0199c5d2-7f00-7abc-8def-0123456789ab", "ufk_0199c5d27f007abc8def0123456789ab_00"] {
        let (code, missing) = keys(&["revoke", nothing]);
        assert!(code == Some(1) && missing.contains("`unionflow keys list`"), "{missing}");
    }
    assert!(!keys(&["list"]).1.contains("Site"), "nothing was made");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_made_and_revoked_beside_a_running_server_count_at_once() {
    let folder = founded();
    let listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", "--log-format", "json"];
    let mut server = spawn(&[&["serve", "--data", text(folder.path())], &listen[..]].concat());
    let mut log = BufReader::new(server.stderr.take().expect("piped")).lines();
    let first = timeout(PATIENCE, log.next_line()).await.expect("in time").expect("text").expect("a line");
    let first: serde_json::Value = serde_json::from_str(&first).expect("one JSON object a line");
    let url = format!("http://{}/api/v1/organizations", first["address"].as_str().expect("where it is"));
    let keys = |arguments: &[&str]| {
        let ended = unionflow(&[&["--data", text(folder.path()), "keys"], arguments].concat());
        assert_eq!(ended.code, Some(0), "{ended:?}");
        ended.out
    };
    let made = keys(&["create", "Site", "--scope", "read:members"]);
    let key = made.lines().next().expect("the key");
    let client = reqwest::Client::new();
    let ask = async || client.get(&url).bearer_auth(key).send().await.expect("an answer");
    let answer = ask().await;
    assert_eq!(answer.status(), 200);
    assert!(answer.text().await.expect("text").contains("Mutuelle Essai"));
    assert!(keys(&["list"]).contains("utilisée le"));
    keys(&["revoke", key]);
    assert_eq!(ask().await.status(), 401);
    signal(&server, "TERM");
    assert_eq!(end(&mut server).await, Some(0));
}
