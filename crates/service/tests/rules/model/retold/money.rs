//! Policy and ledger, as the journal tells them.

use unionflow_protocol::{
    Amount,
    account::EntryCause,
    approval::ApprovalStatus,
    event::approvals::{AccountOpened, LedgerEntryPosted, PolicyChanged},
    id::ApprovalId,
};

use super::{Balance, Retold};

impl Retold {
    pub(super) fn policy_changed(&mut self, data: &PolicyChanged) {
        let last = self.policy.as_ref().map_or(0, |(version, _)| *version);
        assert_eq!(data.policy_version, last + 1);
        match data.approval_id {
            None => assert_eq!(data.policy_version, 1, "only the founding's is given"),
            Some(id) => {
                let request = &self.requests[&id];
                assert_eq!(request.status, ApprovalStatus::Approved);
                assert_eq!(request.content.policy_change.as_ref(), Some(&data.rules));
            }
        }
        self.policy = Some((data.policy_version, data.rules.clone()));
    }

    pub(super) fn account_opened(&mut self, data: &AccountOpened) {
        let account = Balance { kind: data.kind, balance: Amount::ZERO, reserved: Amount::ZERO };
        assert!(self.accounts.insert(data.id, account).is_none());
    }

    pub(super) fn entry_posted(&mut self, data: &LedgerEntryPosted) {
        let sum: i64 = data.lines.iter().map(|line| line.amount.minor_units()).sum();
        assert!(sum == 0 && data.lines.len() >= 2, "V1: {data:?}");
        if data.cause == EntryCause::Approval {
            let id = ApprovalId::from_uuid(data.cause_id.uuid());
            self.release(id);
            let request = self.requests.get_mut(&id).expect("a request of this organisation");
            assert_eq!(request.status, ApprovalStatus::Approved, "V6");
            assert!(request.entry.replace(data.id).is_none(), "P17: one entry");
            let received: i64 = data.lines.iter().map(|line| line.amount.minor_units().max(0)).sum();
            assert_eq!(received, request.content.amount.minor_units(), "V6: the entry is the amount");
        }
        for line in &data.lines {
            let account = self.accounts.get_mut(&line.account_id).expect("an account of this organisation");
            assert_eq!(account.kind, line.kind);
            account.balance = account.balance.plus(line.amount).expect("within range");
        }
    }

    /// What was set aside for a request is used up or freed, once.
    pub(super) fn release(&mut self, id: ApprovalId) {
        let request = self.requests.get_mut(&id).expect("a request of this organisation");
        let Some(account) = request.reserved_on.take() else { return };
        let account = self.accounts.get_mut(&account).expect("an account of this organisation");
        account.reserved = account.reserved.minus(request.content.amount).expect("within range");
    }
}
