//! What must hold of an organisation's books, whatever broke: journal, state and figures tell the same story.
//!
//! The audit goes by the journal alone and repeats every decision from it; then it compares what the tables say. It shares
//! no code with what it checks, except for reading.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use unionflow_domain::{approval::Approval, ledger::Chart};
use unionflow_protocol::{
    Record, RoleSet, View,
    id::{MemberId, OrganizationId},
};
use unionflow_storage::{Store, tables::approval::ApprovalFilter};

/// An organisation's journal, and what its tables say.
pub struct Books {
    /// The journal.
    pub journal: Vec<Entry>,
    chain: Result<u64, String>,
    approvals: Vec<Approval>,
    chart: Chart,
    stats: Value,
}

/// An entry of the journal.
pub struct Entry {
    /// As the bus carries it.
    pub record: Record,
    /// The envelope.
    pub value: Value,
}

/// A request, as the journal alone tells it.
#[derive(Default)]
struct Told {
    status: &'static str,
    amount: i64,
    content_hash: String,
    decide_by: String,
    requester: String,
    /// Votes that each step needs.
    steps: Vec<u64>,
    /// Votes that stand: who, in which step.
    votes: Vec<(String, u64)>,
    approved: u32,
    executed: u32,
    posted: u32,
    version: u64,
}

const PAGE: u32 = 1000;

impl Entry {
    /// `eventType`
    pub fn event_type(&self) -> &str {
        self.value["eventType"].as_str().unwrap_or_default()
    }

    /// `data`
    pub fn data(&self) -> &Value {
        &self.value["data"]
    }

    /// `seq`
    pub fn seq(&self) -> u64 {
        self.record.position.seq().0
    }
}

impl Books {
    /// Reads them.
    pub async fn read(store: &Store, organization: OrganizationId) -> Self {
        let read = store.read(move |reader| {
            let mut journal: Vec<Record> = Vec::new();
            loop {
                let after = journal.last().map(|record| record.position.seq()).unwrap_or_default();
                let page = reader.journal_after(organization, after, PAGE)?;
                if page.is_empty() {
                    break;
                }
                journal.extend(page);
            }
            let chain = reader.verify_journal(organization)?.map_err(|broken| broken.to_string());
            let filter = ApprovalFilter::default();
            let approvals = reader.load_approvals(organization, &filter, None, 1_000_000)?;
            let chart = reader.load_chart(organization)?;
            let figures = reader.load_figures(organization)?.expect("an organisation has figures");
            let stats = serde_json::to_value(figures.stats(View::Officers, true)).expect("plain values");
            Ok((journal, chain, approvals, chart, stats))
        });
        let (journal, chain, approvals, chart, stats) =
            read.await.unwrap_or_else(|undo| panic!("the books can be read: {undo}"));
        let journal = journal.into_iter().map(|record| {
            let value = serde_json::from_slice(&record.value).expect("an envelope is JSON");
            Entry { record, value }
        });
        Self { journal: journal.collect(), chain, approvals, chart, stats }
    }

    /// Everything that a member with these roles was to see after a place, in order, as it goes over the wire.
    pub fn seen_by(&self, member: MemberId, roles: RoleSet, after: u64) -> Vec<&str> {
        self.due(member, roles).filter(|(seq, _)| *seq > after).map(|(_, text)| text).collect()
    }

    /// The same from the beginning, each with its place.
    pub fn due(&self, member: MemberId, roles: RoleSet) -> impl Iterator<Item = (u64, &str)> {
        self.journal
            .iter()
            .filter(move |entry| entry.record.audience.admits(member, roles))
            .map(|entry| (entry.seq(), std::str::from_utf8(&entry.record.value).expect("JSON is UTF-8")))
    }

    /// Entries of a type.
    pub fn of_type(&self, event_type: &str) -> impl Iterator<Item = &Entry> {
        self.journal.iter().filter(move |entry| entry.event_type() == event_type)
    }

    /// Entries about a request, by their type, in order.
    pub fn about(&self, approval: &Value) -> Vec<&str> {
        let about = |entry: &&Entry| entry.value["aggregateId"] == approval["id"];
        self.journal.iter().filter(about).map(Entry::event_type).collect()
    }

