//! `unionflow login`, `logout` and `watch`, from outside, against a real server.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

mod lines;
mod login;
#[cfg(feature = "watch")]
mod pty;
#[cfg(feature = "watch")]
mod terminal;

use std::{path::PathBuf, process::Stdio};

use tempfile::TempDir;
use tokio::{
    io::AsyncWriteExt,
    process::{Child, Command},
    sync::Mutex,
    time::timeout,
};
use unionflow_protocol::Role;
use unionflow_testkit::{Account, PATIENCE, World};

/// Held while a process is started, and while a store is opened. For a moment a new process has open what this one has, such
/// as the lock of a store that is closed meanwhile; who then opens that store finds it locked.
static STARTING: Mutex<()> = Mutex::const_new(());

async fn world() -> World {
    let _alone = STARTING.lock().await;
    World::start().await
}

/// Starts the server again where it was stopped.
async fn go_on(world: &mut World) {
    let _alone = STARTING.lock().await;
    world.try_go_on().await.unwrap();
}

async fn start(mut command: Command) -> Child {
    let _alone = STARTING.lock().await;
    command.spawn().unwrap()
}

/// Somebody's machine: what a user keeps there.
struct Machine {
    home: TempDir,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Machine {
    fn new() -> Self {
        Self { home: tempfile::tempdir().unwrap() }
    }

    /// A machine on which the holder of a role is signed in.
    async fn of(world: &World, role: Role) -> Self {
        let machine = Self::new();
        let ended = machine.signs_in(world, world.espoir.account(role), &[]).await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
        machine
    }

    /// The binary with nothing of this machine in its environment.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_unionflow"));
        command.args(arguments).env_clear().env("HOME", self.home.path()).env("LANG", "en_GB.UTF-8");
        command.stdin(Stdio::null()).kill_on_drop(true);
        command
    }

    async fn runs(&self, arguments: &[&str]) -> Ended {
        self.is_told(arguments, "").await
    }

    /// Runs a command that reads this on its standard input.
    async fn is_told(&self, arguments: &[&str], input: &str) -> Ended {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = start(command).await;
        // A command that refuses its arguments reads nothing.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
        let output = timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    async fn signs_in(&self, world: &World, account: &Account, more: &[&str]) -> Ended {
        let url = format!("http://{}", world.address());
        let named = ["login", "--url", &url, "--login", &account.login, "--password-stdin"];
        self.is_told(&[&named, more].concat(), &format!("{}\n", account.password)).await
    }

    fn kept(&self) -> PathBuf {
        self.home.path().join(".config/unionflow/sign-in.json")
    }
}
