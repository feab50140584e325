//! `/notifications`

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
    rest::notification::{Broadcast, Inbox, ReadNotifications},
};
use unionflow_service::notification as service;

use crate::{
    extract::{Command, Params, Signed, answer},
    failure::Failure,
    members::page_size,
    state::Api,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListQuery {
    organization_id: OrganizationId,
    after: Option<u64>,
    limit: Option<u64>,
}

pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
    Params(query): Params<ListQuery>,
) -> Result<Json<Inbox>, Failure> {
    let (before, limit) = (query.after.map(Seq), page_size(query.limit)?);
    let organization = query.organization_id;
    let inbox = api
        .service
        .read(move |reader| service::inbox(reader, caller.person_id, organization, before, limit))
        .await?;
    Ok(Json(inbox))
}

pub(crate) async fn read(
    State(api): State<Arc<Api>>,
    command: Command<ReadNotifications>,
) -> Result<Response, Failure> {
    let body = command.body;
    let read = api
        .service
        .command(body.organization_id, command.call, move |tx, call| service::read(tx, call, body))
        .await?;
    answer(read, |mark| Json(mark).into_response())
}

pub(crate) async fn broadcast(
    State(api): State<Arc<Api>>,
    command: Command<Broadcast>,
) -> Result<Response, Failure> {
    let body = command.body;
    let organization = body.organization_id;
    let sent = api
        .service
        .command(organization, command.call, move |tx, call| service::broadcast(tx, call, &body))
        .await?;
    answer(sent, |notification| (StatusCode::CREATED, Json(notification)).into_response())
}