    /// Fails the test if anything does not hold.
    #[track_caller]
    pub fn hold(&self) {
        let faults = self.faults();
        assert!(faults.is_empty(), "the books do not hold: {faults:#?}");
    }

    /// Everything that does not hold.
    pub fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if let Err(broken) = &self.chain {
            faults.push(format!("the chain is broken: {broken}"));
        }
        let ids: BTreeSet<&str> = self.journal.iter().filter_map(|e| e.value["eventId"].as_str()).collect();
        if ids.len() != self.journal.len() {
            faults.push("an event is there twice".to_owned());
        }
        let told = self.tell(&mut faults);
        self.compare_approvals(&told, &mut faults);
        self.compare_balances(&told, &mut faults);
        faults
    }

    /// Repeats every decision from the journal.
    fn tell(&self, faults: &mut Vec<String>) -> BTreeMap<String, Told> {
        let mut told: BTreeMap<String, Told> = BTreeMap::new();
        for (i, entry) in self.journal.iter().enumerate() {
            let wrong = |what: &str| format!("{} {}: {what}", entry.seq(), entry.event_type());
            let data = entry.data();
            if entry.event_type() == "LEDGER_ENTRY_POSTED" {
                let sum: i64 = lines(data).map(|(_, amount)| amount).sum();
                if sum != 0 {
                    faults.push(wrong("the entry does not balance"));
                }
                if let ("APPROVAL", Some(approval)) =
                    (text(&data["cause"]), told.get_mut(text(&data["causeId"])))
                {
                    approval.posted += 1;
                }
                continue;
            }
            if !entry.event_type().starts_with("APPROVAL_") {
                continue;
            }
            let approval = told.entry(text(&data["id"]).to_owned()).or_default();
            approval.version += 1;
            if entry.value["aggregateVersion"].as_u64() != Some(approval.version) {
                faults.push(wrong("the versions of the request have a hole"));
            }
            let next = self.journal.get(i + 1).map(Entry::event_type);
            approval.hear(entry, next, &mut |what| faults.push(wrong(what)));
        }
        told
    }

    fn compare_approvals(&self, told: &BTreeMap<String, Told>, faults: &mut Vec<String>) {
        if told.len() != self.approvals.len() {
            faults.push(format!("{} requests in the journal, {} kept", told.len(), self.approvals.len()));
        }
        for approval in &self.approvals {
            let id = approval.id.to_string();
            let Some(told) = told.get(&id) else {
                faults.push(format!("request {id} is not in the journal"));
                continue;
            };
            let status = approval.status.as_str();
            if (status, approval.version) != (told.status, told.version) {
                faults.push(format!(
                    "request {id} is {status} at {}, the journal says {} at {}",
                    approval.version, told.status, told.version
                ));
            }
            if told.executed != told.posted {
                faults
                    .push(format!("request {id}: executed {} times, posted {}", told.executed, told.posted));
            }
        }
    }

    fn compare_balances(&self, told: &BTreeMap<String, Told>, faults: &mut Vec<String>) {
        let mut sums: BTreeMap<String, i64> = BTreeMap::new();
        for entry in self.of_type("LEDGER_ENTRY_POSTED") {
            for (account, amount) in lines(entry.data()) {
                *sums.entry(account.to_owned()).or_default() += amount;
            }
        }
        for account in self.chart.accounts() {
            let sum = sums.get(&account.id.to_string()).copied().unwrap_or_default();
            if account.balance.minor_units() != sum {
                faults.push(format!(
                    "{} holds {}, its entries say {sum}",
                    account.kind.as_str(),
                    account.balance.minor_units()
                ));
            }
        }
        let reserved: i64 = self.chart.accounts().iter().map(|account| account.reserved.minor_units()).sum();
        let waiting = self.approvals.iter().filter(|approval| approval.reserved);
        let waiting: i64 = waiting.map(|approval| approval.content.amount.minor_units()).sum();
        if reserved != waiting {
            faults.push(format!("{reserved} reserved, {waiting} wait for execution"));
        }
        let pending: Vec<i64> =
            told.values().filter(|told| told.status == "PENDING").map(|told| told.amount).collect();
        let figures = &self.stats["approvals"];
        let counted = (figures["pendingCount"].as_u64(), figures["pendingAmount"].as_i64());
        if counted != (Some(pending.len() as u64), Some(pending.iter().sum())) {
            faults.push(format!("the figures count {figures}, the journal {pending:?}"));
        }
    }
}

