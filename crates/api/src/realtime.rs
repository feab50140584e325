//! `/realtime`

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use unionflow_protocol::rest::realtime::SendTestEvent;
use unionflow_service::realtime;

use crate::{
    compression::Secret,
    extract::{Command, Signed, answer},
    failure::Failure,
    state::Api,
};

pub(crate) async fn ticket(State(api): State<Arc<Api>>, Signed(caller): Signed) -> Result<Response, Failure> {
    let ticket = api.service.ticket(caller).await?;
    let mut response = (StatusCode::CREATED, Json(ticket)).into_response();
    response.extensions_mut().insert(Secret);
    Ok(response)
}

pub(crate) async fn test_event(
    State(api): State<Arc<Api>>,
    command: Command<SendTestEvent>,
) -> Result<Response, Failure> {
    let organization = command.body.organization_id;
    let sent = api.service.command(organization, command.call, realtime::test_event).await?;
    answer(sent, |event| (StatusCode::CREATED, Json(event)).into_response())
}
