//! A file of members as a treasurer brings it: ten thousand rows, a hundred of them wrong.

use std::{fs, path::Path, process::Stdio};

use unionflow_protocol::Role;
use unionflow_testkit::{Frame, World};

use crate::{Ended, command, ended, founded, sample, text, unionflow};

fn import(data: &Path, file: &Path, more: &[&str]) -> Ended {
    unionflow(&[&["--data", text(data), "import", "members", text(file)], more].concat())
}

/// Line, column and value of the errors in a JSON report, each with a hint.
fn told(report: &str) -> Vec<(u64, String, String)> {
    let report: serde_json::Value = serde_json::from_str(report).expect("JSON");
    let errors = report["errors"].as_array().expect("a list");
    assert!(errors.iter().all(|error| error["hint"].as_str().is_some_and(|hint| hint.len() > 5)));
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    errors
        .iter()
        .map(|error| (error["row"].as_u64().unwrap_or(0), text(&error["column"]), text(&error["value"])))
        .collect()
}

#[test]
fn ten_thousand_rows_with_a_hundred_errors_are_told_one_by_one_and_the_rest_comes_in_once() {
    let folder = founded();
    let made = sample::members(10_000, 100, 1);
    assert_eq!(made.errors.len(), 100);
    let file = folder.path().join("membres.csv");
    fs::write(&file, &made.csv).expect("a file");

    let dry = import(folder.path(), &file, &["--dry-run", "--json"]);
    assert_eq!(dry.code, Some(3), "{}", dry.err);
    let expected: Vec<_> = made
        .errors
        .iter()
        .map(|(row, column, value)| (u64::from(*row), (*column).to_owned(), value.clone()))
        .collect();
    assert_eq!(told(&dry.out), expected, "exactly these");

    for (language, title, refused) in
        [("fr", "100 erreurs", "Rien n’a été importé"), ("en", "100 errors", "Nothing was imported")]
    {
        let real = import(folder.path(), &file, &["--lang", language]);
        assert_eq!(real.code, Some(3));
        assert!(real.out.contains(title) && real.out.contains(refused), "{}", real.out);
        assert!(!real.out.contains('\u{1b}') && real.err.is_empty(), "a bar is drawn on a terminal only");
    }

    let rest = import(folder.path(), &file, &["--skip-errors"]);
    assert!(rest.out.contains("9\u{202f}900 créés, 0 modifié"), "{}", rest.out);
    for _ in 0..2 {
        let again = import(folder.path(), &file, &["--skip-errors"]);
        assert!(again.out.contains("0 créé, 0 modifié, 9\u{202f}900 sans changement"), "{}", again.out);
    }
    let listed = unionflow(&["--data", text(folder.path()), "user", "list"]).out;
    assert_eq!(listed.lines().filter(|line| line.contains("PRESIDENT")).count(), 1, "no role came with it");
}

