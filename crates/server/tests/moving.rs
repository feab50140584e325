//! `unionflow migrate`: a file becomes a database, and nobody's telephone notices.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, Stdio},
};

use tokio::task::spawn_blocking;
use unionflow_components::{Database, Postgres};
use unionflow_protocol::Role;
use unionflow_server::{Options, Server, Settings};
use unionflow_testkit::{Frame, Person, Troupe, open_service_on, settings};

/// How a command ended.
struct Ended {
    code: Option<i32>,
    text: String,
}

/// Runs a command on a store.
async fn unionflow(database_url: &str, arguments: &[&str]) -> Ended {
    let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
    command.args(arguments).env_clear().env("LANG", "en").env("DATABASE_URL", database_url);
    command.env("UNIONFLOW_LISTEN", "127.0.0.1:0").env("UNIONFLOW_ADMIN_LISTEN", "127.0.0.1:0");
    let output = spawn_blocking(move || command.output()).await.expect("it ran").expect("the binary starts");
    let text = [output.stdout, output.stderr].concat();
    Ended { code: output.status.code(), text: String::from_utf8(text).expect("text") }
}

async fn database() -> Database {
    spawn_blocking(Postgres::database).await.expect("it ran").expect("PostgreSQL starts")
}

async fn serve(settings: &Settings, database_url: &str) -> Server {
    let settings = Settings { database_url: database_url.to_owned(), ..settings.clone() };
    Server::start(Options::new(settings)).await.unwrap_or_else(|fault| panic!("{fault}"))
}

async fn troupe(settings: &Settings) -> Troupe {
    let opened = settings.database().expect("an address");
    let store = spawn_blocking(move || opened.serve(None)).await.expect("it ran").expect("a store opens");
    let service = open_service_on(store).await;
    let troupe = Troupe::found(&service, "Mutuelle Espoir").await;
    spawn_blocking(move || service.store().close()).await.expect("it closes");
    troupe
}

