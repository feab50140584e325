//! `/dashboard`

use std::sync::Arc;

use axum::{Json, extract::State};
use serde::Deserialize;
use unionflow_protocol::{
    id::OrganizationId,
    rest::dashboard::{Kpis, Stats},
};
use unionflow_service::dashboard;

use crate::{
    extract::{Params, Signed},
    failure::Failure,
    state::Api,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Query {
    organization_id: OrganizationId,
}

pub(crate) async fn stats(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
    Params(query): Params<Query>,
) -> Result<Json<Stats>, Failure> {
    let organization = query.organization_id;
    Ok(Json(api.service.read(move |reader| dashboard::stats(reader, caller.person_id, organization)).await?))
}

pub(crate) async fn kpis(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
    Params(query): Params<Query>,
) -> Result<Json<Kpis>, Failure> {
    let organization = query.organization_id;
    Ok(Json(api.service.read(move |reader| dashboard::kpis(reader, caller.person_id, organization)).await?))
}
