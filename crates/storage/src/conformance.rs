//! What every backend must do, as tests that take a fresh store.
//!
//! `storage_conformance!(fresh)` runs all of them, where `fresh()` gives a store (and whatever must live as long).

use std::{collections::BTreeMap, future::Future, sync::Arc};

use unionflow_domain::{
    contact::Country,
    member::{Member, MemberNumber, Name},
    organization::{Organization, Settings},
};
use unionflow_protocol::{
    Audience, Currency, Event, Language, Origin, Role, RoleSet, Seq, TimeZone, Timestamp,
    event::members::{MemberCreated, OrganizationCreated},
    id::{MemberId, OrganizationId, PersonId, SignInId},
    limits,
    member::MemberStatus,
    problem::ErrorCode,
};

use crate::{
    Author, Key, Scope, ScriptedClock, Store, StoreFault, Tx, Undo,
    tables::{
        access::Ticket,
        member::{MemberCursor, MemberFilter},
        person::{Person, SignIn},
        text::{Text, TextKind},
    },
    tx::{Appended, NewEvent},
};

/// Runs the suite: one test per fact.
#[macro_export]
macro_rules! storage_conformance {
    ($fresh:path) => {
        $crate::storage_conformance!($fresh;
            seq_has_no_gaps_and_the_chain_verifies
            a_refused_unit_leaves_nothing
            an_event_that_no_bus_would_carry_is_refused
            a_faulty_or_panicking_unit_leaves_nothing_and_harms_nobody_else
            commits_are_announced_once_in_order_and_only_when_kept
            concurrent_commits_are_announced_in_the_order_of_seq
            a_statement_that_failed_undoes_its_unit_whatever_the_unit_makes_of_it
            readers_see_one_moment
            one_key_has_one_effect_and_a_hundred_equal_answers
            a_key_belongs_to_one_command
            a_refusal_is_kept_and_a_fault_frees_the_key
            a_secret_is_shown_once
            a_ticket_is_taken_once
            members_are_found_by_folded_parts_and_paged_in_order
            a_text_is_replaced_and_its_salt_kept_beside_it
            figures_change_with_their_events_or_not_at_all
            time_does_not_run_backwards
            each_organisation_has_a_time_of_its_own
            the_time_of_a_unit_is_read_when_its_turn_has_come
            ended_sign_ins_can_be_watched
            one_refresh_wins_and_failures_add_up
            a_lease_has_one_holder_until_it_ends
            a_lease_that_ran_out_is_anybodys_and_no_longer_its_holders
        );
    };
    ($fresh:path; $($fact:ident)+) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $fact() {
                let (store, clock, _keep) = $fresh();
                let fact = $crate::conformance::$fact(store, clock);
                // A backend that hangs fails.
                tokio::time::timeout(std::time::Duration::from_secs(60), fact).await.expect("done within a minute");
            }
        )+
    };
}

type Clock = Arc<ScriptedClock>;

/// Founds an organisation: its journal has one event.
pub async fn found(store: &Store) -> OrganizationId {
    let settings = Settings {
        name: "Mutuelle Espoir".into(),
        time_zone: TimeZone::UTC,
        country: Country::CI,
        language: Language::French,
        amounts_open_to_members: false,
        directory_open_to_members: false,
    };
    let founded = store.write(Scope::Server, move |tx| {
        let id = OrganizationId::from_uuid(tx.new_uuid());
        let created_at = tx.now();
        tx.insert_organization(Organization {
            id,
            version: 1,
            currency: Currency::XOF,
            settings,
            created_at,
        })?;
        let event =
            OrganizationCreated { changed: Vec::new(), currency: Currency::XOF, time_zone: TimeZone::UTC };
        append(tx, event.into())?;
        Ok(id)
    });
    founded.await.expect("founded")
}

fn append(tx: &mut Tx<'_>, event: Event) -> Result<Appended, Undo> {
    let aggregate_id = tx.organization()?.id.into();
    tx.act_as(Author { member_id: None, origin: Origin::Command });
    tx.append(NewEvent {
        aggregate_id,
        version: None,
        audience: Audience::everyone(),
        causation_id: None,
        event,
    })
}

