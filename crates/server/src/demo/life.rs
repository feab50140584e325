//! Activity: requests are made, decided and carried out by people who are not in the list of accounts to try.

use std::time::Duration;

use rand::{RngExt, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use tokio_util::sync::CancellationToken;
use unionflow_protocol::{
    Currency, Role,
    account::AccountKind,
    approval::TransactionType,
    id::ApprovalId,
    rest::{
        approval::{Approve, SubmitApproval},
        member::EditMember,
    },
};
use unionflow_service::{Call, approval, finance, member};
use unionflow_storage::{Tx, Undo};

use super::{
    Stage,
    cast::phone,
    history::{AIDS, EXPENSES, francs},
};

/// A pause is at least this long, and at most [`PAUSE_MORE`] longer: something happens every 3 s.
const PAUSE: Duration = Duration::from_millis(1200);
const PAUSE_MORE: u64 = 1000;
/// Below what holds this much, money is moved around and not spent: the demonstration never runs dry.
const KEEP: i64 = 500_000;

/// What comes next.
enum Next {
    Submit,
    Approve(ApprovalId),
    Execute(ApprovalId),
}

/// Acts until told to stop.
pub(crate) async fn live(stages: Vec<Stage>, seed: u64, stop: CancellationToken) {
    let lives = stages.into_iter().enumerate().map(|(n, stage)| {
        let rng = StdRng::seed_from_u64(seed.wrapping_add(n as u64) ^ 0x11fe);
        tokio::spawn(live_in(stage, rng, stop.clone()))
    });
    for life in lives.collect::<Vec<_>>() {
        if let Err(error) = life.await {
            tracing::error!(%error, "the activity of the demonstration ended");
        }
    }
}

async fn live_in(stage: Stage, mut rng: StdRng, stop: CancellationToken) {
    let mut next = Next::Submit;
    loop {
        let pause = PAUSE + Duration::from_millis(rng.random_range(0..PAUSE_MORE));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
        next = match stage.step(&mut rng, next).await {
            Ok(next) => next,
            Err(undo) => {
                // Visitors may have got in its way: that is what the demonstration is for.
                tracing::debug!(%undo, "somebody else was faster");
                Next::Submit
            }
        };
    }
}

impl Stage {
    async fn step(&self, rng: &mut StdRng, next: Next) -> Result<Next, Undo> {
        let treasurer = self.hidden(Role::Treasurer).person;
        match next {
            Next::Submit if rng.random_bool(0.15) => {
                self.new_phone(rng).await?;
                Ok(Next::Submit)
            }
            Next::Submit => {
                let submit = self.request(rng).await?;
                let board = self.hidden(Role::BoardMember).person;
                let made =
                    self.act(board, move |tx, call| approval::submit::submit(tx, call, &submit)).await?;
                Ok(Next::Approve(made.id))
            }
            Next::Approve(id) => {
                let approve = Approve::default();
                let unit =
                    move |tx: &mut Tx<'_>, call: &Call| approval::approve::approve(tx, call, id, &approve);
                self.act(treasurer, unit).await?;
                Ok(Next::Execute(id))
            }
            Next::Execute(id) => {
                self.act(treasurer, move |tx, call| approval::execute::execute(tx, call, id)).await?;
                Ok(Next::Submit)
            }
        }
    }

    /// A request that one vote approves: below 100,000.
    async fn request(&self, rng: &mut StdRng) -> Result<SubmitApproval, Undo> {
        let (treasurer, organization) = (self.hidden(Role::Treasurer).person, self.organization);
        let accounts = self
            .service
            .read(move |reader| finance::accounts(reader, &treasurer.into(), organization))
            .await?
            .page
            .items;
        let holds = |kind: AccountKind| {
            accounts
                .iter()
                .find(|account| account.kind == kind)
                .map_or(0, |account| account.available.minor_units())
        };
        let (kind, purpose, from, to, most) = self.errand(rng, holds);
        let amount = rng.random_range(5..=most.min(95)) * 1000;
        let beneficiary = self.listed(Role::Member).member;
        Ok(SubmitApproval {
            organization_id: organization,
            transaction_type: kind,
            amount: francs(amount),
            currency: Currency::XOF,
            purpose: purpose.to_owned(),
            details: self.details(kind, from, to, Some(beneficiary)),
        })
    }

    fn errand(
        &self,
        rng: &mut StdRng,
        holds: impl Fn(AccountKind) -> i64,
    ) -> (TransactionType, &'static str, AccountKind, Option<AccountKind>, i64) {
        use AccountKind::{Bank, Cash, MobileMoney};
        if holds(MobileMoney) > KEEP && rng.random_bool(0.7) {
            let (kind, list) = if rng.random_bool(0.7) {
                (TransactionType::Expense, EXPENSES)
            } else {
                (TransactionType::Aid, AIDS)
            };
            let small: Vec<_> = list.iter().filter(|(_, _, most)| *most <= 95).collect();
            let (purpose, _, most) =
                small.choose(rng).map_or(("Dépense courante", 5, 20), |chosen| **chosen);
            return (kind, purpose, MobileMoney, None, most);
        }
        if holds(Cash) > 100_000 {
            return (TransactionType::Deposit, "Versement de la caisse à la banque", Bank, None, 80);
        }
        if holds(Bank) > KEEP {
            return match rng.random_bool(0.5) {
                true => (TransactionType::Withdrawal, "Réserve pour la caisse", Bank, None, 80),
                false => (
                    TransactionType::Transfer,
                    "Alimentation du compte mobile money",
                    Bank,
                    Some(MobileMoney),
                    95,
                ),
            };
        }
        (TransactionType::Transfer, "Mise en réserve à la banque", MobileMoney, Some(Bank), 95)
    }

    async fn new_phone(&self, rng: &mut StdRng) -> Result<(), Undo> {
        let board = self.hidden(Role::BoardMember);
        let edit = EditMember { phone: Some(Some(phone(rng))), ..EditMember::default() };
        let member = board.member;
        let unit = move |tx: &mut Tx<'_>, call: &Call| member::edit::edit(tx, call, member, &edit);
        self.act(board.person, unit).await.map(drop)
    }
}
