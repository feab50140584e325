//! The n-th statement fails, for n = 1, 2, 3 … until everything runs through untouched.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use unionflow_domain::policy;
use unionflow_protocol::{
    Event, Role, Seq,
    account::AccountKind,
    approval::ApprovalStatus,
    id::ApprovalId,
    problem::ErrorCode,
    rest::approval::{Approval, Approve},
};
use unionflow_service::{
    Call,
    approval::{approve::approve, execute::execute, submit::submit},
};
use unionflow_storage::{Keyed, StoreFault, Tx, intercept::Intercept};

use super::scene::{Club, Town, Wanted, amount};

/// Which statement fails, counted from now.
#[derive(Default)]
struct Plan {
    left: AtomicI64,
    /// Whether it fails after it has had its effect.
    after: AtomicBool,
}

impl Plan {
    fn fail(&self, n: i64, after: bool) {
        self.after.store(after, Ordering::SeqCst);
        self.left.store(n, Ordering::SeqCst);
    }

    /// Whether this is the one.
    fn is_due(&self) -> bool {
        self.left.fetch_sub(1, Ordering::SeqCst) == 1
    }

    /// Whether it has not come yet. Nothing fails any more.
    fn give_up(&self) -> bool {
        self.left.swap(0, Ordering::SeqCst) > 0
    }
}

struct Faulty(Arc<Plan>);

impl Intercept for Faulty {
    fn statement(
        &self,
        _: &'static str,
        run: &mut dyn FnMut() -> Result<(), StoreFault>,
    ) -> Result<(), StoreFault> {
        let due = self.0.is_due();
        if due && !self.0.after.load(Ordering::SeqCst) {
            return Err(broken());
        }
        run()?;
        if due { Err(broken()) } else { Ok(()) }
    }

    fn also_reads(&self) -> bool {
        false
    }
}

fn broken() -> StoreFault {
    StoreFault::Database("the disk answered nonsense".into())
}

/// A command of the scenario.
#[derive(Debug, Clone, Copy)]
enum Act {
    Submit,
    Approve,
    /// By somebody who may not.
    ExecuteInVain,
    Execute,
}

/// The organisation and the round, which names keys.
struct Round<'a> {
    town: &'a Town,
    club: &'a Club,
    name: String,
    id: Option<ApprovalId>,
}

impl Round<'_> {
    async fn send(&self, act: Act) -> Result<Keyed<Approval>, StoreFault> {
        let [president, treasurer] = [0, 1].map(|n| self.club.people[n]);
        let key = format!("{act:?}-{}", self.name);
        let id = self.id.unwrap_or(ApprovalId::from_uuid(uuid::Uuid::nil()));
        match act {
            Act::Submit => {
                let body = Wanted::expense(10).of(self.club.id);
                let unit = move |tx: &mut Tx<'_>, call: &Call| submit(tx, call, &body);
                self.town.act_keyed(self.club, treasurer, &key, unit).await
            }
            Act::Approve => {
                let body = Approve { comment: Some("d'accord".into()), content_hash: None };
                let unit = move |tx: &mut Tx<'_>, call: &Call| approve(tx, call, id, &body);
                self.town.act_keyed(self.club, president, &key, unit).await
            }
            Act::ExecuteInVain | Act::Execute => {
                let who = if matches!(act, Act::Execute) { treasurer } else { president };
                let unit =
                    move |tx: &mut Tx<'_>, call: &Call| execute(tx, call, id).map(|done| done.approval);
                self.town.act_keyed(self.club, who, &key, unit).await
            }
        }
    }

    /// Sends a command until it is answered: a fault has left nothing, and its repeat is a new try. Whether there was one.
    async fn insist(&mut self, act: Act) -> bool {
        let before = self.town.everything();
        let (answered, faulted) = match self.send(act).await {
            Ok(answered) => (answered, false),
            Err(fault) => {
                assert_eq!(fault, broken());
                assert_eq!(self.town.everything(), before, "{act:?} in {} left something", self.name);
                (self.send(act).await.expect("nothing fails any more"), true)
            }
        };
        assert!(!answered.replayed, "{act:?} in {}: the key was free", self.name);
        let (again, faulted) = match self.send(act).await {
            Ok(again) => (again, faulted),
            Err(_) => (self.send(act).await.expect("nothing fails any more"), true),
        };
        assert!(again.replayed && again.answer == answered.answer, "{act:?} in {}", self.name);
        match (act, answered.answer) {
            (Act::ExecuteInVain, answer) => {
                assert_eq!(answer.expect_err("not for the president").code, ErrorCode::Forbidden);
            }
            (_, answer) => self.id = Some(answer.expect("it is allowed").id),
        }
        faulted
    }
}

/// A young store: comparing all of it is quick.
struct Stage {
    plan: Arc<Plan>,
    town: Town,
    club: Club,
    rounds: i64,
}

/// Rounds on one store.
const ROUNDS: i64 = 8;

impl Stage {
    async fn new() -> Self {
        let plan = Arc::new(Plan::default());
        let behind = plan.clone();
        let town = Town::on(3, |store| store.intercepted(Faulty(behind))).await;
        let people: &[&[Role]] = &[&[Role::President], &[Role::Treasurer]];
        let club = town.found(policy::default_rules(false), people).await;
        Self { plan, town, club, rounds: 0 }
    }

    /// The whole scenario, in which the n-th statement fails. Whether there were fewer.
    async fn round(&mut self, n: i64, after: bool) -> bool {
        self.plan.fail(n, after);
        let name = format!("round-{n}-{after}");
        let mut round = Round { town: &self.town, club: &self.club, name, id: None };
        let mut faults = 0;
        for act in [Act::Submit, Act::Approve, Act::ExecuteInVain, Act::Execute] {
            faults += u32::from(round.insist(act).await);
        }
        let id = round.id.expect("it was submitted");
        assert_eq!(self.town.approval(id).await.status, ApprovalStatus::Executed);
        self.rounds += 1;
        let untouched = self.plan.give_up();
        assert_eq!(faults, u32::from(!untouched));
        untouched
    }

    /// One effect a round, and a journal without a crack.
    async fn end(self) {
        let id = self.club.id;
        let read =
            self.town.service.read(move |reader| Ok((reader.verify_journal(id)?, reader.load_chart(id)?)));
        let (chain, chart) = read.await.expect("it is read");
        assert!(chain.is_ok(), "{chain:?}");
        let cash = chart.of_kind(AccountKind::Cash).expect("there is one");
        assert_eq!((cash.balance, cash.reserved), (amount(1_000_000 - 10 * self.rounds), amount(0)));
        let told = self.town.told_after(&self.club, Seq(0)).await;
        let executed = told.iter().filter(|told| matches!(told.envelope.event, Event::ApprovalExecuted(_)));
        assert_eq!(i64::try_from(executed.count()), Ok(self.rounds));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whichever_statement_fails_nothing_is_half_written_and_a_repeat_has_one_effect() {
    for after in [false, true] {
        let mut stage = Stage::new().await;
        for n in 1.. {
            if stage.round(n, after).await {
                assert!(n > 40, "the scenario has more than {n} statements");
                break;
            }
            if n % ROUNDS == 0 {
                std::mem::replace(&mut stage, Stage::new().await).end().await;
            }
        }
        stage.end().await;
    }
}
