//! Accounts, entries, reservations.

use unionflow_domain::ledger::{Account, Chart, Entry, Reservation};
use unionflow_protocol::{
    Amount, Seq, Timestamp,
    id::{AccountId, ApprovalId, OrganizationId},
    rest,
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{Row, ToParam, get, json, parsed, to_json},
    tx::Tx,
};

impl Reader<'_> {
    /// All accounts of an organisation.
    pub fn load_chart(&mut self, organization: OrganizationId) -> Result<Chart, StoreFault> {
        let accounts = self.all(
            "SELECT id, version, kind, currency, balance, reserved FROM account WHERE organization_id = ?1 ORDER BY id",
            &[organization.param()],
            account,
        )?;
        Ok(Chart::new(accounts))
    }

    /// The organisation of an account.
    pub fn organization_of_account(&mut self, id: AccountId) -> Result<Option<OrganizationId>, StoreFault> {
        self.value("SELECT organization_id FROM account WHERE id = ?1", &[id.param()])
    }

    /// A page of an account's entries, newest first.
    pub fn load_entries(
        &mut self,
        account: AccountId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Vec<rest::finance::Entry>, StoreFault> {
        let limit = limit as u64;
        self.all(
            "SELECT e.id, e.seq, e.posted_at, e.value_date, l.amount, e.currency, e.lines, e.cause, e.cause_id \
             FROM entry_line l JOIN entry e ON e.id = l.entry_id \
             WHERE l.account_id = ?1 AND l.seq < ?2 ORDER BY l.seq DESC LIMIT ?3",
            &[account.param(), before.map_or(i64::MAX, |seq| i64::try_from(seq.0).unwrap_or(i64::MAX)).param(), limit.param()],
            entry,
        )
    }
}

impl Tx<'_> {
    /// A new account.
    pub fn insert_account(
        &mut self,
        organization: OrganizationId,
        account: &Account,
    ) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO account (id, organization_id, version, kind, currency, balance, reserved) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            &[
                account.id.param(),
                organization.param(),
                account.version.param(),
                account.kind.as_str().param(),
                account.currency.code().param(),
                account.balance.param(),
                account.reserved.param(),
            ],
        )?;
        Ok(())
    }

    /// Saves the accounts that differ from what they were.
    pub fn save_chart(&mut self, before: &Chart, after: &Chart) -> Result<(), StoreFault> {
        for account in after.accounts() {
            if before.account(account.id) == Some(account) {
                continue;
            }
            self.submit(
                "UPDATE account SET version = ?2, balance = ?3, reserved = ?4 WHERE id = ?1",
                &[
                    account.id.param(),
                    account.version.param(),
                    account.balance.param(),
                    account.reserved.param(),
                ],
            )?;
        }
        Ok(())
    }

    /// A posted entry, at the `seq` of its event.
    pub fn insert_entry(
        &mut self,
        organization: OrganizationId,
        entry: &Entry,
        seq: Seq,
        posted_at: Timestamp,
    ) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO entry (id, organization_id, seq, posted_at, value_date, currency, cause, cause_id, lines) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
            &[
                entry.id.param(),
                organization.param(),
                seq.param(),
                posted_at.param(),
                entry.value_date.to_string().param(),
                entry.currency.code().param(),
                entry.cause.as_str().param(),
                entry.cause_id.param(),
                to_json(&entry.lines).param(),
            ],
        )?;
        for line in &entry.lines {
            self.submit(
                "INSERT INTO entry_line (account_id, seq, entry_id, amount) VALUES (?1, ?2, ?3, ?4)",
                &[line.account_id.param(), seq.param(), entry.id.param(), line.amount.param()],
            )?;
        }
        Ok(())
    }

    /// Money is set aside.
    pub fn insert_reservation(&mut self, reservation: &Reservation) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO reservation (approval_id, account_id, amount, state) VALUES (?1, ?2, ?3, 'HELD')",
            &[reservation.approval_id.param(), reservation.account_id.param(), reservation.amount.param()],
        )?;
        Ok(())
    }

    /// What was set aside is used up or freed: once. Whether it was still held.
    pub fn resolve_reservation(&mut self, approval: ApprovalId, used: bool) -> Result<bool, StoreFault> {
        let state = if used { "POSTED" } else { "VOIDED" };
        let changed = self.execute(
            "UPDATE reservation SET state = ?2 WHERE approval_id = ?1 AND state = 'HELD'",
            &[approval.param(), state.param()],
        )?;
        Ok(changed == 1)
    }
}

fn account(row: &dyn Row) -> Result<Account, StoreFault> {
    Ok(Account {
        id: get(row, 0)?,
        version: get(row, 1)?,
        kind: parsed(row, 2)?,
        currency: parsed(row, 3)?,
        balance: get(row, 4)?,
        reserved: get(row, 5)?,
    })
}

fn entry(row: &dyn Row) -> Result<rest::finance::Entry, StoreFault> {
    Ok(rest::finance::Entry {
        id: get(row, 0)?,
        seq: get(row, 1)?,
        posted_at: get(row, 2)?,
        value_date: get(row, 3)?,
        amount: get::<Amount>(row, 4)?,
        currency: parsed(row, 5)?,
        lines: json(row, 6)?,
        cause: parsed(row, 7)?,
        cause_id: get(row, 8)?,
    })
}
