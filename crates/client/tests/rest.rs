//! The REST client on a real server: every read, commands that are done once, and what it says when something is wrong.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use std::{io, time::Duration};

use tokio::time::timeout;
use unionflow_client::{
    Cursor, CursorStore, ErrorKind, Message, RealtimeClient, Resync, Snapshots, SnapshotsFuture, TokenFault,
    TokenProvider,
    rest::{
        Account, ApprovalsQuery, IdempotencyKey, ImportQuery, InOrganization, JournalQuery, MembersQuery,
        PageQuery, RestClient,
    },
};
use unionflow_protocol::{
    Amount, Currency, Language, Role, Seq,
    approval::{ApprovalStatus, TransactionType},
    id::OrganizationId,
    member::MemberStatus,
    problem::ErrorCode,
    rest::{
        approval::{ApprovalDetails, Approve, Reject, SubmitApproval},
        auth::{Refresh, UpdateMe},
        member::{CreateMember, EditMember, MemberOrRequest, WithReason},
        notification::{Broadcast, ReadNotifications},
        realtime::SendTestEvent,
        service_key::CreateServiceKey,
    },
};
use unionflow_testkit::{ChaosProxy, PATIENCE, Way, Weather, World};

fn at(address: &str) -> RestClient {
    RestClient::new(format!("http://{address}").parse().unwrap())
}

async fn signed_in(world: &World, role: Role, address: &str) -> (RestClient, Account) {
    let who = world.espoir.account(role);
    let open = at(address);
    let account = open.sign_in(&who.login, &who.password).await.unwrap();
    (open.with_tokens(account.clone()), account)
}

async fn of(world: &World, role: Role) -> RestClient {
    signed_in(world, role, &world.address()).await.0
}