fn kinds(frames: &[Frame]) -> Vec<&str> {
    frames.iter().map(Frame::event_type).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_goes_on_with_its_cursor_and_its_session_where_the_store_has_moved_to() {
    let (folder, target) = (tempfile::tempdir().expect("a folder"), database().await);
    let settings = settings(&folder.path().join("unionflow.db"));
    let (file, url) = (settings.database_url.as_str(), target.url());
    let espoir = troupe(&settings).await;
    let before = serve(&settings, file).await;
    let address = before.address.to_string();
    let mut treasurer = Person::sign_in(&address, &espoir, espoir.account(Role::Treasurer)).await;
    let mut screen = treasurer.connect("").await.expect("a socket");
    screen.until("SYSTEM_CAUGHT_UP").await;
    let seen = treasurer.submit(75_000).await;
    screen.sees_until(seen["asOfSeq"].as_u64().expect("a place")).await;
    let cursor = screen.resume();
    let missed = treasurer.submit(80_000).await;

    let refused = unionflow(file, &["migrate", "--to", url]).await;
    assert_eq!(refused.code, Some(1), "{}", refused.text);
    assert!(refused.text.contains("another server already runs on"), "{}", refused.text);
    before.stop().await;
    let moved = unionflow(file, &["migrate", "--to", url]).await;
    assert_eq!(moved.code, Some(0), "{}", moved.text);
    assert!(moved.text.contains("Moved and verified: 1 organisation(s)"), "{}", moved.text);
    let verified = unionflow(url, &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.text);

    // The token of before and the cursor of before.
    let after = serve(&settings, url).await;
    treasurer.address = after.address.to_string();
    let mut again = treasurer.connect(&cursor).await.expect("the token is good there");
    let frames = again.until("SYSTEM_CAUGHT_UP").await;
    assert!(!kinds(&frames).contains(&"SYSTEM_RESYNC_REQUIRED"), "{frames:?}");
    let replayed = frames.iter().filter_map(Frame::seq).max();
    assert!(replayed >= missed["asOfSeq"].as_u64().map(|seq| seq - 1), "{frames:?}");
    assert_eq!(kinds(&frames).iter().filter(|kind| **kind == "APPROVAL_PENDING").count(), 1, "{frames:?}");
    treasurer.submit(90_000).await;
    again.until("APPROVAL_PENDING").await;
    after.stop().await;

    for command in [&["serve"][..], &["user", "list"], &["migrate", "--to", url]] {
        let refused = unionflow(file, command).await;
        assert_eq!(refused.code, Some(1), "{command:?}: {}", refused.text);
        assert!(refused.text.contains("was moved to postgres://127.0.0.1"), "{command:?}: {}", refused.text);
    }
    // The operator gives the database up: what was recorded there is not known here, and clients are told.
    let back = unionflow(file, &["migrate", "--take-back"]).await;
    assert_eq!(back.code, Some(0), "{}", back.text);
    let here = serve(&settings, file).await;
    treasurer.address = here.address.to_string();
    treasurer.get("/me").await.expect(401);
    let treasurer = Person::sign_in(&treasurer.address, &espoir, espoir.account(Role::Treasurer)).await;
    let mut socket = treasurer.connect(&again.resume()).await.expect("a socket");
    let frames = socket.until("SYSTEM_CAUGHT_UP").await;
    assert_eq!(kinds(&frames)[1], "SYSTEM_RESYNC_REQUIRED", "{frames:?}");
    assert_eq!(treasurer.head().await, missed["asOfSeq"].as_u64().expect("a place"));
    here.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_years_of_two_organisations_move_with_everything_that_is_stored() {
    let (folder, target) = (tempfile::tempdir().expect("a folder"), database().await);
    let data = folder.path().to_path_buf();
    spawn_blocking(move || demonstrate(&data)).await.expect("it ran");
    let file = format!("sqlite:{}", folder.path().join("unionflow.db").display());
    let moved = unionflow(&file, &["migrate", "--to", target.url()]).await;
    assert_eq!(moved.code, Some(0), "{}", moved.text);
    assert!(moved.text.contains("2 organisation(s)"), "{}", moved.text);
    let verified = unionflow(target.url(), &["verify"]).await;
    assert_eq!(verified.code, Some(0), "{}", verified.text);
    assert_eq!(verified.text.matches('✓').count(), 2, "{}", verified.text);
    for table in ["secret_key", "person", "approval", "notification", "text", "entry_line", "figures"] {
        let count = target.psql(&format!("SELECT count(*) FROM {table}")).expect("it answers");
        assert_ne!(count.trim(), "0", "{table} came along, or the demonstration has none any more");
    }
}

/// Lets `unionflow demo` write its two years, and ends it.
fn demonstrate(data: &Path) {
    let data = data.to_str().expect("text");
    let mut demo = Command::new(env!("CARGO_BIN_EXE_unionflow"))
        .args(["demo", "--json", "--quiet-life", "--data", data])
        .args(["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"])
        .env_clear()
        .env("UNIONFLOW_PASSWORD_MEMORY_KIB", "8")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut line = String::new();
    BufReader::new(demo.stdout.take().expect("piped")).read_line(&mut line).expect("a line");
    assert!(line.contains("organizations"), "{line}");
    // Killed: what was acknowledged is in the file.
    demo.kill().expect("it can be killed");
    demo.wait().expect("it ends");
}

#[tokio::test]
async fn only_an_address_of_postgres_is_a_target() {
    for arguments in
        [&["migrate", "--to", "sqlite:b.db"][..], &["migrate", "--to", "postgres://"], &["migrate"]]
    {
        let refused = unionflow("sqlite:none/unionflow.db", arguments).await;
        assert_eq!(refused.code, Some(2), "{arguments:?}: {}", refused.text);
    }
    let missing =
        unionflow("sqlite:none/unionflow.db", &["migrate", "--to", "postgres://a@127.0.0.1/a"]).await;
    assert_eq!(missing.code, Some(1), "{}", missing.text);
    assert!(missing.text.contains("there is no store at"), "{}", missing.text);
}