fn joined(tx: &Tx<'_>) -> Event {
    joined_as(tx, "1".into())
}

fn joined_as(tx: &Tx<'_>, member_number: String) -> Event {
    let id = MemberId::from_uuid(tx.new_uuid());
    let joined_on = tx.now().date_in(&TimeZone::UTC);
    MemberCreated { id, member_number, status: MemberStatus::Active, joined_on }.into()
}

async fn head(store: &Store, organization: OrganizationId) -> Seq {
    store
        .read(move |reader| Ok(reader.head_of(organization)?.map(|head| head.seq)))
        .await
        .expect("read")
        .expect("there")
}

/// One more event.
pub async fn join(store: &Store, organization: OrganizationId) -> Result<Seq, Undo> {
    store.write(Scope::Organization(organization), join_in).await
}

/// One more event, within a unit.
pub fn join_in(tx: &mut Tx<'_>) -> Result<Seq, Undo> {
    let event = joined(tx);
    append(tx, event).map(|appended| appended.seq)
}

/// Many units at once on several organisations: each journal is 1, 2, 3 … and every link holds.
pub async fn seq_has_no_gaps_and_the_chain_verifies(store: Store, _: Clock) {
    let organizations = [found(&store).await, found(&store).await, found(&store).await];
    let mut running = tokio::task::JoinSet::new();
    for n in 0..300 {
        let (store, organization) = (store.clone(), organizations[n % 3]);
        running.spawn(async move { join(&store, organization).await });
    }
    running.join_all().await.into_iter().for_each(|result| assert!(result.is_ok()));
    for organization in organizations {
        let journal = store
            .read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 1000)?))
            .await
            .expect("read");
        let seqs: Vec<u64> = journal.iter().map(|record| record.position.seq().0).collect();
        assert_eq!(seqs, (1..=101).collect::<Vec<_>>());
        let verdict = store.read(move |reader| Ok(reader.verify_journal(organization)?)).await.expect("read");
        assert_eq!(verdict, Ok(101));
    }
}

/// A refusal undoes state and events.
pub async fn a_refused_unit_leaves_nothing(store: Store, _: Clock) {
    let organization = found(&store).await;
    let refused = store.write(Scope::Organization(organization), |tx| {
        let event = joined(tx);
        append(tx, event)?;
        Err::<(), _>(ErrorCode::Forbidden.into())
    });
    assert_eq!(refused.await.expect_err("a refusal").code(), ErrorCode::Forbidden);
    assert_eq!(head(&store, organization).await, Seq(1));
    assert_eq!(join(&store, organization).await, Ok(Seq(2)));
}

/// An event over the limit undoes its unit: nobody below has to cope with it.
pub async fn an_event_that_no_bus_would_carry_is_refused(store: Store, _: Clock) {
    let organization = found(&store).await;
    let before = head(&store, organization).await;
    let refused = store
        .write(Scope::Organization(organization), |tx| {
            let event = joined_as(tx, "9".repeat(limits::EVENT_BYTES));
            append(tx, event).map(|_| ())
        })
        .await;
    assert_eq!(refused.map_err(|undo| undo.code()), Err(ErrorCode::BodyTooLarge));
    assert_eq!(head(&store, organization).await, before);
}

/// A fault or a panic undoes its unit; units of the same group commit are kept.
pub async fn a_faulty_or_panicking_unit_leaves_nothing_and_harms_nobody_else(store: Store, _: Clock) {
    let organization = found(&store).await;
    let mut running = tokio::task::JoinSet::new();
    for n in 0..60 {
        let store = store.clone();
        running.spawn(async move {
            let written = store.write(Scope::Organization(organization), move |tx| {
                let event = joined(tx);
                append(tx, event)?;
                match n % 3 {
                    0 => Ok(()),
                    1 => Err(StoreFault::Malformed("on purpose".into()).into()),
                    _ => panic!("on purpose"),
                }
            });
            (n, written.await)
        });
    }
    for (n, written) in running.join_all().await {
        assert_eq!(written.is_ok(), n % 3 == 0, "{n}: {written:?}");
    }
    assert_eq!(head(&store, organization).await, Seq(21));
}

