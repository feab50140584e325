//! `/me`

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use unionflow_protocol::{
    id::SignInId,
    rest::{
        approval::NoWords,
        auth::{ChangePassword, Me, SignIns, UpdateMe},
    },
};
use unionflow_service::auth::me;

use crate::{
    extract::{Attempt, Command, Id, Signed, answer},
    failure::Failure,
    state::Api,
};

pub(crate) async fn read(State(api): State<Arc<Api>>, Signed(caller): Signed) -> Result<Json<Me>, Failure> {
    Ok(Json(api.service.read(move |reader| me::me(reader, caller.person_id)).await?))
}

pub(crate) async fn update(
    State(api): State<Arc<Api>>,
    Attempt(origin): Attempt,
    command: Command<UpdateMe>,
) -> Result<Json<Me>, Failure> {
    Ok(Json(api.service.update_me(command.body, command.call.caller, origin).await?))
}

pub(crate) async fn change_password(
    State(api): State<Arc<Api>>,
    Attempt(origin): Attempt,
    command: Command<ChangePassword>,
) -> Result<Response, Failure> {
    api.service.change_password(command.body, command.call.caller, origin).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn sessions(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
) -> Result<Json<SignIns>, Failure> {
    Ok(Json(api.service.read(move |reader| me::sign_ins(reader, &caller)).await?))
}

pub(crate) async fn end_session(
    State(api): State<Arc<Api>>,
    Id(id): Id<SignInId>,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    let ended = api.service.end_sign_in(command.call, id).await?;
    answer(ended, |()| StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn end_other_sessions(
    State(api): State<Arc<Api>>,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    let ended = api.service.end_other_sign_ins(command.call).await?;
    answer(ended, |()| StatusCode::NO_CONTENT.into_response())
}
