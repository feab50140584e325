//! `/finance`

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use unionflow_domain::{Refusal, hint::Hint};
use unionflow_protocol::{
    Seq,
    approval::ApprovalStatus,
    id::{AccountId, ApprovalId, OrganizationId},
    problem::FieldCode,
    rest::approval::{Approval, Approve, EditApproval, NoWords, Reject, SubmitApproval},
};
use unionflow_service::{Call, Located, approval as service, approval::execute::Executed, finance};
use unionflow_storage::{Reader, Tx, Undo};

use crate::{
    extract::{Command, Id, Params, Reads, answer, resource},
    failure::Failure,
    members::page_size,
    state::Api,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListQuery {
    organization_id: OrganizationId,
    status: Option<ApprovalStatus>,
    after: Option<ApprovalId>,
    limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct AccountsQuery {
    organization_id: OrganizationId,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EntriesQuery {
    after: Option<u64>,
    limit: Option<u64>,
}

pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Params(query): Params<ListQuery>,
) -> Result<Response, Failure> {
    let limit = page_size(query.limit)?;
    let page = api
        .service
        .read(move |reader| {
            service::read::list(reader, &principal, query.organization_id, query.status, query.after, limit)
        })
        .await?;
    Ok(Json(page).into_response())
}

pub(crate) async fn read(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Id(id): Id<ApprovalId>,
) -> Result<Response, Failure> {
    let approval = api.service.read(move |reader| service::read::read(reader, &principal, id)).await?;
    Ok(resource(StatusCode::OK, approval.version, &approval))
}

pub(crate) async fn submit(
    State(api): State<Arc<Api>>,
    command: Command<SubmitApproval>,
) -> Result<Response, Failure> {
    let body = command.body;
    let organization = body.organization_id;
    let submit = move |tx: &mut Tx<'_>, call: &Call| service::submit::submit(tx, call, &body);
    let loads = move |reader: &mut Reader<'_>| service::submit::foresee(reader, organization);
    let submitted = api.service.command_foreseeing(organization, command.call, loads, submit).await?;
    answer(submitted, |approval| resource(StatusCode::CREATED, approval.version, &approval))
}

pub(crate) async fn edit(
    State(api): State<Arc<Api>>,
    Id(id): Id<ApprovalId>,
    command: Command<EditApproval>,
) -> Result<Response, Failure> {
    act(&api, id, command, service::edit::edit).await
}

pub(crate) async fn approve(
    State(api): State<Arc<Api>>,
    Id(id): Id<ApprovalId>,
    command: Command<Approve>,
) -> Result<Response, Failure> {
    act(&api, id, command, service::approve::approve).await
}

pub(crate) async fn reject(
    State(api): State<Arc<Api>>,
    Id(id): Id<ApprovalId>,
    command: Command<Reject>,
) -> Result<Response, Failure> {
    act(&api, id, command, service::reject::reject).await
}

pub(crate) async fn withdraw(
    State(api): State<Arc<Api>>,
    Id(id): Id<ApprovalId>,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    act(&api, id, command, |tx, call, id, _| service::withdraw::withdraw(tx, call, id)).await
}

pub(crate) async fn cancel(
    State(api): State<Arc<Api>>,
    Id(id): Id<ApprovalId>,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    act(&api, id, command, |tx, call, id, _| service::cancel::cancel(tx, call, id)).await
}

/// A command on a request, which answers with the request.
async fn act<T: Send + 'static>(
    api: &Api,
    id: ApprovalId,
    command: Command<T>,
    run: impl FnOnce(&mut Tx<'_>, &Call, ApprovalId, &T) -> Result<Approval, Undo> + Send + 'static,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Approval(id)).await?;
    let body = command.body;
    let loads = move |reader: &mut Reader<'_>| service::foresee(reader, organization, id);
    let unit = move |tx: &mut Tx<'_>, call: &Call| run(tx, call, id, &body);
    let acted = api.service.command_foreseeing(organization, command.call, loads, unit).await?;
    answer(acted, |approval| resource(StatusCode::OK, approval.version, &approval))
}

pub(crate) async fn execute(
    State(api): State<Arc<Api>>,
    Id(id): Id<ApprovalId>,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Approval(id)).await?;
    let execute = move |tx: &mut Tx<'_>, call: &Call| service::execute::execute(tx, call, id);
    let executed = api.service.command(organization, command.call, execute).await?;
    answer(executed, |Executed { approval, failed }| match failed {
        None => resource(StatusCode::OK, approval.version, &approval),
        // Recorded, and refused: the caller must see that nothing was paid.
        Some((code, available)) => {
            let mut refusal = Refusal::from(code);
            if let Some(available) = available {
                let hint = Hint::Available(available, approval.content.currency);
                refusal = refusal.at("/details/accountId", FieldCode::TooSmall, hint);
            }
            refusal.current = serde_json::to_value(&approval).ok();
            Failure::from(refusal).into_response()
        }
    })
}

pub(crate) async fn accounts(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Params(query): Params<AccountsQuery>,
) -> Result<Response, Failure> {
    let organization = query.organization_id;
    let page = api.service.read(move |reader| finance::accounts(reader, &principal, organization)).await?;
    Ok(Json(page).into_response())
}

pub(crate) async fn entries(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Id(id): Id<AccountId>,
    Params(query): Params<EntriesQuery>,
) -> Result<Response, Failure> {
    let (before, limit) = (query.after.map(Seq), page_size(query.limit)?);
    let page =
        api.service.read(move |reader| finance::entries(reader, &principal, id, before, limit)).await?;
    Ok(Json(page).into_response())
}
