//! Signing in and out.

use std::{fs, os::unix::fs::PermissionsExt};

use serde_json::Value;
use unionflow_client::{
    ErrorKind,
    rest::{Account, RestClient},
};
use unionflow_protocol::{Role, rest::auth::Secret};
use unionflow_testkit::World;

use crate::{Machine, world};

impl Machine {
    fn refresh_token(&self) -> String {
        let kept: Value = serde_json::from_slice(&fs::read(self.kept()).unwrap()).unwrap();
        kept["refreshToken"].as_str().unwrap().to_owned()
    }
}

/// Whether a refresh token still lets somebody in.
async fn is_good(world: &World, refresh_token: String) -> bool {
    let rest = RestClient::new(format!("http://{}", world.address()).parse().unwrap());
    let account: Account = rest.account_of(Secret(refresh_token));
    match rest.with_tokens(account).me().await {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::SignInRequired => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_sign_in_is_kept_for_its_owner_until_signing_out_ends_it_here_and_on_the_server() {
    let world = world().await;
    let machine = Machine::new();
    let account = world.espoir.account(Role::Treasurer);
    let ended = machine.signs_in(&world, account, &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.out.starts_with(&format!("Signed in: {} · Mutuelle Espoir", account.login)), "{ended:?}");
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(machine.kept()), 0o600);
    assert_eq!(mode(machine.kept().parent().unwrap().to_path_buf()), 0o700);
    let kept = fs::read_to_string(machine.kept()).unwrap();
    assert!(!kept.contains(&account.password), "never the password");

    let token = machine.refresh_token();
    let ended = machine.runs(&["logout"]).await;
    assert_eq!((ended.code, ended.out.trim_end()), (Some(0), &*format!("Signed out: {}", account.login)));
    assert!(!machine.kept().exists());
    assert!(!is_good(&world, token).await);
    assert_eq!(machine.runs(&["logout"]).await.out.trim_end(), "Nobody was signed in.");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_password_keeps_nothing_and_says_why() {
    let world = world().await;
    let machine = Machine::new();
    let mut account = world.espoir.account(Role::Treasurer).clone();
    account.password.push('x');
    let ended = machine.signs_in(&world, &account, &["--lang", "fr"]).await;
    assert_eq!((ended.code, machine.kept().exists()), (Some(1), false), "{ended:?}");
    assert!(ended.err.starts_with("unionflow: ") && !ended.err.contains(&account.password), "{ended:?}");
    let url = format!("http://{}", world.address());
    let ended = machine.runs(&["login", "--url", &url, "--login", &account.login]).await;
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("--password-stdin"), "{ended:?}");
    let ended =
        machine.is_told(&["login", "--url", "h.test", "--login", "a", "--password-stdin"], "x\n").await;
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_belongs_to_several_organisations_says_which_and_leaves_no_sign_in_behind_by_not_saying() {
    let world = world().await;
    let machine = Machine::new();
    let account = world.espoir.in_all();
    let ended = machine.signs_in(&world, account, &[]).await;
    assert_eq!((ended.code, machine.kept().exists()), (Some(2), false), "{ended:?}");
    assert!(ended.err.contains("Mutuelle Espoir") && ended.err.contains("Union Solidarité"), "{ended:?}");
    let ended = machine.signs_in(&world, account, &["--organization", "solidarite"]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let rest = RestClient::new(format!("http://{}", world.address()).parse().unwrap());
    let account: Account = rest.account_of(Secret(machine.refresh_token()));
    let sign_ins = rest.with_tokens(account).sign_ins().await.unwrap();
    assert_eq!(sign_ins.items.len(), 1, "the first one was ended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signing_in_again_ends_the_sign_in_before() {
    let world = world().await;
    let machine = Machine::of(&world, Role::Treasurer).await;
    let before = machine.refresh_token();
    let ended = machine.signs_in(&world, world.espoir.account(Role::President), &[]).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(!is_good(&world, before).await);
    assert!(is_good(&world, machine.refresh_token()).await);
}
