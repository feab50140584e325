//! `POST /finance/approvals`, and the requests that other commands make of themselves.

use unionflow_domain::{
    Refusal,
    approval::{Approval, NewApproval, content},
    hint::Hint,
    member::Member,
    text::{commitment, words},
};
use unionflow_protocol::{
    Amount, RoleSet,
    approval::{ApprovalStatus, PolicyRules, TransactionType},
    event::approvals::{ApprovalContent, RoleChange},
    id::{ApprovalId, MemberId, OrganizationId},
    limits,
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::{self, approval::SubmitApproval},
};
use unionflow_storage::{
    Reader, StoreFault, Tx, Undo,
    tables::{
        done_today::Counted,
        text::{Text, TextKind},
    },
};

use super::{
    governance,
    sweep::{free_lapsed, sweep},
    view,
};
use crate::{Call, Publish, daily, membership};

/// Requests that a member without an office may have open: more would be noise to those who decide.
const OPEN_REQUESTS_MAX: u32 = 5;
/// Requests for changes of policy or roles that anybody may have open: each change of somebody's rights looks at all that wait.
const OPEN_GOVERNANCE_MAX: u32 = 20;

/// A change of policy or roles that somebody asks for.
pub(crate) struct Governance {
    pub(crate) transaction_type: TransactionType,
    /// Whom it concerns: the beneficiary, who does not vote.
    pub(crate) concerned: Option<MemberId>,
    pub(crate) role_change: Option<RoleChange>,
    pub(crate) policy_change: Option<PolicyRules>,
    pub(crate) purpose: Option<String>,
}

/// What [`submit`] loads: see [`Reader::foresee`].
pub fn foresee(reader: &mut Reader<'_>, organization: OrganizationId) -> Result<(), StoreFault> {
    reader.foresee(|reader| {
        reader.load_chart(organization)?;
        reader.load_policy(organization)?;
        reader.load_electorate(organization, None).map(drop)
    })
}

/// Makes a request for money. Everything that could be wrong with it is said now, to its maker.
pub fn submit(
    tx: &mut Tx<'_>,
    call: &Call,
    submit: &SubmitApproval,
) -> Result<rest::approval::Approval, Undo> {
    let (organization, currency) = (tx.organization()?.id, tx.organization()?.currency);
    foresee(tx, organization)?;
    let member = membership::acting(tx, call)?;
    let purpose = content::purpose(&submit.purpose);
    let salt = tx.new_salt();
    let wanted = content::Wanted {
        transaction_type: submit.transaction_type,
        amount: submit.amount,
        currency: submit.currency,
        details: &submit.details,
    };
    let hash = commitment(&salt, purpose.as_deref().unwrap_or_default());
    let content = content::money(&wanted, currency, member.id, member.effective_roles(), hash)
        .map_err(|refusal| refusal.and(&purpose))?;
    let purpose = purpose?;
    let in_office = member.effective_roles().intersects(RoleSet::OFFICERS);
    if !in_office && tx.count_pending_of(member.organization_id, member.id)?.0 >= OPEN_REQUESTS_MAX {
        return Err(ErrorCode::TooManyOpenRequests.into());
    }
    let content = tx.load_chart(member.organization_id)?.settle(content)?;
    check_beneficiary(tx, &content)?;
    if !in_office {
        daily::count(tx, member.id, Counted::Requests)?;
    }
    let id = ApprovalId::from_uuid(tx.new_uuid());
    let text = Text {
        owner_id: id.into(),
        kind: TextKind::Purpose,
        n: 0,
        author_id: Some(member.id),
        salt,
        body: purpose,
    };
    tx.save_text(member.organization_id, &text)?;
    create(tx, &member, id, content, None)
}

