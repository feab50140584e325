//! `/setup`: the founding of the first organisation, by the one-time code printed at start.

use std::sync::Arc;

use axum::{extract::State, http::StatusCode, response::Response};
use unionflow_auth::secret::SecretHash;
use unionflow_protocol::{Origin, problem::ErrorCode, rest::organization::Setup};
use unionflow_service::organization::read;

use crate::{
    extract::{Attempt, Plain, resource},
    failure::Failure,
    state::Api,
};

pub(crate) async fn set_up(
    State(api): State<Arc<Api>>,
    Attempt(origin): Attempt,
    Plain(setup): Plain<Setup>,
) -> Result<Response, Failure> {
    // To everybody else, and once there is an organisation, the route does not exist.
    let code = api.config.setup_code.as_deref().ok_or(ErrorCode::NotFound)?;
    if api.service.read(|reader| Ok(reader.is_founded()?)).await? {
        return Err(ErrorCode::AlreadySetUp.into());
    }
    api.service.count_code_attempt(&origin).await?;
    if SecretHash::of_code(&setup.code.0) != SecretHash::of_code(code) {
        return Err(ErrorCode::InvalidCode.into());
    }
    let id = api.service.set_up(setup, Origin::Operator).await?;
    let organization = api.service.read(move |reader| read::founded(reader, id)).await?;
    Ok(resource(StatusCode::CREATED, organization.version, &organization))
}
