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
    Audience, Currency, Event, EventType, Language, Origin, Role, RoleSet, Seq, TimeZone, Timestamp,
    event::{
        UnknownEvent,
        members::{MemberCreated, OrganizationCreated},
    },
    id::{EventId, MemberId, OrganizationId, PersonId, SignInId},
    limits,
    member::MemberStatus,
    problem::ErrorCode,
};

use crate::{
    Author, Key, Reader, Scope, ScriptedClock, Store, StoreFault, Tx, Undo,
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
            a_fact_of_another_system_is_journaled_once_and_counts_for_nothing
            a_faulty_or_panicking_unit_leaves_nothing_and_harms_nobody_else
            commits_are_announced_once_in_order_and_only_when_kept
            concurrent_commits_are_announced_in_the_order_of_seq
            a_statement_that_failed_undoes_its_unit_whatever_the_unit_makes_of_it
            what_was_foreseen_shows_what_the_unit_has_written
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
            a_service_key_is_found_by_its_id_and_listed_newest_first
            that_a_service_key_was_used_is_noted_once_a_minute_and_changes_nothing_else
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

mod keys;
mod leases;
mod service_keys;
mod tables;
mod units;

pub use self::{keys::*, leases::*, service_keys::*, tables::*, units::*};

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
            |_| Ok(()),
            |tx| {
                let event = joined(tx);
                append(tx, event).map(|appended| appended.seq.0)
            },
        )
        .await
}