/// Followers see the events of kept units only, in `seq` order.
pub async fn commits_are_announced_once_in_order_and_only_when_kept(store: Store, _: Clock) {
    let organization = found(&store).await;
    let mut commits = store.commits();
    for n in 0..20 {
        let _ = store
            .write(Scope::Organization(organization), move |tx| {
                for _ in 0..2 {
                    let event = joined(tx);
                    append(tx, event)?;
                }
                if n % 2 == 0 { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
            })
            .await;
    }
    let mut seen = Vec::new();
    while let Some(records) = commits.try_next() {
        seen.extend(records.iter().map(|record| record.position.seq().0));
    }
    assert_eq!(seen, (2..=21).collect::<Vec<_>>());
}

/// Many callers at once: finishing is in commit order, also where several connections write.
pub async fn concurrent_commits_are_announced_in_the_order_of_seq(store: Store, _: Clock) {
    let organizations = [found(&store).await, found(&store).await];
    let mut commits = store.commits();
    let mut running = tokio::task::JoinSet::new();
    for n in 0..200 {
        let (store, organization) = (store.clone(), organizations[n % 2]);
        running.spawn(async move { join(&store, organization).await });
    }
    running.join_all().await.into_iter().for_each(|result| assert!(result.is_ok()));
    let mut newest: BTreeMap<OrganizationId, u64> = BTreeMap::new();
    while let Some(records) = commits.try_next() {
        for record in records.iter() {
            let before = newest.insert(record.organization_id, record.position.seq().0).unwrap_or(1);
            assert_eq!(record.position.seq().0, before + 1);
        }
    }
    assert_eq!(newest.into_values().collect::<Vec<_>>(), [101, 101]);
}

/// Some databases would commit the rest, others nothing: here it is always nothing.
pub async fn a_statement_that_failed_undoes_its_unit_whatever_the_unit_makes_of_it(store: Store, _: Clock) {
    let organization = found(&store).await;
    let swallowed = store.write(Scope::Organization(organization), move |tx| {
        let event = joined(tx);
        append(tx, event)?;
        let again = tx.load_organization(organization)?.expect("there");
        let _ = tx.insert_organization(again);
        Ok(())
    });
    assert_eq!(swallowed.await.expect_err("a refusal").code(), ErrorCode::Internal);
    assert_eq!(head(&store, organization).await, Seq(1));
    // A refusal on top of it may be wrong: it is no answer, and does not bind the key.
    let scope = Scope::Organization(organization);
    let refused = store.write_keyed(
        scope,
        Some(key("swallow-1", 1)),
        |_| Ok(()),
        move |tx| {
            let again = tx.load_organization(organization)?.expect("there");
            let _ = tx.insert_organization(again);
            Err::<u64, Undo>(ErrorCode::Forbidden.into())
        },
    );
    assert!(refused.await.is_err());
    let after = keyed_join(&store, organization, key("swallow-1", 1)).await.expect("written");
    assert_eq!((after.answer, after.replayed), (Ok(2), false));
}

/// What is committed while a reader reads does not show in its answers.
pub async fn readers_see_one_moment(store: Store, _: Clock) {
    let organization = found(&store).await;
    let (began, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Barrier::new(2)));
    let reading = {
        let (store, began, go_on) = (store.clone(), began.clone(), go_on.clone());
        tokio::spawn(async move {
            store
                .read(move |reader| {
                    let before = reader.as_of(organization)?.as_of_seq;
                    began.notify_one();
                    go_on.wait();
                    Ok((before, reader.as_of(organization)?.as_of_seq))
                })
                .await
        })
    };
    began.notified().await;
    join(&store, organization).await.expect("joined");
    tokio::task::spawn_blocking(move || go_on.wait()).await.expect("waited");
    assert_eq!(reading.await.expect("ran").expect("read"), (Seq(1), Seq(1)));
    assert_eq!(head(&store, organization).await, Seq(2));
}

fn key(name: &str, fingerprint: u8) -> Key {
    Key {
        principal: PersonId::from_uuid(uuid::Uuid::from_u128(9)),
        route: "POST /members".to_owned(),
        key: name.to_owned(),
        fingerprint: [fingerprint; 32],
        secret: false,
    }
}

