//! `unionflow watch` in a real terminal, on a real server, its screens compared.

use std::process::Command;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use unionflow_client::ErrorKind;
use unionflow_protocol::{Language, Role};
use unionflow_testkit::{Person, World};

use crate::{Machine, STARTING, go_on, pty::Pty};

/// A world in which it is always the same moment, so that screens are the same each time.
async fn world() -> World {
    let _alone = STARTING.lock().await;
    World::start_at("2026-11-25T10:15:30.000Z".parse().unwrap()).await
}

async fn ask(treasurer: &Person, amount: i64, purpose: &str) -> Value {
    let mut asked = treasurer.expense(amount);
    asked["purpose"] = purpose.into();
    treasurer.post("/finance/approvals", &asked).await.expect(201)
}

async fn watch(machine: &Machine, arguments: &[&str], environment: &[(&str, &str)]) -> Pty {
    let command = machine.command(&[&["watch"], arguments].concat());
    let std: &Command = command.as_std();
    let mut own = Command::new(std.get_program());
    own.args(std.get_args());
    own.envs(std.get_envs().filter_map(|(name, value)| Some((name, value?))));
    own.envs(environment.iter().copied());
    let _alone = STARTING.lock().await;
    Pty::start(&own, 80, 24)
}

/// Compares a screen with a file; with `UNIONFLOW_CODEGEN=1` writes it.
#[track_caller]
fn is_the_screen(name: &str, text: &str) {
    let file = format!("{}/tests/watch/screens/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var_os("UNIONFLOW_CODEGEN").is_some() {
        std::fs::write(&file, format!("{text}\n")).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept.trim_end() == text, "{file} differs from\n{text}");
}

/// What is left of a terminal after the program is as it was before.
fn is_given_back(pty: &Pty) {
    let left = pty.shows();
    assert!(!left.is_screen && !left.is_cursor_hidden && pty.is_as_shells_expect(), "{left:?}");
}

