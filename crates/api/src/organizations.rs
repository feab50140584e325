//! `/organizations`

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use unionflow_protocol::{
    Seq,
    id::OrganizationId,
    problem::ErrorCode,
    rest::organization::{AskPolicy, CreateOrganization, Organizations, UpdateOrganization},
};
use unionflow_service::{journal, organization as service};

use crate::{
    extract::{Command, Id, Params, Reads, Signed, answer, resource},
    failure::Failure,
    members::page_size,
    state::Api,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct EventsQuery {
    after: Option<u64>,
    limit: Option<u64>,
}

pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
) -> Result<Json<Organizations>, Failure> {
    Ok(Json(api.service.read(move |reader| service::read::list(reader, &principal)).await?))
}

pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    command: Command<CreateOrganization>,
) -> Result<Response, Failure> {
    if !api.service.settings().allow_new_organizations {
        return Err(ErrorCode::NewOrganizationsClosed.into());
    }
    let body = command.body;
    let create = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
        service::create::create(tx, call, &body)
    };
    let created = api.service.server_command(command.call, create).await?;
    answer(created, |organization| resource(StatusCode::CREATED, organization.version, &organization))
}

pub(crate) async fn read(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Id(id): Id<OrganizationId>,
) -> Result<Response, Failure> {
    let organization = api.service.read(move |reader| service::read::read(reader, &principal, id)).await?;
    Ok(resource(StatusCode::OK, organization.version, &organization))
}

pub(crate) async fn update(
    State(api): State<Arc<Api>>,
    Id(id): Id<OrganizationId>,
    command: Command<UpdateOrganization>,
) -> Result<Response, Failure> {
    let body = command.body;
    let updated = api
        .service
        .command(id, command.call, move |tx, call| service::update::update(tx, call, &body))
        .await?;
    answer(updated, |organization| resource(StatusCode::OK, organization.version, &organization))
}

pub(crate) async fn policy(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
    Id(id): Id<OrganizationId>,
) -> Result<Response, Failure> {
    let policy = api.service.read(move |reader| service::read::policy(reader, caller.person_id, id)).await?;
    Ok(resource(StatusCode::OK, policy.version, &policy))
}

pub(crate) async fn ask_policy(
    State(api): State<Arc<Api>>,
    Id(id): Id<OrganizationId>,
    command: Command<AskPolicy>,
) -> Result<Response, Failure> {
    let body = command.body;
    let ask = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
        service::ask_policy::ask_policy(tx, call, &body)
    };
    let asked = api.service.command(id, command.call, ask).await?;
    answer(asked, |approval| resource(StatusCode::ACCEPTED, approval.version, &approval))
}

pub(crate) async fn events(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Id(id): Id<OrganizationId>,
    Params(query): Params<EventsQuery>,
) -> Result<Response, Failure> {
    let (after, limit) = (Seq(query.after.unwrap_or(0)), page_size(query.limit)?);
    let page = api.service.read(move |reader| journal::events(reader, &principal, id, after, limit)).await?;
    Ok(Json(page).into_response())
}