async fn keyed_join(
    store: &Store,
    organization: OrganizationId,
    key: Key,
) -> Result<crate::Keyed<u64>, StoreFault> {
    store
        .write_keyed(
            Scope::Organization(organization),
            Some(key),
            |_| Ok(()),
            |tx| {
                let event = joined(tx);
                append(tx, event).map(|appended| appended.seq.0)
            },
        )
        .await
}

/// The same command a hundred times at once.
pub async fn one_key_has_one_effect_and_a_hundred_equal_answers(store: Store, _: Clock) {
    let organization = found(&store).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let store = store.clone();
        running.spawn(async move { keyed_join(&store, organization, key("twins-all", 1)).await });
    }
    let answers = running.join_all().await;
    assert!(answers.iter().all(|keyed| keyed.as_ref().is_ok_and(|keyed| keyed.answer == Ok(2))));
    assert_eq!(answers.iter().filter(|keyed| !keyed.as_ref().is_ok_and(|keyed| keyed.replayed)).count(), 1);
    assert_eq!(head(&store, organization).await, Seq(2));
}

/// Another body, another route, another person.
pub async fn a_key_belongs_to_one_command(store: Store, _: Clock) {
    let organization = found(&store).await;
    let first = keyed_join(&store, organization, key("one-key-1", 1)).await.expect("written");
    assert_eq!((first.answer, first.replayed), (Ok(2), false));
    let other_body = keyed_join(&store, organization, key("one-key-1", 2)).await.expect("answered");
    assert_eq!(other_body.answer.expect_err("a refusal").code, ErrorCode::IdempotencyKeyReused);
    let other_route = Key { route: "POST /other".to_owned(), ..key("one-key-1", 2) };
    assert_eq!(keyed_join(&store, organization, other_route).await.expect("written").answer, Ok(3));
    let other_person =
        Key { principal: PersonId::from_uuid(uuid::Uuid::from_u128(8)), ..key("one-key-1", 2) };
    assert_eq!(keyed_join(&store, organization, other_person).await.expect("written").answer, Ok(4));
}

/// Business refusals are final for a key; faults of the store are not.
pub async fn a_refusal_is_kept_and_a_fault_frees_the_key(store: Store, _: Clock) {
    let organization = found(&store).await;
    let run = |name: &'static str, end: fn() -> Undo| {
        let store = store.clone();
        async move {
            store
                .write_keyed(
                    Scope::Organization(organization),
                    Some(key(name, 1)),
                    |_| Ok(()),
                    move |tx| {
                        let event = joined(tx);
                        append(tx, event)?;
                        Err::<u64, _>(end())
                    },
                )
                .await
        }
    };
    let refused = run("refusal-1", || ErrorCode::Forbidden.into()).await.expect("answered");
    assert_eq!(
        (refused.answer.expect_err("a refusal").code, refused.replayed),
        (ErrorCode::Forbidden, false)
    );
    let again = keyed_join(&store, organization, key("refusal-1", 1)).await.expect("answered");
    assert_eq!((again.answer.expect_err("a refusal").code, again.replayed), (ErrorCode::Forbidden, true));
    assert!(run("fault-001", || StoreFault::Full.into()).await.is_err());
    let after = keyed_join(&store, organization, key("fault-001", 1)).await.expect("written");
    assert_eq!((after.answer, after.replayed), (Ok(2), false));
}

/// An answer with a secret is kept without it.
pub async fn a_secret_is_shown_once(store: Store, _: Clock) {
    let organization = found(&store).await;
    let secret = Key { secret: true, ..key("secret-1", 1) };
    let run = || {
        store.write_keyed(
            Scope::Organization(organization),
            Some(secret.clone()),
            |_| Ok(()),
            |_| Ok("s3cret".to_owned()),
        )
    };
    assert_eq!(run().await.expect("written").answer, Ok("s3cret".to_owned()));
    assert_eq!(
        run().await.expect("answered").answer.expect_err("a refusal").code,
        ErrorCode::SecretAlreadyShown
    );
}