fn signal(pty: &Pty, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {}", pty.id())]).status();
    assert!(sent.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_president_decides_in_a_terminal_and_the_screen_changes_by_itself() {
    let world = world().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let first = ask(&treasurer, 75_000, "Chaises pour la salle").await;
    world.clock.set("2026-11-25T10:15:31.000Z".parse().unwrap());
    let second = ask(&treasurer, 40_000, "Deux devis de peinture").await;
    let machine = Machine::of(&world, Role::President).await;
    let mut pty = watch(&machine, &["--lang", "fr"], &[]).await;
    let shown = pty
        .sees(&["● En direct", "À décider (2)", "de Clarisse Exemple", "DJFMAMJJASON", "Rien ne s’est passé"])
        .await;
    assert!(shown.is_screen && shown.is_cursor_hidden);
    is_the_screen("begins.fr", &shown.text);

    pty.types("j");
    pty.sees(&["▸• dépense 75 000 FCFA"]).await;
    pty.types("a");
    let asked = pty.sees(&["Approuver ?", "Entrée : oui"]).await;
    assert!(asked.text.contains("« Chaises pour la salle »"), "{}", asked.text);
    pty.types("\r");
    pty.sees(&["✓ Vote enregistré.", "À décider (1)", "✓ Approuvé : dépense 75 000 FCFA"]).await;
    let seen =
        treasurer.get(&format!("/finance/approvals/{}", first["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(seen["status"], "APPROVED");

    pty.types("r");
    pty.sees(&["Motif, en caractères"]).await;
    pty.types("Trop cher : à revoir en quatre");
    pty.sees(&["Trop cher : à revoir en quatre"]).await;
    pty.types("\r");
    let shown = pty
        .sees(&["✓ Demande rejetée.", "À décider (0)", "✗ Rejeté : dépense 40 000 FCFA", "Bakary Exemple"])
        .await;
    assert!(shown.text.contains("Rien n’attend de vote."), "{}", shown.text);
    let seen =
        treasurer.get(&format!("/finance/approvals/{}", second["id"].as_str().unwrap())).await.expect(200);
    assert_eq!(
        (&seen["status"], &seen["reason"]),
        (&"REJECTED".into(), &"Trop cher : à revoir en quatre".into())
    );

    pty.types("q");
    assert_eq!(pty.ends().await.code(), Some(0));
    pty.until(|shown| !shown.is_screen).await;
    is_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_server_is_away_the_screen_keeps_what_it_has_and_afterwards_it_has_what_was_missed() {
    let mut world = world().await;
    let machine = Machine::of(&world, Role::Secretary).await;
    let mut pty = watch(&machine, &[], &[]).await;
    pty.sees(&["● Live", "To decide (0)", "3 000 000 FCFA"]).await;
    world.stop().await;
    let away = pty.sees(&["○ Offline; next attempt in"]).await;
    assert!(
        away.text.contains("3 000 000 FCFA") && away.text.lines().nth(1).unwrap().starts_with("! "),
        "{away:?}"
    );
    go_on(&mut world).await;
    ask(&world.espoir(Role::Treasurer).await, 75_000, "Chaises pour la salle").await;
    pty.types("g");
    pty.sees(&["● Live", "To decide (1)", "Request: expense 75 000 FCFA “Chaises p"]).await;
    signal(&pty, "TERM");
    assert_eq!(pty.ends().await.code(), Some(0));
    pty.until(|shown| !shown.is_screen).await;
    is_given_back(&pty);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colours_are_left_out_where_nobody_wants_them_and_a_dumb_terminal_is_given_lines() {
    let world = world().await;
    let machine = Machine::of(&world, Role::Auditor).await;
    let mut coloured = watch(&machine, &[], &[]).await;
    assert!(coloured.sees(&["● Live", "To decide (0)"]).await.has_colours);
    let mut plain = watch(&machine, &[], &[("NO_COLOR", "1")]).await;
    assert!(!plain.sees(&["● Live", "To decide (0)"]).await.has_colours);
    plain.resizes(100, 40);
    plain.until(|shown| shown.text.lines().nth(39).is_some_and(|last| last.starts_with("a approve"))).await;
    plain.types("\u{3}");
    assert_eq!(plain.ends().await.code(), Some(0));
    let mut dumb = watch(&machine, &[], &[("TERM", "dumb")]).await;
    let shown = dumb.sees(&["To decide (0)", "Live"]).await;
    assert!(!shown.is_screen && !shown.is_cursor_hidden && !shown.has_colours, "{shown:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_must_sign_in_again_reads_so_on_the_screen() {
    let world = world().await;
    let machine = Machine::of(&world, Role::Secretary).await;
    world.espoir(Role::Secretary).await.delete("/me/sessions").await.expect(204);
    let mut pty = watch(&machine, &["--lang", "fr"], &[]).await;
    pty.sees(&["○ Arrêté", "! Connectez-vous de nouveau."]).await;
    pty.types("q");
    assert_eq!(pty.ends().await.code(), Some(0));
}

/// Something that is no server of ours: whatever is asked, it gives this answer and hangs up.
async fn answers(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut asked = [0; 4096];
            let _ = socket.read(&mut asked).await;
            let _ = socket.write_all(answer.as_bytes()).await;
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_answers_in_place_of_the_server_is_named_and_ends_no_sign_in() {
    let world = world().await;
    let html = "content-type: text/html\r\ncontent-length: 15\r\nconnection: close\r\n\r\n<html>no</html>";
    for (answer, line) in [
        (format!("HTTP/1.1 502 Bad Gateway\r\n{html}"), ErrorKind::BadGateway),
        (format!("HTTP/1.1 401 Unauthorized\r\n{html}"), ErrorKind::NotUnionFlow),
        (format!("HTTP/1.1 200 OK\r\n{html}"), ErrorKind::NotJson),
        ("SSH-2.0-OpenSSH_9.2p1\r\n".to_owned(), ErrorKind::NotUnionFlow),
    ] {
        let machine = Machine::of(&world, Role::Secretary).await;
        let kept = std::fs::read_to_string(machine.kept()).unwrap();
        let elsewhere = kept.replace(&world.address(), &answers(answer.leak()).await);
        std::fs::write(machine.kept(), &elsewhere).unwrap();
        let mut pty = watch(&machine, &["--lang", "en"], &[]).await;
        let line = format!("! {}", line.text(Language::English));
        pty.until(|shown| shown.text.lines().nth(1) == Some(&line)).await;
        pty.types("q");
        assert_eq!(pty.ends().await.code(), Some(0));
        assert_eq!(std::fs::read_to_string(machine.kept()).unwrap(), elsewhere);
    }
}
