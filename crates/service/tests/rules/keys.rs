//! Keys of other systems: how many, by whom, and what is kept of them.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use unionflow_auth::service_key::ShownKey;
use unionflow_domain::{Refusal, policy};
use unionflow_protocol::{
    Event, Origin, Role, Seq,
    event::members::KeyScope,
    limits::SERVICE_KEYS_MAX,
    problem::ErrorCode,
    rest::service_key::{CreateServiceKey, NewServiceKey},
};
use unionflow_service::{Call, Principal, journal, service_key};
use unionflow_storage::{Scope, StoreFault, Tx, Undo, intercept::Intercept};

use super::scene::{Club, Town};

const PRESIDENT: usize = 0;
const ADMIN: usize = 1;

/// Counts how often the use of a key is written.
#[derive(Clone, Default)]
struct Noted(Arc<AtomicU32>);

impl Intercept for Noted {
    fn statement(
        &self,
        sql: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        if sql.starts_with("UPDATE service_key SET last_used_at") {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
        run()
    }
}

async fn scene() -> (Town, Club) {
    let town = Town::open().await;
    let club = town.found(policy::default_rules(false), &[&[Role::President], &[Role::Admin]]).await;
    (town, club)
}

fn wanted(scopes: &[&str]) -> CreateServiceKey {
    let scopes = scopes.iter().map(|scope| scope.parse().expect("a scope")).collect();
    CreateServiceKey { name: "Site".into(), scopes }
}

async fn make(
    town: &Town,
    club: &Club,
    who: usize,
    asked: CreateServiceKey,
) -> Result<NewServiceKey, Refusal> {
    let unit = move |tx: &mut Tx<'_>, call: &Call| service_key::create::create(tx, call, &asked);
    town.act(club, club.people[who], unit).await
}

async fn make_as_operator(town: &Town, club: &Club) -> Result<NewServiceKey, Undo> {
    let unit = |tx: &mut Tx<'_>| service_key::create::create_as_operator(tx, &wanted(&["read:money"]));
    town.service.store().write(Scope::Organization(club.id), unit).await
}

#[tokio::test]
async fn a_member_makes_twenty_keys_a_day() {
    let (town, club) = scene().await;
    for _ in 0..20 {
        make(&town, &club, ADMIN, wanted(&["read:members"])).await.unwrap();
    }
    let refused = make(&town, &club, ADMIN, wanted(&["read:members"])).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooOftenToday);
    make(&town, &club, PRESIDENT, wanted(&["read:members"])).await.expect("each counts alone");
    town.wait(24);
    make(&town, &club, ADMIN, wanted(&["read:members"])).await.expect("another day");
}

#[tokio::test]
async fn an_organisation_has_so_many_keys_that_work_and_a_revoked_one_makes_room() {
    let (town, club) = scene().await;
    let mut last = None;
    for _ in 0..SERVICE_KEYS_MAX {
        last = Some(make_as_operator(&town, &club).await.unwrap().key.id);
    }
    let refused = make(&town, &club, ADMIN, wanted(&["read:members"])).await.unwrap_err();
    assert_eq!(refused.code, ErrorCode::TooManyServiceKeys);
    let id = last.expect("some were made");
    let revoke = move |tx: &mut Tx<'_>, call: &Call| service_key::revoke::revoke(tx, call, id);
    town.act(&club, club.people[ADMIN], revoke).await.expect("an administrator ends any key");
    make(&town, &club, ADMIN, wanted(&["read:members"])).await.expect("there is room");
}

#[tokio::test]
async fn the_operators_key_is_nobodys_and_its_secret_is_stored_nowhere() {
    let (town, club) = scene().await;
    let made = make_as_operator(&town, &club).await.unwrap();
    assert_eq!(made.key.created_by, None);
    let told = town.told_after(&club, Seq::ZERO).await;
    let last = told.last().expect("it is told");
    assert_eq!((last.envelope.head.actor_id, last.envelope.head.origin), (None, Origin::Operator));
    let Event::ServiceKeyCreated(event) = &last.envelope.event else { panic!("{last:?}") };
    assert_eq!((event.key_id, &*event.scopes), (made.key.id, &[KeyScope::ReadMoney][..]));
    let secret = made.secret.0.rsplit('_').next().expect("it has parts").to_owned();
    let kept = town.everything();
    assert!(kept.iter().any(|row| row.starts_with("service_key")), "keys are stored");
    assert!(kept.iter().all(|row| !row.to_lowercase().contains(&secret)), "but not their secrets");
    assert!(!format!("{made:?}").contains(&secret));
}

#[tokio::test]
async fn that_a_key_was_used_is_written_once_a_minute_and_not_for_each_request() {
    let noted = Noted::default();
    let counted = noted.clone();
    let town = Town::on(7, |store| store.intercepted(counted)).await;
    let club = town.found(policy::default_rules(false), &[&[Role::President]]).await;
    let made = make_as_operator(&town, &club).await.unwrap();
    let shown = ShownKey::read(&made.secret.0).expect("it is one");
    for round in 1..=3 {
        for _ in 0..5 {
            town.service.shown_key(shown).await.unwrap();
        }
        assert_eq!(noted.0.load(Ordering::SeqCst), round);
        town.wait(1);
    }
    let stranger = ShownKey::read(&format!("{}{}", &made.secret.0[..37], "0".repeat(64))).expect("the form");
    let Err(Undo::Refused(refusal)) = town.service.shown_key(stranger).await else { panic!("it is refused") };
    assert_eq!((refusal.code, noted.0.load(Ordering::SeqCst)), (ErrorCode::Unauthenticated, 3));
}

#[tokio::test]
async fn what_is_sent_by_a_key_names_it_and_no_member() {
    let (town, club) = scene().await;
    let made = make_as_operator(&town, &club).await.unwrap();
    let id = made.key.id;
    let sent = town.service.store().write(Scope::Organization(club.id), move |tx| {
        tx.act_by(id);
        service_key::revoke::revoke_as_operator(tx, id)
    });
    sent.await.unwrap();
    let told = town.told_after(&club, Seq::ZERO).await;
    let head = &told.last().expect("it is told").envelope.head;
    assert_eq!((head.actor_id, head.service_key_id), (None, Some(id)));
}

#[tokio::test]
async fn a_read_by_a_key_without_the_scope_is_refused_whoever_let_it_come_so_far() {
    let (town, club) = scene().await;
    let made = make(&town, &club, ADMIN, wanted(&["read:members"])).await.unwrap();
    let (here, id) = (club.id, made.key.id);
    let read = town.service.read(move |reader| {
        let (key, _) = reader.load_service_key(id)?.expect("it was made");
        journal::events(reader, &Principal::Key(key), here, Seq::ZERO, 10)
    });
    let Err(Undo::Refused(refusal)) = read.await else { panic!("it is refused") };
    assert_eq!(refusal.code, ErrorCode::ScopeRequired);
}