async fn person(store: &Store) -> (PersonId, SignInId) {
    let made = store.write(Scope::Server, |tx| {
        let (id, sign_in_id, now) =
            (PersonId::from_uuid(tx.new_uuid()), SignInId::from_uuid(tx.new_uuid()), tx.now());
        let password_hash = "x".to_owned();
        tx.insert_person(&Person { id, password_hash, language: None, created_at: now, disabled_at: None })?;
        tx.insert_sign_in(&SignIn {
            id: sign_in_id,
            person_id: id,
            generation: 1,
            device: "phone".into(),
            created_at: now,
            last_used_at: now,
            ended_at: None,
        })?;
        Ok((id, sign_in_id))
    });
    made.await.expect("made")
}

/// Two processes redeem one ticket: one gets it.
pub async fn a_ticket_is_taken_once(store: Store, _: Clock) {
    let (person_id, sign_in_id) = person(&store).await;
    store
        .write(Scope::Server, move |tx| {
            let now = tx.now();
            Ok(tx.insert_ticket(
                &[7; 32],
                &Ticket { person_id, sign_in_id, access_expires_at: now, expires_at: now },
            )?)
        })
        .await
        .expect("kept");
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        running.spawn(async move { store.write(Scope::Server, |tx| Ok(tx.take_ticket(&[7; 32])?)).await });
    }
    let taken = running
        .join_all()
        .await
        .into_iter()
        .filter(|taken| taken.as_ref().is_ok_and(Option::is_some))
        .count();
    assert_eq!(taken, 1);
}

/// Search ignores accents and case, wildcards are taken literally, pages neither skip nor repeat.
pub async fn members_are_found_by_folded_parts_and_paged_in_order(store: Store, _: Clock) {
    let organization = found(&store).await;
    let names =
        [("Éloïse", "N'Guessan"), ("Awa", "Koné"), ("Awa", "Koné"), ("100%", "Zadi_B"), ("Moussa", "Diallo")];
    store
        .write(Scope::Organization(organization), move |tx| {
            for (given, family) in names {
                let number = tx.next_member_number()?;
                let (id, updated_at, joined_on) = (MemberId::from_uuid(tx.new_uuid()), tx.now(), tx.today()?);
                tx.insert_member(&Member {
                    id,
                    organization_id: organization,
                    version: 1,
                    number,
                    person_id: None,
                    status: MemberStatus::Active,
                    roles: RoleSet::of(&[Role::Member]),
                    name: Name { given: given.into(), family: family.into() },
                    phone: None,
                    email: None,
                    joined_on,
                    left_on: None,
                    code_givers: Vec::new(),
                    updated_at,
                })?;
            }
            Ok(())
        })
        .await
        .expect("kept");
    let find = |text: &'static str| {
        let store = store.clone();
        async move {
            let filter = MemberFilter {
                search: Some(text.to_owned()),
                in_contacts: true,
                statuses: vec![MemberStatus::Active],
            };
            store
                .read(move |reader| Ok(reader.load_members(organization, &filter, None, 10)?.len()))
                .await
                .expect("read")
        }
    };
    assert_eq!((find("guessan").await, find("kone awa").await, find("0004").await), (1, 2, 1));
    assert_eq!((find("%").await, find("_").await), (0, 0), "wildcards are characters like others");
    let mut seen = Vec::new();
    let mut after: Option<MemberCursor> = None;
    loop {
        let cursor = after.clone();
        let page = store
            .read(move |reader| {
                Ok(reader.load_members(organization, &MemberFilter::default(), cursor.as_ref(), 2)?)
            })
            .await
            .expect("read");
        let Some(last) = page.last() else { break };
        after = Some(MemberCursor { sort_key: last.name.sort_key(), id: last.id });
        seen.extend(page.into_iter().map(|member| member.name.family));
    }
    assert_eq!(seen, ["Diallo", "Koné", "Koné", "N'Guessan", "Zadi_B"]);
    let by_number = store
        .read(move |reader| Ok(reader.load_member_by_number(organization, &MemberNumber::numbered(5))?))
        .await
        .expect("read");
    assert_eq!(by_number.expect("there").name.given, "Moussa");
}

