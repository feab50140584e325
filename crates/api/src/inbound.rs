//! Facts of other systems: `POST /organizations/{id}/events`

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use unionflow_domain::inbound;
use unionflow_protocol::{id::OrganizationId, rest::inbound::SendEvent};

use crate::{
    extract::{Id, Sends},
    failure::Failure,
    state::Api,
};

pub(crate) async fn send(
    State(api): State<Arc<Api>>,
    Id(id): Id<OrganizationId>,
    sends: Sends<SendEvent>,
) -> Result<Response, Failure> {
    let Sends { key, name, trace_parent, body } = sends;
    let fact = inbound::sent(&key, id, &body, name.as_deref(), &trace_parent)?;
    let sent = api.service.take_by_key(key.id, fact).await?;
    let status = if sent.is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(sent.event)).into_response())
}
