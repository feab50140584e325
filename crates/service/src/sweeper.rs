//! The sweeper: what the passing of time brings about. Correctness never depends on when it comes by: deadlines are checked
//! under the lock, and figures go on to today when they are read.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use unionflow_auth::throttle::KNOWN_FOR;
use unionflow_protocol::{Origin, limits::IDEMPOTENCY_LIFETIME};
use unionflow_storage::{Author, Scope, Undo};

use crate::{Service, approval::sweep::sweep, dashboard, lease::Lease};

const TICK: Duration = Duration::from_secs(1);
/// Every so many ticks, keys are looked after.
const KEYS_EVERY: u64 = 30;
/// Every so many ticks, what is too old is forgotten.
const PURGE_EVERY: u64 = 600;
/// Deadlines handled in one round; the next round comes at once.
const ROUND: u32 = 500;
/// Rows forgotten in one unit, so that nobody waits for it.
const PURGE_ROWS: u32 = 1000;
const FAILURES_KEPT: Duration = Duration::from_secs(2 * 24 * 3600);
const SIGN_INS_KEPT: Duration = Duration::from_secs(90 * 24 * 3600);

impl Service {
    /// Sweeps every second until told to stop.
    pub async fn run_sweeper(&self, stop: CancellationToken) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut lease = Lease::new(self.store().clone(), "sweeper");
        let mut ticks = 0_u64;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                _ = tick.tick() => {}
            }
            lease.keep().await;
            self.note_sweeps(lease.is_held());
            if let Err(error) = self.sweep_once(ticks, lease.is_held()).await {
                tracing::warn!(%error, "the sweeper could not do its work; it tries again");
            }
            ticks += 1;
        }
        lease.release().await;
    }

    /// What every process does for itself, where others sweep: looks for sign-ins that ended and for keys that others made.
    pub async fn run_watcher(&self, stop: CancellationToken) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut ticks = 0_u64;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                _ = tick.tick() => {}
            }
            if let Err(error) = self.watch_once(ticks).await {
                tracing::warn!(%error, "sign-ins and keys could not be looked at; it is tried again");
            }
            ticks += 1;
        }
    }

    async fn watch_once(&self, ticks: u64) -> Result<(), Undo> {
        self.watch_ended_sign_ins().await?;
        if ticks % KEYS_EVERY == KEYS_EVERY - 1 {
            self.take_up_keys().await?;
        }
        Ok(())
    }

    /// What every process does for itself, and what one does for all.
    async fn sweep_once(&self, ticks: u64, for_all: bool) -> Result<(), Undo> {
        self.watch_ended_sign_ins().await?;
        if ticks % KEYS_EVERY == KEYS_EVERY - 1 {
            self.rotate_keys().await?;
        }
        if !for_all {
            return Ok(());
        }
        self.sweep_deadlines().await?;
        self.sweep_days().await?;
        if ticks % PURGE_EVERY == 1 {
            self.purge().await?;
        }
        Ok(())
    }

    /// Expires and lapses every request whose deadline has come.
    pub async fn sweep_deadlines(&self) -> Result<(), Undo> {
        let mut tried = BTreeSet::new();
        loop {
            let mut due = self.read(|reader| Ok(reader.load_due_approvals(ROUND)?)).await?;
            due.retain(|due| tried.insert(due.approval_id));
            if due.is_empty() {
                return Ok(());
            }
            for due in due {
                let swept = self
                    .store()
                    .write(Scope::Organization(due.organization_id), move |tx| sweep(tx, due.approval_id));
                if let Err(error) = swept.await {
                    tracing::warn!(%error, approval = %due.approval_id, "a request was not swept; the next round tries again");
                }
            }
        }
    }

    /// Midnight: "this month" may mean another month now.
    pub async fn sweep_days(&self) -> Result<(), Undo> {
        for organization in self.read(|reader| Ok(reader.load_stale_figures(ROUND)?)).await? {
            let publish = |tx: &mut unionflow_storage::Tx<'_>| {
                tx.act_as(Author { member_id: None, origin: Origin::Schedule });
                dashboard::publish(tx, dashboard::Sent::default())
            };
            // One that fails keeps nobody else in yesterday.
            if let Err(error) = self.store().write(Scope::Organization(organization), publish).await {
                tracing::warn!(%error, %organization, "the new day was not told; the next round tries again");
            }
        }
        Ok(())
    }

    async fn purge(&self) -> Result<(), Undo> {
        loop {
            let forgotten = self
                .store()
                .write(Scope::Server, |tx| {
                    let now = tx.now();
                    tx.purge_failures(now.minus(FAILURES_KEPT), now.minus(KNOWN_FOR))?;
                    let sign_ins = tx.purge_sign_ins(now.minus(SIGN_INS_KEPT), PURGE_ROWS)?;
                    Ok(sign_ins + tx.purge_idempotency(now.minus(IDEMPOTENCY_LIFETIME), PURGE_ROWS)?)
                })
                .await?;
            if forgotten < PURGE_ROWS as usize {
                return Ok(());
            }
        }
    }
}