fn expense(world: &World, amount: i64) -> SubmitApproval {
    SubmitApproval {
        organization_id: world.espoir.id,
        transaction_type: TransactionType::Expense,
        amount: Amount::new(amount).unwrap(),
        currency: Currency::XOF,
        purpose: "Achat de fournitures".to_owned(),
        details: ApprovalDetails::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_that_can_be_read_is_read_with_its_type() {
    let world = World::start().await;
    let organization = world.espoir.id;
    let here = InOrganization::of(organization);
    let rest = of(&world, Role::President).await;
    let me = rest.me().await.unwrap();
    assert_eq!(me.organizations[0].organization_id, organization);
    assert_eq!(rest.organizations().await.unwrap().items.len(), 1);
    assert_eq!(rest.organization(organization).await.unwrap().name, "Mutuelle Espoir");
    rest.policy(organization).await.unwrap();
    let journal =
        rest.journal(organization, &JournalQuery { limit: Some(3), ..Default::default() }).await.unwrap();
    assert_eq!(journal.items.len(), 3);
    assert!(rest.service_keys(organization, &PageQuery::default()).await.unwrap().items.is_empty());
    let members = rest.members(&MembersQuery::of(organization)).await.unwrap();
    assert!(members.items.len() >= 7);
    let some = MembersQuery {
        status: vec![MemberStatus::Active, MemberStatus::Suspended],
        ids: members.items.iter().take(2).map(|member| member.id).collect(),
        search: Some(members.items[0].family_name.clone()),
        ..MembersQuery::of(organization)
    };
    assert!(!rest.members(&some).await.unwrap().items.is_empty());
    assert_eq!(rest.member(members.items[0].id).await.unwrap(), members.items[0]);
    assert!(rest.approvals(&ApprovalsQuery::pending(organization)).await.unwrap().items.is_empty());
    let accounts = rest.accounts(&here).await.unwrap();
    let cash = accounts.page.items[0].id;
    rest.entries(cash, &PageQuery::default()).await.unwrap();
    rest.notifications(&here).await.unwrap();
    assert!(
        rest.sign_ins()
            .await
            .unwrap()
            .items
            .iter()
            .any(|device| device.device.starts_with("unionflow-client/"))
    );
    let stats = rest.read_stats(&here).await.unwrap();
    let kpis = rest.read_kpis(&here).await.unwrap();
    assert_eq!((stats.as_of.epoch, kpis.figures.months.len()), (kpis.as_of.epoch, 12));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn commands_answer_with_what_they_made() {
    let world = World::start().await;
    let organization = world.espoir.id;
    let (treasurer, president) = (of(&world, Role::Treasurer).await, of(&world, Role::President).await);
    let asked = treasurer.submit_approval(&expense(&world, 75_000)).await.unwrap();
    let approved = president.approve(asked.id, &Approve::default()).await.unwrap();
    assert_eq!(approved.status, ApprovalStatus::Approved);
    assert_eq!(treasurer.execute(asked.id).await.unwrap().status, ApprovalStatus::Executed);
    let other = treasurer.submit_approval(&expense(&world, 1_000)).await.unwrap();
    let no = Reject { reason: "Trop cher".to_owned(), content_hash: None };
    assert_eq!(president.reject(other.id, &no).await.unwrap().status, ApprovalStatus::Rejected);
    let third = treasurer.submit_approval(&expense(&world, 2_000)).await.unwrap();
    assert_eq!(treasurer.cancel_approval(third.id).await.unwrap().status, ApprovalStatus::Cancelled);

    let create = CreateMember {
        organization_id: organization,
        given_name: "Awa".to_owned(),
        family_name: "Traoré".to_owned(),
        phone: Some("+2250102030405".to_owned()),
        email: None,
        member_number: None,
        status: None,
        joined_on: None,
    };
    let awa = president.create_member(&create).await.unwrap();
    let edit = EditMember { phone: Some(None), ..Default::default() };
    let edited = president.if_version(awa.version).edit_member(awa.id, &edit).await.unwrap();
    assert_eq!(edited.phone, None);
    let stale = president.if_version(awa.version).edit_member(awa.id, &edit).await.unwrap_err();
    assert_eq!((stale.status(), stale.code()), (Some(412), Some(ErrorCode::StaleVersion)));
    president.invite_member(awa.id).await.unwrap();
    let suspended = president.suspend_member(awa.id, &WithReason::default()).await.unwrap();
    assert!(matches!(suspended, MemberOrRequest::Member(member) if member.status == MemberStatus::Suspended));
    let asked = president.ask_role(edited.id, Role::Secretary, &WithReason::default()).await;
    assert_eq!(asked.unwrap_err().kind(), ErrorKind::Refused, "suspended, so no role");

    let said = Broadcast {
        organization_id: organization,
        message: "Réunion samedi".to_owned(),
        roles: None,
        severity: None,
    };
    let announced = president.broadcast(&said).await.unwrap();
    let read = ReadNotifications { organization_id: organization, up_to: announced.notification.seq };
    assert_eq!(president.read_notifications(&read).await.unwrap().unread, 0);
    president.send_test_event(&SendTestEvent { organization_id: organization }).await.unwrap();
    president.create_ticket().await.unwrap();
    let language = UpdateMe { language: Some(Language::English), ..Default::default() };
    assert_eq!(president.update_me(&language).await.unwrap().language, Some(Language::English));
    let key = CreateServiceKey { name: "Banque".to_owned(), scopes: vec!["read:members".parse().unwrap()] };
    let key = president.create_service_key(organization, &key).await.unwrap();
    let system = at(&world.address()).with_token(key.secret.0.clone());
    system.read_stats(&InOrganization::of(organization)).await.unwrap();
    president.revoke_service_key(organization, key.key.id).await.unwrap();
    let file = b"nom;prenom\nKon\xc3\xa9;Moussa\n".to_vec();
    let query = ImportQuery { organization_id: organization, dry_run: true, skip_errors: false };
    assert!(president.import_members(file, &query).await.unwrap().dry_run);
    president.end_other_sessions().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_that_is_lost_does_not_do_a_command_twice() {
    let world = World::start().await;
    let proxy = ChaosProxy::before(&world.address()).await;
    let (treasurer, _) = signed_in(&world, Role::Treasurer, &proxy.address()).await;
    let before = world.books().await;
    // The command arrives and its answer does not; the network comes back while the client still tries.
    proxy.set(Weather::OneWay { stays: Way::Down });
    let asked = expense(&world, 3_000);
    let asking = tokio::spawn({
        let treasurer = treasurer.clone();
        async move { treasurer.submit_approval(&asked).await }
    });
    let president = world.espoir(Role::President).await;
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let arrived = async {
        while pending(&president).await == 0 {
            look.tick().await;
        }
    };
    timeout(PATIENCE, arrived).await.unwrap();
    proxy.set(Weather::Cut);
    proxy.set(Weather::Fine);
    let answered = timeout(PATIENCE, asking).await.unwrap().unwrap().unwrap();
    assert_eq!(answered.status, ApprovalStatus::Pending);
    assert_eq!(pending(&president).await, 1, "once");
    drop(before);
}

async fn pending(person: &unionflow_testkit::Person) -> usize {
    let list = format!("/finance/approvals?organizationId={}&status=PENDING", person.organization);
    person.get(&list).await.expect(200)["items"].as_array().unwrap().len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_of_ones_own_repeats_a_command_and_names_no_other() {
    let world = World::start().await;
    let treasurer = of(&world, Role::Treasurer).await;
    let keyed = treasurer.with_key(IdempotencyKey::parse("loyer-2026-11").unwrap());
    let first = keyed.submit_approval(&expense(&world, 5_000)).await.unwrap();
    let again = keyed.submit_approval(&expense(&world, 5_000)).await.unwrap();
    assert_eq!(first.id, again.id);
    let other = keyed.submit_approval(&expense(&world, 6_000)).await.unwrap_err();
    assert_eq!(other.code(), Some(ErrorCode::IdempotencyKeyReused));
    assert_ne!(treasurer.submit_approval(&expense(&world, 5_000)).await.unwrap().id, first.id);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_refused_says_why_in_the_language_asked_for() {
    let world = World::start().await;
    let member = of(&world, Role::Member).await;
    let refused = member.submit_approval(&expense(&world, 1_000)).await.unwrap_err();
    assert_eq!((refused.kind(), refused.status()), (ErrorKind::Refused, Some(403)));
    let mut wrong = expense(&world, 1_000);
    wrong.purpose = "x".to_owned();
    let treasurer = of(&world, Role::Treasurer).await;
    let refused = treasurer.in_language(Language::English).submit_approval(&wrong).await.unwrap_err();
    let problem = refused.problem().unwrap();
    assert_eq!((problem.code, problem.errors[0].pointer.as_str()), (ErrorCode::ValidationFailed, "/purpose"));
    assert_eq!(refused.text(Language::English), ErrorCode::ValidationFailed.title(Language::English));
    let open = at(&world.address());
    let wrong = open.sign_in("personne@exemple.test", "rien du tout").await.unwrap_err();
    assert_eq!(wrong.code(), Some(ErrorCode::WrongCredentials));
    assert_eq!(open.me().await.unwrap_err().code(), Some(ErrorCode::Unauthenticated));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_account_stays_signed_in_until_it_signs_out() {
    let world = World::start().await;
    let (rest, account) = signed_in(&world, Role::Auditor, &world.address()).await;
    let mut kept = account.refresh_tokens();
    let first = kept.borrow_and_update().clone().unwrap();
    let token = account.token(false).await.unwrap();
    assert_eq!(account.token(false).await.unwrap().token, token.token, "still good");
    // It was refused, so another; made within the same second, it may say the same.
    account.token(true).await.unwrap();
    let second = kept.borrow_and_update().clone().unwrap();
    assert_ne!(first, second);
    rest.me().await.unwrap();
    // A program that is started again goes on with what it kept.
    let resumed = at(&world.address()).account_of(second);
    at(&world.address()).with_tokens(resumed.clone()).me().await.unwrap();
    let socket = RealtimeClient::builder(rest.address().clone(), resumed.clone()).start();
    let mut events = socket.events();
    socket.connect().await;
    let joined = timeout(PATIENCE, events.recv()).await.unwrap();
    assert!(matches!(joined, Some(Message::Joined(_))), "{joined:?}");
    resumed.sign_out().await.unwrap();
    assert_eq!(resumed.token(false).await, Err(TokenFault::SignInRequired));
    assert_eq!(account.token(true).await, Err(TokenFault::SignInRequired), "the same sign-in");
    let ended = at(&world.address()).refresh(&Refresh { refresh_token: Some(first) }).await.unwrap_err();
    assert_eq!(ended.status(), Some(401));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_away_is_waited_for_a_little_and_then_said_to_be_away() {
    let mut world = World::start().await;
    let rest = of(&world, Role::Auditor).await;
    world.stop().await;
    let asking = tokio::spawn({
        let rest = rest.clone();
        async move { rest.me().await }
    });
    world.try_go_on().await.unwrap();
    asking.await.unwrap().unwrap();
    world.stop().await;
    assert_eq!(rest.me().await.unwrap_err().kind(), ErrorKind::Unreachable);
}

/// A cursor that the server cannot go on from.
struct Beyond(Cursor);

impl CursorStore for Beyond {
    fn load(&self, _: OrganizationId) -> io::Result<Option<Cursor>> {
        Ok(Some(self.0))
    }

    fn save(&self, _: &Cursor) -> io::Result<()> {
        Ok(())
    }
}

/// What an application holds: here, how far it is.
struct Holds(RestClient);

impl Snapshots for Holds {
    fn fetch(&self, resync: Resync) -> SnapshotsFuture<'_> {
        Box::pin(
            async move { Ok(self.0.read_stats(&InOrganization::of(resync.organization_id)).await?.as_of) },
        )
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_resuming_is_impossible_snapshots_are_fetched_and_the_stream_goes_on_after_them() {
    let world = World::start().await;
    let (rest, account) = signed_in(&world, Role::Auditor, &world.address()).await;
    let stats = rest.read_stats(&InOrganization::of(world.espoir.id)).await.unwrap();
    let auditor = world.espoir.account(Role::Auditor);
    let cursor = Cursor {
        organization_id: world.espoir.id,
        member_id: auditor.member_id,
        epoch: stats.as_of.epoch,
        seq: Seq(stats.as_of.as_of_seq.0 + 1_000),
        roles: auditor.roles(),
    };
    let client = RealtimeClient::builder(rest.address().clone(), account)
        .organization(world.espoir.id)
        .cursors(Beyond(cursor))
        .snapshots(Holds(rest))
        .start();
    let mut events = client.events();
    client.connect().await;
    let mut told = Vec::new();
    while !told.contains(&"Resynced") {
        told.push(match timeout(PATIENCE, events.recv()).await.unwrap().unwrap() {
            Message::ResyncRequired(resync) => {
                assert_eq!(resync.head_seq, stats.as_of.as_of_seq);
                "ResyncRequired"
            }
            Message::Resynced { as_of } => {
                assert!(as_of >= stats.as_of.as_of_seq);
                "Resynced"
            }
            Message::Problem(error) => panic!("{error}"),
            _ => continue,
        });
    }
    assert_eq!(told, ["ResyncRequired", "Resynced"]);
    let asked = of(&world, Role::Treasurer).await.submit_approval(&expense(&world, 7_000)).await.unwrap();
    let comes = async {
        loop {
            if let Some(Message::Event(delivery)) = events.recv().await
                && delivery.head.aggregate_id == asked.id.into()
            {
                return delivery.seq();
            }
        }
    };
    let seq = timeout(PATIENCE, comes).await.unwrap();
    assert!(seq > Some(stats.as_of.as_of_seq));
    assert!(client.cursor().unwrap().seq < cursor.seq, "the old cursor counts no more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clocks_that_differ_by_years_do_not_matter() {
    let world = World::start_at("2024-02-29T12:00:00Z".parse().unwrap()).await;
    let (rest, account) = signed_in(&world, Role::Auditor, &world.address()).await;
    let client =
        RealtimeClient::builder(rest.address().clone(), account).organization(world.espoir.id).start();
    let mut events = client.events();
    client.connect().await;
    let caught_up = async { while !matches!(events.recv().await, Some(Message::CaughtUp { .. })) {} };
    timeout(PATIENCE, caught_up).await.unwrap();
    rest.me().await.unwrap();
}
