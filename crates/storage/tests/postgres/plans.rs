//! No statement that a command or a client waits for walks through a whole table: all that run here are recorded, and
//! PostgreSQL is asked how it would run each, without knowing the values.

use std::{collections::BTreeSet, sync::Arc};

use parking_lot::Mutex;
use unionflow_components::{Database, Postgres};
use unionflow_domain::contact::LoginName;
use unionflow_protocol::{
    RoleSet, Seq, Timestamp,
    event::members::ImportKind,
    id::{AccountId, ApprovalId, EventId, MemberId, OrganizationId, PersonId, ServiceKeyId, SignInId},
};
use unionflow_storage::{
    Scope, ScriptedClock, Store, StoreFault, conformance,
    intercept::Intercept,
    tables::{
        access::KeyPurpose, approval::ApprovalFilter, member::MemberFilter, notification::Inbox,
        text::TextKind,
    },
};
use uuid::Uuid;

use super::open;

/// They look at everything, because everything is what they are asked for, or at a table of a few rows.
const WALKS: &[&str] = &[
    "FROM organization ORDER BY id",
    "SELECT 1 FROM organization LIMIT 1",
    "WHERE p.seq < o.head_seq",
    "FROM secret_key",
];

type Recorded = Arc<Mutex<BTreeSet<&'static str>>>;

struct Recording(Recorded);

impl Intercept for Recording {
    fn statement(
        &self,
        sql: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        if sql != "ROLLBACK" {
            self.0.lock().insert(sql);
        }
        run()
    }
}

/// Loads of everything there is, with ids of nobody.
async fn read_everything(store: &Store) {
    let id = Uuid::from_u128(1);
    let (organization, member, person) =
        (OrganizationId::from_uuid(id), MemberId::from_uuid(id), PersonId::from_uuid(id));
    let inbox = Inbox { organization_id: organization, member_id: member, roles: RoleSet::default() };
    let read = store.read(move |reader| {
        reader.load_organizations()?;
        reader.is_founded()?;
        reader.as_of(organization)?;
        reader.organizations_of(person)?;
        reader.load_policy(organization)?;
        reader.journal_after(organization, Seq::ZERO, 10)?;
        reader.unpublished(10)?;
        reader.head_of(organization)?;
        reader.has_event(organization, EventId::from_uuid(id))?;
        reader.load_keys(KeyPurpose::Access)?;
        reader.has_ticket(&[0; 32])?;
        reader.load_code(&[0; 32])?;
        reader.load_failures(&[0; 32])?;
        reader.count_pending_of(organization, member)?;
        reader.load_approval(ApprovalId::from_uuid(id))?;
        reader.load_approvals(organization, &ApprovalFilter::default(), None, 10)?;
        reader.load_pending_approvals(organization)?;
        reader.load_open_twin(organization, "x")?;
        reader.load_lapsing_approvals(organization, 10)?;
        reader.load_due_approvals(10)?;
        reader.load_figures(organization)?;
        reader.load_stale_figures(10)?;
        reader.load_unfinished_import(organization, ImportKind::Members, &[0; 32])?;
        reader.load_chart(organization)?;
        reader.organization_of_account(AccountId::from_uuid(id))?;
        reader.load_entries(AccountId::from_uuid(id), None, 10)?;
        reader.load_member(member)?;
        reader.load_membership(person, organization)?;
        reader.load_memberships(person)?;
        reader.load_namesakes(organization, "x")?;
        reader.load_members(organization, &MemberFilter::default(), None, 10)?;
        reader.load_electorate(organization, [member])?;
        reader.load_inbox(inbox, None, 10)?;
        reader.load_read_mark(inbox)?;
        reader.load_person(person)?;
        reader.load_person_by_login(&LoginName::from_stored("x".to_owned()))?;
        reader.load_logins(person)?;
        reader.load_sign_in(SignInId::from_uuid(id))?;
        reader.load_sign_ins(person)?;
        reader.load_ended_sign_ins(Timestamp::from_millis(0))?;
        reader.load_service_key(ServiceKeyId::from_uuid(id))?;
        reader.load_service_keys(organization, None, 10)?;
        reader.count_service_keys(organization)?;
        reader.load_texts(organization.into(), TextKind::Comment)?;
        Ok(())
    });
    read.await.expect("all is read");
}

/// Changes and purges that touch rows by something else than their key.
async fn change_something(store: &Store) {
    let id = Uuid::from_u128(1);
    let (organization, member, person) =
        (OrganizationId::from_uuid(id), MemberId::from_uuid(id), PersonId::from_uuid(id));
    let changed = store.write(Scope::Server, move |tx| {
        let early = Timestamp::from_millis(0);
        tx.delete_codes(member)?;
        tx.uncount_failure(&[0; 32])?;
        tx.forget_failures(&[0; 32])?;
        tx.purge_failures(early, early)?;
        tx.delete_logins(person)?;
        tx.end_sign_ins(person, None)?;
        tx.end_oldest_sign_ins(person, 5)?;
        tx.purge_sign_ins(early, 10)?;
        tx.purge_idempotency(early, 10)?;
        tx.resolve_reservation(ApprovalId::from_uuid(id), true)?;
        tx.note_service_key(ServiceKeyId::from_uuid(id), early)?;
        tx.mark_published(organization, Seq(1))?;
        Ok(())
    });
    changed.await.expect("all is changed");
}

/// How PostgreSQL runs a statement where it is free to walk, but at a price.
fn plan(database: &Database, sql: &str) -> String {
    let placeholders = (1..=20).rev().find(|n| sql.contains(&format!("?{n}"))).unwrap_or(0);
    let values = vec!["NULL"; placeholders].join(", ");
    let call = if placeholders > 0 { format!("asked({values})") } else { "asked".to_owned() };
    let text = sql.replace('?', "$");
    let ask = format!(
        "SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan; PREPARE asked AS {text}; EXPLAIN (COSTS OFF) EXECUTE {call}"
    );
    database.psql(&ask).expect("it is explained")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_statement_finds_its_rows_by_an_index() {
    let database = Postgres::database().unwrap();
    let recorded = Recorded::default();
    let store = open(database.url()).unwrap().intercepted(Recording(recorded.clone()));
    let clock = Arc::new(ScriptedClock::default());
    conformance::a_refusal_is_kept_and_a_fault_frees_the_key(store.clone(), clock.clone()).await;
    conformance::members_are_found_by_folded_parts_and_paged_in_order(store.clone(), clock.clone()).await;
    conformance::a_text_is_replaced_and_its_salt_kept_beside_it(store.clone(), clock.clone()).await;
    conformance::a_ticket_is_taken_once(store.clone(), clock.clone()).await;
    conformance::one_refresh_wins_and_failures_add_up(store.clone(), clock.clone()).await;
    conformance::a_lease_has_one_holder_until_it_ends(store.clone(), clock).await;
    read_everything(&store).await;
    change_something(&store).await;
    let recorded: Vec<_> = std::mem::take(&mut *recorded.lock()).into_iter().collect();
    assert!(recorded.len() > 60, "{} statements were recorded", recorded.len());
    for sql in recorded {
        if WALKS.iter().any(|walk| sql.contains(walk)) {
            continue;
        }
        let plan = plan(&database, sql);
        let looks = plan.lines().filter(|line| line.contains("Scan ") && !line.contains("Bitmap Heap Scan"));
        let looks = looks.filter(|line| !line.contains("Subquery Scan"));
        let by_condition = plan.lines().filter(|line| line.trim_start().starts_with("Index Cond:"));
        assert_eq!(looks.count(), by_condition.count(), "{sql}\n{plan}");
    }
}