#[test]
fn an_import_that_is_killed_goes_on_where_it_stopped_and_doubles_nothing() {
    let folder = founded();
    let file = folder.path().join("membres.csv");
    fs::write(&file, sample::members(4_000, 0, 2).csv).expect("a file");
    let mut child = command(&["--data", text(folder.path()), "import", "members", text(&file)])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("the binary starts");
    // Some units are in as soon as the log of the store has grown to more than one of them.
    let log = folder.path().join("unionflow.db-wal");
    while fs::metadata(&log).map_or(0, |log| log.len()) < 2_000_000 {
        assert_eq!(child.try_wait().expect("it runs"), None, "it takes longer than this");
        std::thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it ends");

    let rest = import(folder.path(), &file, &[]);
    assert!(
        rest.code == Some(0) && rest.out.contains("4\u{202f}000 créés"),
        "the summary counts both parts: {}",
        rest.out
    );
    let again = import(folder.path(), &file, &[]);
    assert!(again.out.contains("0 créé, 0 modifié, 4\u{202f}000 sans changement"), "{}", again.out);
    let verified = unionflow(&["--data", text(folder.path()), "verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_a_server_the_sockets_get_one_summary_and_other_organisations_do_not_wait() {
    let world = World::start().await;
    let (secretary, stranger) =
        (world.espoir(Role::Secretary).await, world.solidarite(Role::Treasurer).await);
    let mut socket = world.socket(&secretary).await;
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("membres.csv");
    fs::write(&file, sample::members(3_000, 0, 3).csv).expect("a file");
    let database = format!("sqlite:{}", world.database().display());
    let path = file.clone();
    let importing = tokio::task::spawn_blocking(move || {
        let mut import = command(&["import", "members", text(&path), "--organization", "Espoir"]);
        ended(import.env("DATABASE_URL", database))
    });
    let mut meanwhile = 0_u32;
    while !importing.is_finished() {
        stranger.submit(10_000).await;
        meanwhile += 1;
    }
    let imported = importing.await.expect("it ends");
    assert!(imported.out.contains("3\u{202f}000 créés"), "{imported:?}");
    assert!(meanwhile > 2, "the other organisation went on: {meanwhile}");

    let frames = socket.until("IMPORT_APPLIED").await;
    let facts: Vec<&str> =
        frames.iter().filter(|frame| frame.seq().is_some()).map(Frame::event_type).collect();
    assert_eq!(facts, ["IMPORT_APPLIED"], "rows of an import reach no socket, and nobody is notified");
    let summary = frames.last().expect("one");
    assert_eq!(summary.data()["created"], 3_000);
    let before = summary.seq().expect("a place") - 101;
    let path = format!("/organizations/{}/events?after={before}&limit=100", world.espoir.id);
    let rows = secretary.get(&path).await.expect(200);
    let rows = rows["items"].as_array().expect("a page");
    assert_eq!(rows.len(), 100);
    for row in rows {
        assert_eq!(
            row["causationId"],
            summary.data()["batchId"],
            "each row can be found by its batch: {row}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_that_changed_nothing_still_puts_right_what_changes_after_it() {
    let world = World::start().await;
    let secretary = world.espoir(Role::Secretary).await;
    let folder = tempfile::tempdir().expect("a folder of our own");
    let file = folder.path().join("membres.csv");
    fs::write(&file, sample::members(1_200, 0, 4).csv).expect("a file");
    let import = || {
        let mut import = command(&["import", "members", text(&file), "--organization", "Espoir"]);
        ended(import.env("DATABASE_URL", format!("sqlite:{}", world.database().display()))).out
    };
    assert!(import().contains("1\u{202f}200 créés"));
    assert!(import().contains("1\u{202f}200 sans changement"));

    let found = secretary.get(&format!("/members?organizationId={}&search=A-00001", world.espoir.id)).await;
    let id = found.expect(200)["items"][0]["id"].as_str().expect("one").to_owned();
    let phone = serde_json::json!({"phone": "+2250709999999"});
    secretary.patch(&format!("/members/{id}"), &phone).await.expect(200);
    let third = import();
    assert!(third.contains("0 créé, 1 modifié, 1\u{202f}199 sans changement"), "{third}");
    assert!(third.contains("n° A-00001: téléphone"), "it says whose and what: {third}");
}

#[test]
fn a_file_that_is_no_table_or_not_there_is_told_in_a_sentence() {
    let folder = founded();
    let file = folder.path().join("membres.xlsx");
    let missing = import(folder.path(), &file, &[]);
    assert!(missing.code == Some(2) && missing.err.contains("ce fichier n’existe pas"), "{missing:?}");
    for (bytes, sentence) in
        [(&b"PK\x03\x04"[..], "enregistrez-le en CSV"), (b"\xff\xd8\xff\xe0", "une image"), (b"", "est vide")]
    {
        fs::write(&file, bytes).expect("a file");
        let told = import(folder.path(), &file, &[]);
        assert!(told.code == Some(2) && told.err.contains(sentence), "{told:?}");
    }
}
