//! `/members`

use std::sync::Arc;

use axum::{
    Json,
    extract::{FromRequestParts, Path, State},
    http::{StatusCode, request::Parts},
    response::{IntoResponse, Response},
};
use serde::Deserialize;
use unionflow_domain::{Refusal, hint::Hint, member::StatusChange};
use unionflow_protocol::{
    Role,
    id::{MemberId, OrganizationId},
    limits,
    member::MemberStatus,
    problem::{ErrorCode, FieldCode},
    rest::{
        approval::NoWords,
        member::{CodeOrRequest, CreateMember, EditMember, MemberOrRequest, WithReason},
    },
};
use unionflow_service::{Located, member as service};

use crate::{
    compression::Secret,
    extract::{Command, Id, Params, Reads, Signed, answer, resource},
    failure::Failure,
    state::Api,
};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ListQuery {
    organization_id: OrganizationId,
    search: Option<String>,
    status: Option<String>,
    ids: Option<String>,
    after: Option<String>,
    limit: Option<u64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct ImportQuery {
    organization_id: OrganizationId,
    #[serde(default)]
    dry_run: bool,
    #[serde(default)]
    skip_errors: bool,
}

/// `/members/{id}/roles/{role}`
pub(crate) struct MemberRole((MemberId, Role));

impl FromRequestParts<Arc<Api>> for MemberRole {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, api: &Arc<Api>) -> Result<Self, Failure> {
        let path = Path::<(String, String)>::from_request_parts(parts, api).await;
        let named = path.ok().and_then(|Path((id, role))| Some((id.parse().ok()?, role.parse().ok()?)));
        named.map(Self).ok_or_else(|| ErrorCode::NotFound.into())
    }
}

/// The size of a page: within bounds, or refused.
pub(crate) fn page_size(limit: Option<u64>) -> Result<usize, Failure> {
    match limit {
        None => Ok(limits::PAGE_DEFAULT),
        Some(limit) if (1..=limits::PAGE_MAX as u64).contains(&limit) => {
            Ok(usize::try_from(limit).unwrap_or(1))
        }
        Some(_) => Err(wrong_param("limit", Hint::Between { min: 1, max: limits::PAGE_MAX as u64 })),
    }
}

/// A query parameter that is not what it should be.
pub(crate) fn wrong_param(name: &str, hint: Hint) -> Failure {
    Refusal::from(ErrorCode::InvalidRequest).at(name, FieldCode::Invalid, hint).into()
}

pub(crate) async fn list(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Params(query): Params<ListQuery>,
) -> Result<Response, Failure> {
    let listed = |text: &Option<String>| -> Vec<String> {
        text.iter()
            .flat_map(|text| text.split(','))
            .filter(|part| !part.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let ids = listed(&query.ids);
    if ids.len() > limits::IDS_MAX {
        return Err(wrong_param("ids", Hint::AtMost(limits::IDS_MAX as u64)));
    }
    let ids: Result<Vec<MemberId>, _> = ids.iter().map(|id| id.parse()).collect();
    let statuses: Result<Vec<MemberStatus>, _> =
        listed(&query.status).iter().map(|status| status.parse()).collect();
    let codes = || MemberStatus::ALL.iter().map(|status| status.as_str()).collect::<Vec<_>>().join(", ");
    let wanted = service::read::Wanted {
        search: query.search,
        statuses: statuses.map_err(|_| wrong_param("status", Hint::OneOf(codes())))?,
        ids: ids.map_err(|_| wrong_param("ids", Hint::Uuid))?,
        after: query.after,
        limit: page_size(query.limit)?,
    };
    let organization = query.organization_id;
    let page = api
        .service
        .read(move |reader| service::read::list(reader, &principal, organization, &wanted))
        .await?;
    Ok(Json(page).into_response())
}

pub(crate) async fn create(
    State(api): State<Arc<Api>>,
    command: Command<CreateMember>,
) -> Result<Response, Failure> {
    let body = command.body;
    let organization = body.organization_id;
    let created = api
        .service
        .command(organization, command.call, move |tx, call| service::create::create(tx, call, &body))
        .await?;
    answer(created, |member| resource(StatusCode::CREATED, member.version, &member))
}

pub(crate) async fn read(
    State(api): State<Arc<Api>>,
    Reads(principal): Reads,
    Id(id): Id<MemberId>,
) -> Result<Response, Failure> {
    let member = api.service.read(move |reader| service::read::read(reader, &principal, id)).await?;
    Ok(resource(StatusCode::OK, member.version, &member))
}

pub(crate) async fn edit(
    State(api): State<Arc<Api>>,
    Id(id): Id<MemberId>,
    command: Command<EditMember>,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Member(id)).await?;
    let body = command.body;
    let edited = api
        .service
        .command(organization, command.call, move |tx, call| service::edit::edit(tx, call, id, &body))
        .await?;
    answer(edited, |member| resource(StatusCode::OK, member.version, &member))
}

macro_rules! status_routes {
    ($($name:ident $change:ident;)+) => {$(
        pub(crate) async fn $name(
            State(api): State<Arc<Api>>,
            Id(id): Id<MemberId>,
            command: Command<WithReason>,
        ) -> Result<Response, Failure> {
            change_status(&api, id, command, StatusChange::$change).await
        }
    )+};
}

status_routes! {
    admit Admit;
    refuse Refuse;
    suspend Suspend;
    reinstate Reinstate;
    leave Leave;
}

async fn change_status(
    api: &Api,
    id: MemberId,
    command: Command<WithReason>,
    change: StatusChange,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Member(id)).await?;
    let body = command.body;
    let run = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
        service::change_status::change_status(tx, call, id, change, &body)
    };
    answer(api.service.command(organization, command.call, run).await?, member_or_request)
}

