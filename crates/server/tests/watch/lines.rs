//! `watch` where nothing is drawn: `--once`, `--json`, and lines.

use std::process::Stdio;

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStderr, ChildStdout},
    time::timeout,
};
use unionflow_protocol::Role;
use unionflow_testkit::PATIENCE;

use crate::{Machine, go_on, start, world};

/// A `watch` that runs.
struct Watching {
    child: Child,
    out: Lines<BufReader<ChildStdout>>,
    err: Lines<BufReader<ChildStderr>>,
}

impl Watching {
    async fn start(machine: &Machine, arguments: &[&str]) -> Self {
        let mut command = machine.command(&[&["watch"], arguments].concat());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = start(command).await;
        let out = BufReader::new(child.stdout.take().unwrap()).lines();
        let err = BufReader::new(child.stderr.take().unwrap()).lines();
        Self { child, out, err }
    }

    async fn line(&mut self) -> String {
        timeout(PATIENCE, self.out.next_line()).await.unwrap().unwrap().expect("it goes on")
    }

    async fn remarks(&mut self, wanted: &str) {
        let found =
            async { while !self.err.next_line().await.unwrap().expect("it goes on").contains(wanted) {} };
        timeout(PATIENCE, found).await.unwrap_or_else(|_| panic!("`{wanted}` is not said"));
    }

    /// The next event of this type, of one or more that came.
    async fn event(&mut self, event_type: &str) -> Value {
        loop {
            let event: Value = serde_json::from_str(&self.line().await).unwrap();
            if event["eventType"] == event_type {
                return event;
            }
        }
    }
}

fn plain(text: &str) -> String {
    text.replace(['\u{a0}', '\u{202f}'], " ")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn once_prints_the_figures_and_leaves() {
    let world = world().await;
    world.espoir(Role::Treasurer).await.submit(75_000).await;
    let machine = Machine::of(&world, Role::President).await;
    let ended = machine.runs(&["watch", "--once"]).await;
    assert_eq!((ended.code, ended.err.as_str()), (Some(0), ""), "{ended:?}");
    let english = plain(&ended.out);
    for line in [
        "Mutuelle Espoir · ",
        "  Members                               8   8 active · 8 new",
        "  Balance                  3 000 000 FCFA",
        "  Pending                               1   75 000 FCFA",
        "Twelve months",
        "To decide (1)",
        "  expense 75 000 FCFA “",
    ] {
        assert!(english.contains(line), "`{line}` is not in\n{english}");
    }
    let french = plain(&machine.runs(&["watch", "--once", "--lang", "fr"]).await.out);
    for line in [
        "  Membres  ",
        "  Solde   ",
        "  En attente  ",
        "Douze mois",
        "À décider (1)",
        "dépense 75 000 FCFA « ",
    ] {
        assert!(french.contains(line), "`{line}` is not in\n{french}");
    }
    assert!(!english.contains('\u{1b}'), "text, and nothing that steers a terminal");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_member_sees_the_figures_of_members_and_no_amounts() {
    let world = world().await;
    let machine = Machine::of(&world, Role::Member).await;
    let ended = machine.runs(&["watch", "--once"]).await;
    assert!(
        ended.code == Some(0) && ended.out.contains("Members") && !ended.out.contains("FCFA"),
        "{ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_not_signed_in_any_more_is_told_how_to() {
    let world = world().await;
    let machine = Machine::new();
    let ended = machine.runs(&["watch", "--once"]).await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.err.trim_end(), "unionflow: Sign in again. `unionflow login --url URL --login NAME`");
    let machine = Machine::of(&world, Role::Secretary).await;
    let secretary = world.espoir(Role::Secretary).await;
    secretary.delete("/me/sessions").await.expect(204);
    let ended = machine.runs(&["watch", "--once"]).await;
    assert!(ended.code == Some(1) && ended.err.contains("unionflow login"), "{ended:?}");
    assert!(!machine.kept().exists(), "what is good for nothing is not kept");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_that_run_at_once_share_one_sign_in() {
    let world = world().await;
    let machine = Machine::of(&world, Role::Auditor).await;
    let all = (0..6).map(|_| machine.runs(&["watch", "--once"]));
    for ended in futures_util::future::join_all(all).await {
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_script_is_given_one_event_a_line_over_a_restart_of_the_server_and_an_end_that_says_why() {
    let mut world = world().await;
    let machine = Machine::of(&world, Role::BoardMember).await;
    let mut script = Watching::start(&machine, &["--json"]).await;
    script.remarks("Live").await;
    let asked = world.espoir(Role::Treasurer).await.submit(75_000).await;
    let event = script.event("APPROVAL_PENDING").await;
    assert_eq!(event["data"]["id"], asked["id"]);
    let first = event["seq"].as_u64().unwrap();

    world.stop().await;
    go_on(&mut world).await;
    world.espoir(Role::President).await.approve(&asked).await.expect(200);
    let vote = script.event("APPROVAL_VOTE_RECORDED").await;
    let approved = script.event("APPROVAL_APPROVED").await;
    assert!(vote["seq"].as_u64().unwrap() > first);
    assert_eq!(approved["seq"].as_u64(), vote["seq"].as_u64().map(|seq| seq + 1));

    let member = world.espoir.account(Role::BoardMember).member_id;
    let own = world.espoir(Role::BoardMember).await;
    own.post(&format!("/members/{member}/leave"), &serde_json::json!({})).await.expect(200);
    script.remarks("Your membership has ended or is suspended.").await;
    let status = timeout(PATIENCE, script.child.wait()).await.unwrap().unwrap();
    assert_eq!(status.code(), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nothing_can_be_drawn_the_figures_come_once_and_then_a_line_for_each_event() {
    let world = world().await;
    let machine = Machine::of(&world, Role::President).await;
    let mut lines = Watching::start(&machine, &["--lang", "fr"]).await;
    lines.remarks("En direct").await;
    while !lines.line().await.starts_with("À décider (0)") {}
    world.espoir(Role::Treasurer).await.submit(75_000).await;
    let mut line = plain(&lines.line().await);
    while !line.contains("Demande : dépense 75 000 FCFA « ") {
        line = plain(&lines.line().await);
    }
    assert!(line.ends_with(" — Clarisse Exemple"), "{line}");
}
