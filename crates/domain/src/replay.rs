//! The books once more, from the journal alone: what accounts hold, what is set aside, where requests stand, the figures.
//!
//! Whoever wrote to the tables beside the journal is found out by [`Replay::difference`]: the journal's chain says that it
//! was not changed, and what it tells must be what is stored.

use std::collections::BTreeMap;

use unionflow_protocol::{
    Amount, Envelope, Event, Language, Origin, TimeZone, View,
    approval::ApprovalStatus,
    event::approvals::EntryLine,
    id::{AccountId, ApprovalId, EntryId},
};

use crate::{figures::Figures, ledger::Chart};

/// What the journal of one organisation has told so far.
#[derive(Debug)]
pub struct Replay {
    zone: TimeZone,
    accounts: BTreeMap<AccountId, Held>,
    set_aside: BTreeMap<ApprovalId, (AccountId, Amount)>,
    requests: BTreeMap<ApprovalId, ApprovalStatus>,
    figures: Option<Figures>,
}

#[derive(Debug, Default)]
struct Held {
    balance: i128,
    reserved: i128,
}

/// The first thing that is stored otherwise than the journal tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What.
    pub what: Replayed,
    /// As the journal tells it.
    pub told: String,
    /// As it is stored.
    pub stored: String,
}

/// What can differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replayed {
    /// What an account holds.
    Balance(AccountId),
    /// What is set aside of an account.
    Reserved(AccountId),
    /// The lines of an entry.
    Entry(EntryId),
    /// How many entries there are.
    Entries,
    /// How many lines of entries there are.
    Lines,
    /// Where a request stands.
    Request(ApprovalId),
    /// How many requests there are.
    Requests,
    /// A figure.
    Figure(&'static str),
}

impl Default for Replay {
    fn default() -> Self {
        Self {
            zone: TimeZone::UTC,
            accounts: BTreeMap::new(),
            set_aside: BTreeMap::new(),
            requests: BTreeMap::new(),
            figures: None,
        }
    }
}

impl Replay {
    /// Hears the next event. Facts of other systems change nothing.
    pub fn hear(&mut self, envelope: &Envelope) {
        if envelope.head.origin == Origin::Inbound {
            return;
        }
        if let Event::OrganizationCreated(data) = &envelope.event {
            self.zone = data.time_zone.clone();
        }
        let today = envelope.head.timestamp.date_in(&self.zone);
        if let Event::OrganizationCreated(data) = &envelope.event {
            self.figures = Some(Figures::new(data.currency, today));
        }
        if let Some(figures) = &mut self.figures {
            figures.apply(&envelope.event, today);
        }
        match &envelope.event {
            Event::OrganizationUpdated(data) => self.zone = data.time_zone.clone(),
            Event::AccountOpened(data) => drop(self.accounts.insert(data.id, Held::default())),
            Event::LedgerEntryPosted(data) => self.posted(&data.lines),
            event => self.about_a_request(event),
        }
    }

    fn posted(&mut self, lines: &[EntryLine]) {
        for line in lines {
            self.accounts.entry(line.account_id).or_default().balance += minor(line.amount);
        }
    }

    fn about_a_request(&mut self, event: &Event) {
        let (id, status) = match event {
            Event::ApprovalPending(data) => (data.id, ApprovalStatus::Pending),
            Event::ApprovalApproved(data) => {
                if let Some(account) = data.account_id.filter(|_| data.reserved) {
                    self.accounts.entry(account).or_default().reserved += minor(data.amount);
                    self.set_aside.insert(data.id, (account, data.amount));
                }
                (data.id, ApprovalStatus::Approved)
            }
            Event::ApprovalRejected(data) => (data.id, ApprovalStatus::Rejected),
            Event::ApprovalCancelled(data) => (data.id, ApprovalStatus::Cancelled),
            Event::ApprovalExpired(data) => (data.id, ApprovalStatus::Expired),
            Event::ApprovalLapsed(data) => (data.id, ApprovalStatus::Lapsed),
            Event::ApprovalExecuted(data) => (data.id, ApprovalStatus::Executed),
            _ => return,
        };
        if status.is_final()
            && let Some((account, amount)) = self.set_aside.remove(&id)
        {
            self.accounts.entry(account).or_default().reserved -= minor(amount);
        }
        self.requests.insert(id, status);
    }