impl Told {
    fn hear(&mut self, entry: &Entry, next: Option<&str>, wrong: &mut dyn FnMut(&str)) {
        let data = entry.data();
        let mut from = |status: &'static str, to: &'static str, this: &mut Self| {
            if this.status != status {
                wrong("the request was not in a state for it");
            }
            this.status = to;
        };
        match entry.event_type() {
            "APPROVAL_PENDING" => {
                from("", "PENDING", self);
                text(&data["requesterId"]).clone_into(&mut self.requester);
                self.agree(data);
            }
            "APPROVAL_UPDATED" => {
                from("PENDING", "PENDING", self);
                self.agree(data);
            }
            "APPROVAL_VOTE_RECORDED" => {
                from("PENDING", "PENDING", self);
                self.vote(entry, next, wrong);
            }
            "APPROVAL_VOTE_WITHDRAWN" => self.votes.retain(|(voter, _)| *voter != text(&data["voterId"])),
            "APPROVAL_APPROVED" => {
                from("PENDING", "APPROVED", self);
                self.approved += 1;
                if self.open_step().is_some() {
                    wrong("fewer votes than needed");
                }
            }
            "APPROVAL_EXECUTED" => {
                from("APPROVED", "EXECUTED", self);
                self.executed += 1;
            }
            "APPROVAL_REJECTED" => from("PENDING", "REJECTED", self),
            "APPROVAL_CANCELLED" => from("PENDING", "CANCELLED", self),
            "APPROVAL_EXPIRED" => from("PENDING", "EXPIRED", self),
            "APPROVAL_LAPSED" => from("APPROVED", "LAPSED", self),
            _ => {}
        }
    }

    /// What it asks for, and who must agree, from now on.
    fn agree(&mut self, data: &Value) {
        self.amount = data["amount"].as_i64().unwrap_or_default();
        text(&data["contentHash"]).clone_into(&mut self.content_hash);
        text(&data["decideBy"]).clone_into(&mut self.decide_by);
        let steps = data["policy"]["steps"].as_array().into_iter().flatten();
        self.steps = steps.map(|step| step["minApprovals"].as_u64().unwrap_or(u64::MAX)).collect();
        self.votes.clear();
    }

    fn vote(&mut self, entry: &Entry, next: Option<&str>, wrong: &mut dyn FnMut(&str)) {
        let data = entry.data();
        let (voter, step) = (text(&data["voterId"]), data["step"].as_u64().unwrap_or_default());
        if self.votes.iter().any(|(other, _)| other == voter) {
            wrong("one person voted twice");
        }
        if self.open_step() != Some(step) {
            wrong("the step was not open");
        }
        if text(&data["contentHash"]) != self.content_hash {
            wrong("the vote is on other content");
        }
        if voter == self.requester {
            wrong("the maker voted");
        }
        // Written with the same number of digits, so that the texts compare as the times do.
        if text(&entry.value["timestamp"]) >= self.decide_by.as_str() {
            wrong("the vote came too late");
        }
        self.votes.push((voter.to_owned(), step));
        if self.open_step().is_none() && next != Some("APPROVAL_APPROVED") {
            wrong("the deciding vote is not followed by its decision");
        }
    }

    /// The first step that has not its votes, from 1.
    fn open_step(&self) -> Option<u64> {
        let votes_in = |step: u64| self.votes.iter().filter(|(_, of)| *of == step).count() as u64;
        (1..).zip(&self.steps).find(|(step, needed)| votes_in(*step) < **needed).map(|(step, _)| step)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn lines(data: &Value) -> impl Iterator<Item = (&str, i64)> {
    let lines = data["lines"].as_array().into_iter().flatten();
    lines.map(|line| (text(&line["accountId"]), line["amount"].as_i64().unwrap_or_default()))
}
