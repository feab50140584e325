//! The ledger, as the caller sees it.

use unionflow_domain::permissions::Action;
use unionflow_protocol::{
    Seq,
    id::{AccountId, OrganizationId},
    problem::ErrorCode,
    rest::{
        Page,
        finance::{Account, Accounts, Entry},
    },
};
use unionflow_storage::{Reader, Undo};

use crate::{Principal, membership::Viewer, organization::read::single_signature_in_effect};

/// `GET /finance/accounts`
pub fn accounts(
    reader: &mut Reader<'_>,
    principal: &Principal,
    organization: OrganizationId,
) -> Result<Accounts, Undo> {
    Viewer::active(reader, principal, organization)?.require(Action::SeeMoney)?;
    let as_of = reader.as_of(organization)?;
    let chart = reader.load_chart(organization)?;
    let items = chart.accounts().iter().map(|account| Account {
        id: account.id,
        organization_id: organization,
        version: account.version,
        kind: account.kind,
        currency: account.currency,
        balance: account.balance,
        reserved: account.reserved,
        available: account.available(),
        as_of,
    });
    let page = Page { items: items.collect(), next_cursor: None, as_of };
    let single_signature_in_effect = single_signature_in_effect(reader, organization)?;
    Ok(Accounts { page, single_signature_in_effect })
}

/// `GET /finance/accounts/{id}/entries`: newest first.
pub fn entries(
    reader: &mut Reader<'_>,
    principal: &Principal,
    account: AccountId,
    before: Option<Seq>,
    limit: usize,
) -> Result<Page<Entry>, Undo> {
    let organization = reader.organization_of_account(account)?.ok_or(ErrorCode::NotFound)?;
    if !Viewer::active(reader, principal, organization)?.may(Action::SeeMoney) {
        return Err(ErrorCode::NotFound.into());
    }
    let mut items = reader.load_entries(account, before, limit + 1)?;
    let more = items.len() > limit;
    items.truncate(limit);
    let next_cursor = items.last().filter(|_| more).map(|entry| entry.seq.to_string());
    Ok(Page { items, next_cursor, as_of: reader.as_of(organization)? })
}