    /// What is stored otherwise, if anything.
    pub fn difference(
        &self,
        chart: &Chart,
        requests: &[(ApprovalId, ApprovalStatus)],
        figures: Option<&Figures>,
    ) -> Option<Difference> {
        let held = |id| self.accounts.get(&id).map_or((0, 0), |held| (held.balance, held.reserved));
        let accounts = chart.accounts().iter().flat_map(|account| {
            let (balance, reserved) = held(account.id);
            [
                (Replayed::Balance(account.id), balance, minor(account.balance)),
                (Replayed::Reserved(account.id), reserved, minor(account.reserved)),
            ]
        });
        let counted = (Replayed::Requests, self.requests.len() as i128, requests.len() as i128);
        let numbers = accounts.chain([counted]).map(|(what, told, stored)| differs(what, told, stored));
        let told = |id| self.requests.get(&id).map_or("", |status| status.as_str());
        let standing =
            requests.iter().map(|(id, stored)| differs(Replayed::Request(*id), told(*id), stored.as_str()));
        numbers.chain(standing).flatten().next().or_else(|| self.figures_differ(figures))
    }

    fn figures_differ(&self, stored: Option<&Figures>) -> Option<Difference> {
        let (Some(told), Some(stored)) = (&self.figures, stored) else {
            return differs(Replayed::Figure("figures"), self.figures.is_some(), stored.is_some());
        };
        let mut told = told.clone();
        told.roll_to(stored.as_of());
        let (a, b) = (told.stats(View::Officers, true), stored.stats(View::Officers, true));
        let sum = |amount: Option<Amount>| amount.unwrap_or_default().minor_units();
        let total = |balance: &Option<unionflow_protocol::event::dashboard::BalanceStats>| {
            balance.as_ref().map_or(0, |balance| balance.total.minor_units())
        };
        let named = [
            ("members.active", i64::from(a.members.active), i64::from(b.members.active)),
            ("members.suspended", i64::from(a.members.suspended), i64::from(b.members.suspended)),
            (
                "approvals.pendingCount",
                i64::from(a.approvals.pending_count),
                i64::from(b.approvals.pending_count),
            ),
            ("approvals.pendingAmount", sum(a.approvals.pending_amount), sum(b.approvals.pending_amount)),
            (
                "approvals.approvedThisMonth",
                sum(a.approvals.approved_this_month),
                sum(b.approvals.approved_this_month),
            ),
            (
                "approvals.executedThisMonth",
                sum(a.approvals.executed_this_month),
                sum(b.approvals.executed_this_month),
            ),
            ("balance.total", total(&a.balance), total(&b.balance)),
        ];
        let first =
            named.into_iter().find_map(|(name, told, stored)| differs(Replayed::Figure(name), told, stored));
        first.or_else(|| (told != *stored).then(|| difference(Replayed::Figure("kpis"), "", "")))
    }
}

impl Difference {
    /// The sentence in a language.
    pub fn text(&self, language: Language) -> String {
        let (told, stored) = (&self.told, &self.stored);
        let french = language == Language::French;
        let pick = |in_french: String, in_english: String| if french { in_french } else { in_english };
        let what = match self.what {
            Replayed::Balance(id) => {
                pick(format!("le solde du compte {id}"), format!("the balance of account {id}"))
            }
            Replayed::Reserved(id) => pick(
                format!("ce qui est réservé sur le compte {id}"),
                format!("what is reserved of account {id}"),
            ),
            Replayed::Entry(id) => pick(format!("l’écriture {id}"), format!("entry {id}")),
            Replayed::Entries => pick("le nombre d’écritures".to_owned(), "the number of entries".to_owned()),
            Replayed::Lines => {
                pick("le nombre de lignes d’écriture".to_owned(), "the number of lines of entries".to_owned())
            }
            Replayed::Request(id) => {
                pick(format!("le statut de la demande {id}"), format!("the status of request {id}"))
            }
            Replayed::Requests => {
                pick("le nombre de demandes".to_owned(), "the number of requests".to_owned())
            }
            Replayed::Figure(name) => pick(format!("le chiffre {name}"), format!("the figure {name}")),
        };
        pick(
            format!(
                "{what} n’est pas ce que dit le journal : enregistré « {stored} », au journal « {told} »"
            ),
            format!("{what} is not what the journal tells: stored `{stored}`, in the journal `{told}`"),
        )
    }
}

/// A difference, if it is one.
pub fn differs<T: PartialEq + ToString>(what: Replayed, told: T, stored: T) -> Option<Difference> {
    (told != stored).then(|| difference(what, told, stored))
}

fn difference(what: Replayed, told: impl ToString, stored: impl ToString) -> Difference {
    Difference { what, told: told.to_string(), stored: stored.to_string() }
}

fn minor(amount: Amount) -> i128 {
    i128::from(amount.minor_units())
}