/// Makes a request for a change of policy or roles. The same one, open already, is not made twice.
pub(crate) fn submit_governance(
    tx: &mut Tx<'_>,
    member: &Member,
    wanted: Governance,
) -> Result<rest::approval::Approval, Undo> {
    let currency = tx.organization()?.currency;
    let mut content = ApprovalContent {
        transaction_type: wanted.transaction_type,
        amount: Amount::ZERO,
        currency,
        beneficiary_member_id: wanted.concerned,
        account_id: None,
        to_account_id: None,
        due_id: None,
        payment_id: None,
        purpose_hash: String::new(),
        role_change: wanted.role_change,
        policy_change: wanted.policy_change,
    };
    let open_key = content::hash(&content);
    if let Some(twin) = tx.load_open_twin(member.organization_id, &open_key)?
        && !expired_by_now(tx, twin)?
    {
        return Err(duplicate_of(tx, twin, member)?.into());
    }
    if tx.count_pending_of(member.organization_id, member.id)?.1 >= OPEN_GOVERNANCE_MAX {
        return Err(ErrorCode::TooManyOpenRequests.into());
    }
    let id = ApprovalId::from_uuid(tx.new_uuid());
    let salt = tx.new_salt();
    let field = match wanted.transaction_type {
        TransactionType::PolicyChange => "/purpose",
        _ => "/reason",
    };
    let purpose = wanted.purpose.map(|text| words(field, &text, limits::REASON_CHARS)).transpose()?;
    content.purpose_hash = commitment(&salt, purpose.as_deref().unwrap_or_default());
    if let Some(body) = purpose {
        let text = Text {
            owner_id: id.into(),
            kind: TextKind::Purpose,
            n: 0,
            author_id: Some(member.id),
            salt,
            body,
        };
        tx.save_text(member.organization_id, &text)?;
    }
    create(tx, member, id, content, Some(open_key))
}

/// The refusal of what is asked for already, with the request as far as this member may see it.
fn duplicate_of(tx: &mut Tx<'_>, twin: ApprovalId, member: &Member) -> Result<Refusal, Undo> {
    let mut refusal = Refusal::duplicate_of(twin);
    if let Some(twin) = tx.load_approval(twin)?.filter(|twin| view::sees(member, twin)) {
        refusal.current = serde_json::to_value(view::view(tx, &twin, member)?).ok();
    }
    Ok(refusal)
}

/// Whether the time to decide a request is over: then it ends here, as it would have once the sweeper came by.
fn expired_by_now(tx: &mut Tx<'_>, id: ApprovalId) -> Result<bool, Undo> {
    let author = tx.author();
    sweep(tx, id)?;
    tx.act_as(author);
    Ok(tx.load_approval(id)?.is_some_and(|approval| approval.status == ApprovalStatus::Expired))
}

/// The beneficiary must be an active member here: somebody of another organisation does not exist.
pub(crate) fn check_beneficiary(tx: &mut Tx<'_>, content: &ApprovalContent) -> Result<(), Undo> {
    let Some(id) = content.beneficiary_member_id else { return Ok(()) };
    let organization = tx.organization()?.id;
    let here = tx.load_member(id)?.is_some_and(|member| {
        member.organization_id == organization && member.status == MemberStatus::Active
    });
    if here {
        return Ok(());
    }
    let pointer = "/details/beneficiaryMemberId";
    Err(Refusal::field(pointer, FieldCode::NotFound, Hint::ActiveMember).into())
}

fn create(
    tx: &mut Tx<'_>,
    member: &Member,
    id: ApprovalId,
    content: ApprovalContent,
    open_key: Option<String>,
) -> Result<rest::approval::Approval, Undo> {
    let organization_id = member.organization_id;
    let policy = tx.load_policy(organization_id)?.ok_or(ErrorCode::NoPolicy)?;
    let makers = std::iter::once(member.id).chain(content.beneficiary_member_id);
    let electorate = tx.load_electorate(organization_id, makers)?;
    let new = NewApproval { id, organization_id, requester_id: member.id, content };
    let mut approval = Approval::submit(new, &policy, &electorate, tx.now())?;
    if approval.status == ApprovalStatus::Approved {
        free_lapsed(tx, &approval)?;
    }
    tx.publish().approval_pending(&mut approval)?;
    if approval.blocked.is_some() {
        let blocked = approval.blocked;
        tx.publish().approval_feasibility(&mut approval, 1, blocked)?;
    }
    tx.insert_approval(&approval, open_key.as_deref())?;
    if approval.status == ApprovalStatus::Approved {
        governance::approved(tx, &mut approval)?;
        tx.save_approval(&approval)?;
    }
    view::view(tx, &approval, member)
}