fn member_or_request(answer: MemberOrRequest) -> Response {
    match answer {
        MemberOrRequest::Member(member) => resource(StatusCode::OK, member.version, &member),
        MemberOrRequest::Request(approval) => resource(StatusCode::ACCEPTED, approval.version, &approval),
    }
}

pub(crate) async fn ask_role(
    State(api): State<Arc<Api>>,
    MemberRole((id, role)): MemberRole,
    command: Command<WithReason>,
) -> Result<Response, Failure> {
    set_role(&api, id, role, true, command).await
}

pub(crate) async fn ask_revocation(
    State(api): State<Arc<Api>>,
    MemberRole((id, role)): MemberRole,
    command: Command<WithReason>,
) -> Result<Response, Failure> {
    set_role(&api, id, role, false, command).await
}

async fn set_role(
    api: &Api,
    id: MemberId,
    role: Role,
    grant: bool,
    command: Command<WithReason>,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Member(id)).await?;
    let body = command.body;
    let run = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
        service::ask_role::ask_role(tx, call, id, role, grant, &body)
    };
    answer(api.service.command(organization, command.call, run).await?, member_or_request)
}

pub(crate) async fn invite(
    State(api): State<Arc<Api>>,
    Id(id): Id<MemberId>,
    command: Command<NoWords>,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Member(id)).await?;
    let url = api.service.settings().public_url.clone();
    let invite = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
        service::invite::invite(tx, call, id, &url)
    };
    answer(api.service.command(organization, command.call, invite).await?, |code| {
        secret(Json(code).into_response())
    })
}

pub(crate) async fn reset(
    State(api): State<Arc<Api>>,
    Id(id): Id<MemberId>,
    command: Command<WithReason>,
) -> Result<Response, Failure> {
    let organization = api.service.locate(Located::Member(id)).await?;
    let (url, body) = (api.service.settings().public_url.clone(), command.body);
    let reset = move |tx: &mut unionflow_storage::Tx<'_>, call: &unionflow_service::Call| {
        service::reset::reset(tx, call, id, &body, &url)
    };
    let answered = api.service.command(organization, command.call, reset).await?;
    api.service.watch_ended_sign_ins().await?;
    answer(answered, |answer| match answer {
        CodeOrRequest::Code(code) => secret(Json(code).into_response()),
        CodeOrRequest::Request(approval) => resource(StatusCode::ACCEPTED, approval.version, &approval),
    })
}

fn secret(mut response: Response) -> Response {
    response.extensions_mut().insert(Secret);
    response
}

pub(crate) async fn import(
    State(api): State<Arc<Api>>,
    Signed(caller): Signed,
    Params(query): Params<ImportQuery>,
    body: axum::body::Body,
) -> Result<Response, Failure> {
    api.service.may_import(&caller, query.organization_id).await?;
    // A file takes memory until it is imported: one a person, and not from everybody at once.
    let upload = api.uploads.begin(caller.person_id)?;
    let file = upload.read(body).await?;
    // What it is read into takes more: one at a time.
    let _alone = upload.turn(&api.importing).await?;
    let wanted = service::import::Wanted {
        organization_id: query.organization_id,
        dry_run: query.dry_run,
        skip_errors: query.skip_errors,
        language: caller.language,
    };
    let report = api.service.import_members(Some(caller), file, wanted, |_| {}).await?;
    Ok(Json(report).into_response())
}