/// The newest words count; the salt comes back with them.
pub async fn a_text_is_replaced_and_its_salt_kept_beside_it(store: Store, _: Clock) {
    let organization = found(&store).await;
    let owner_id = organization.into();
    for (body, salt) in [("premier", [1; 16]), ("second", [2; 16])] {
        let text = Text { owner_id, kind: TextKind::Purpose, n: 0, author_id: None, salt, body: body.into() };
        store
            .write(Scope::Organization(organization), move |tx| Ok(tx.save_text(organization, &text)?))
            .await
            .expect("kept");
    }
    let read = store
        .read(move |reader| Ok(reader.load_salted_text(owner_id, TextKind::Purpose, 0)?))
        .await
        .expect("read");
    assert_eq!(read, Some(([2; 16], "second".to_owned())));
    let none =
        store.read(move |reader| Ok(reader.load_text(owner_id, TextKind::Reason, 0)?)).await.expect("read");
    assert_eq!(none, None);
}

/// The figures are those of the committed events.
pub async fn figures_change_with_their_events_or_not_at_all(store: Store, _: Clock) {
    let organization = found(&store).await;
    for n in 0..6 {
        let _ = store
            .write(Scope::Organization(organization), move |tx| {
                let event = joined(tx);
                append(tx, event)?;
                if n % 2 == 0 { Ok(()) } else { Err(ErrorCode::Forbidden.into()) }
            })
            .await;
    }
    let figures =
        store.read(move |reader| Ok(reader.load_figures(organization)?)).await.expect("read").expect("there");
    assert_eq!(figures.stats(unionflow_protocol::View::Officers, false).members.active, 3);
}

/// A clock that jumps back does not put events before those already there.
pub async fn time_does_not_run_backwards(store: Store, clock: Clock) {
    let later: Timestamp = "2026-06-01T12:00:00Z".parse().expect("a time");
    clock.set(later);
    let organization = found(&store).await;
    clock.set("2026-05-01T12:00:00Z".parse().expect("a time"));
    join(&store, organization).await.expect("joined");
    let journal =
        store.read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 10)?)).await.expect("read");
    let times: BTreeMap<u64, Timestamp> = journal.iter().map(|r| (r.position.seq().0, r.timestamp)).collect();
    assert_eq!(times[&2], later);
}

/// What one organisation has journaled holds back no other: its history may begin long before.
pub async fn each_organisation_has_a_time_of_its_own(store: Store, clock: Clock) {
    let earlier: Timestamp = "2024-06-01T12:00:00Z".parse().expect("a time");
    clock.set("2026-06-01T12:00:00Z".parse().expect("a time"));
    found(&store).await;
    clock.set(earlier);
    let organization = found(&store).await;
    let journal =
        store.read(move |reader| Ok(reader.journal_after(organization, Seq::ZERO, 10)?)).await.expect("read");
    assert_eq!(journal.iter().map(|record| record.timestamp).collect::<Vec<_>>(), [earlier]);
}

/// A unit that waited for another one of its organisation does not carry the time at which it began to wait.
pub async fn the_time_of_a_unit_is_read_when_its_turn_has_come(store: Store, clock: Clock) {
    clock.set("2026-06-01T12:00:00Z".parse().expect("a time"));
    let organization = found(&store).await;
    let (began, go_on) = (Arc::new(tokio::sync::Notify::new()), Arc::new(std::sync::Barrier::new(2)));
    let first = {
        let (store, began, go_on) = (store.clone(), began.clone(), go_on.clone());
        tokio::spawn(async move {
            store
                .write(Scope::Organization(organization), move |_| {
                    began.notify_one();
                    go_on.wait();
                    Ok(())
                })
                .await
        })
    };
    began.notified().await;
    let second = store.write(Scope::Organization(organization), |tx| Ok(tx.now()));
    let mut second = std::pin::pin!(second);
    // Polled once: from here on it waits for its turn.
    let waits = std::future::poll_fn(|context| std::task::Poll::Ready(second.as_mut().poll(context))).await;
    assert!(waits.is_pending(), "units of one organisation do not overlap");
    let later: Timestamp = "2026-06-01T12:00:01Z".parse().expect("a time");
    clock.set(later);
    tokio::task::spawn_blocking(move || go_on.wait()).await.expect("waited");
    assert_eq!(second.await, Ok(later));
    first.await.expect("ran").expect("kept");
}

