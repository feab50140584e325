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
    extract::{Params, Reads},
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
    Reads(principal): Reads,
    Params(query): Params<Query>,
) -> Result<Json<Stats>, Failure> {
    let organization = query.organization_id;
    Ok(Json(api.service.read(move |reader| dashboard::stats(reader, &principal, organization)).await?))
}

pub(crate) async fn kpis(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Params(query): Params<Query>,
) -> Result<Json<Kpis>, Failure> {
    let organization = query.organization_id;
    Ok(Json(api.service.read(move |reader| dashboard::kpis(reader, &principal, organization)).await?))
}
