//! `/organizations/{id}/service-keys`

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use unionflow_protocol::{
    id::{OrganizationId, ServiceKeyId},
    problem::ErrorCode,
    rest::{approval::NoWords, service_key::CreateServiceKey},
};
use unionflow_service::{Call, service_key as service};
use unionflow_storage::Tx;

use crate::{
    compression::Secret,
    extract::{Command, Id, Params, Signed, answer, resource},
    failure::Failure,
    members::page_size,
    state::Api,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    after: Option<ServiceKeyId>,
    limit: Option<u64>,
}

/// `/organizations/{id}/service-keys/{keyId}`
pub(crate) struct KeyOfOrganization((OrganizationId, ServiceKeyId));

impl FromRequestParts<Arc<Api>> for KeyOfOrganization {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, api).await;
        let named = path.ok().and_then(|Path((id, key))| Some((id.parse().ok()?, key.parse().ok()?)));
        named.map(Self).ok_or_else(|| ErrorCode::NotFound.into())
    }
}

pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
    Id(id): Id<OrganizationId>,
    Params(query): Params<ListQuery>,
) -> Result<Response, Failure> {
    let (after, limit) = (query.after, page_size(query.limit)?);
    let list = move |reader: &mut unionflow_storage::Reader<'_>| {
        service::list::list(reader, caller.person_id, id, after, limit)
    };
    Ok(Json(api.service.read(list).await?).into_response())
}

pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    Id(id): Id<OrganizationId>,
    command: Command<CreateServiceKey>,
) -> Result<Response, Failure> {
    let body = command.body;
    let create = move |tx: &mut Tx<'_>, call: &Call| service::create::create(tx, call, &body);
    answer(api.service.command(id, command.call, create).await?, |made| {
        let mut response = resource(StatusCode::CREATED, made.key.version, &made);
        response.extensions_mut().insert(Secret);
        response
    })
}

pub(crate) async fn revoke(
    State(api): State<Arc<Api>>,
    KeyOfOrganization((id, key)): KeyOfOrganization,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    let revoke = move |tx: &mut Tx<'_>, call: &Call| service::revoke::revoke(tx, call, key);
    answer(api.service.command(id, command.call, revoke).await?, |key| {
        resource(StatusCode::OK, key.version, &key)
    })
}