/// Whoever watches sees which sign-ins ended.
pub async fn ended_sign_ins_can_be_watched(store: Store, _: Clock) {
    let (person_id, sign_in_id) = person(&store).await;
    let before = store.read(|reader| Ok(reader.now())).await.expect("read");
    let ended = store.write(Scope::Server, move |tx| Ok(tx.end_sign_ins(person_id, None)?)).await;
    assert_eq!(ended, Ok(1));
    let watched = store.read(move |reader| Ok(reader.load_ended_sign_ins(before)?)).await.expect("read");
    assert_eq!(watched, [sign_in_id]);
    let again = store.write(Scope::Server, move |tx| Ok(tx.end_sign_in(sign_in_id)?)).await;
    assert_eq!(again, Ok(false), "ended once");
}

/// Units that belong to no organisation do not trample on each other.
pub async fn one_refresh_wins_and_failures_add_up(store: Store, _: Clock) {
    let (_, sign_in_id) = person(&store).await;
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let store = store.clone();
        running.spawn(async move {
            let refreshed = store.write(Scope::Server, move |tx| {
                tx.count_failure(&[1; 32], Timestamp::from_millis(0))?;
                Ok(tx.save_generation(sign_in_id, 1, 2)?)
            });
            refreshed.await.expect("written")
        });
    }
    assert_eq!(running.join_all().await.into_iter().filter(|won| *won).count(), 1);
    let counted = store.read(|reader| Ok(reader.load_failures(&[1; 32])?)).await.expect("read");
    assert_eq!(counted.map(|(failures, _)| failures), Some(20));
}

const TERM: std::time::Duration = std::time::Duration::from_secs(10);

async fn take(store: &Store, holder: u128) -> bool {
    let holder = uuid::Uuid::from_u128(holder);
    store.write(Scope::Server, move |tx| Ok(tx.take_lease("relay-1", holder, TERM)?)).await.expect("written")
}

async fn renew(store: &Store, holder: u128) -> bool {
    let holder = uuid::Uuid::from_u128(holder);
    store.write(Scope::Server, move |tx| Ok(tx.renew_lease("relay-1", holder, TERM)?)).await.expect("written")
}

/// Many ask for one lease: one gets it, and the next once it is given back.
pub async fn a_lease_has_one_holder_until_it_ends(store: Store, _: Clock) {
    let mut running = tokio::task::JoinSet::new();
    for holder in 1..=20 {
        let store = store.clone();
        running.spawn(async move { (holder, take(&store, holder).await) });
    }
    let held: Vec<u128> =
        running.join_all().await.into_iter().filter(|(_, held)| *held).map(|(holder, _)| holder).collect();
    let &[holder] = held.as_slice() else { panic!("one holder, not {held:?}") };
    assert!(renew(&store, holder).await && take(&store, holder).await, "its holder goes on with it");
    let other = holder + 100;
    assert!(!renew(&store, other).await && !take(&store, other).await);
    for (releasing, freed) in [(other, false), (holder, true)] {
        let id = uuid::Uuid::from_u128(releasing);
        let released = store.write(Scope::Server, move |tx| Ok(tx.release_lease("relay-1", id)?));
        released.await.expect("written");
        assert_eq!(
            take(&store, other).await,
            freed,
            "only its holder gives it back, and then it is free at once"
        );
    }
}

/// By the store's clock.
pub async fn a_lease_that_ran_out_is_anybodys_and_no_longer_its_holders(store: Store, clock: Clock) {
    let begun: Timestamp = "2026-06-01T12:00:00Z".parse().expect("a time");
    clock.set(begun);
    assert!(take(&store, 1).await);
    clock.set(begun.plus(TERM).minus(std::time::Duration::from_millis(1)));
    assert!(!take(&store, 2).await, "not yet");
    clock.set(begun.plus(TERM));
    assert!(!renew(&store, 1).await, "too late, even where nobody else has it");
    assert!(take(&store, 2).await);
    assert!(!renew(&store, 1).await && !take(&store, 1).await);
}
