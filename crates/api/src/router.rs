//! All routes at a glance.

use std::sync::{Arc, LazyLock};

use axum::{
    Router,
    http::header,
    middleware::{from_fn, from_fn_with_state},
    response::IntoResponse,
    routing::get,
};
use serde_json::Value;
use tower_http::catch_panic::CatchPanicLayer;
use unionflow_domain::service_key::KeyRight::{ReadMembers, ReadMoney};
use unionflow_protocol::{
    Seq,
    approval::ApprovalStatus,
    id::{ApprovalId, OrganizationId, ServiceKeyId},
    problem::ErrorCode,
    rest::{
        Page, approval as a, auth as au, dashboard as d, finance as f, import as i, inbound as ib,
        member as m, notification as n, organization as o, realtime as r, service_key as k,
    },
};

use crate::{
    auth, compression, dashboard,
    documented::{Table, doc},
    failure::Failure,
    finance, inbound, me, members, notifications, openapi, organizations, pages, realtime, service_keys,
    setup,
    state::Api,
    surround::surround,
};

const AFTER: &str = "The `nextCursor` of the page before.";
const WHERE: &str = "Which organisation.";

/// Every route of the API.
pub(crate) fn table() -> Table {
    let areas = [
        auth_routes,
        me_routes,
        realtime_routes,
        organizations_routes,
        service_keys_routes,
        members_routes,
        memberships_routes,
        member_access_routes,
        finance_routes,
        decisions_routes,
        ledger_routes,
        notifications_routes,
        dashboard_routes,
        setup_routes,
    ];
    areas.into_iter().fold(Table::new(), |table, add| add(table))
}

fn auth_routes(table: Table) -> Table {
    table
        .post(
            "/auth/login",
            auth::login,
            doc("login", "Sign in with a login and a password")
                .without_key()
                .open()
                .body::<au::Login>()
                .answers::<au::SignedIn>(200, "Signed in."),
        )
        .post(
            "/auth/refresh",
            auth::refresh,
            doc("refresh", "Get the next tokens")
                .without_key()
                .open()
                .body::<au::Refresh>()
                .answers::<au::SignedIn>(200, "The next tokens."),
        )
        .post(
            "/auth/logout",
            auth::logout,
            doc("logout", "End this session")
                .without_key()
                .open()
                .body::<au::Refresh>()
                .answers_nothing("Ended, everywhere within seconds."),
        )
        .post(
            "/auth/activate",
            auth::activate,
            doc("activate", "Accept an invitation: make an account, or, signed in, link yours")
                .without_key()
                .open()
                .body::<au::Activate>()
                .answers::<au::SignedIn>(200, "A new account, signed in.")
                .answers_nothing("Linked to your account."),
        )
        .post(
            "/auth/reset",
            auth::reset,
            doc("resetPassword", "Set a new password by a code")
                .without_key()
                .open()
                .body::<au::ResetPassword>()
                .answers::<au::SignedIn>(200, "Set; all other sessions ended."),
        )
}

fn me_routes(table: Table) -> Table {
    table
        .get("/me", me::read, doc("me", "You, your organisations and roles").answers::<au::Me>(200, "You."))
        .patch(
            "/me",
            me::update,
            doc("updateMe", "Change your language or login names")
                .without_key()
                .body::<au::UpdateMe>()
                .answers::<au::Me>(200, "Changed."),
        )
        .put(
            "/me/password",
            me::change_password,
            doc("changePassword", "Change your password")
                .without_key()
                .body::<au::ChangePassword>()
                .answers_nothing("Changed; all other sessions ended."),
        )
        .get(
            "/me/sessions",
            me::sessions,
            doc("listSessions", "The devices you are signed in on")
                .answers::<au::SignIns>(200, "Newest first."),
        )
        .delete(
            "/me/sessions",
            me::end_other_sessions,
            doc("endOtherSessions", "Sign out everywhere else").answers_nothing("Ended."),
        )
        .delete(
            "/me/sessions/{id}",
            me::end_session,
            doc("endSession", "Sign one device out").answers_nothing("Ended."),
        )
}

fn realtime_routes(table: Table) -> Table {
    table
        .post(
            "/realtime/tickets",
            realtime::ticket,
            doc("createTicket", "A ticket for the WebSocket: works once, for 30 seconds")
                .without_key()
                .answers::<r::Ticket>(201, "The ticket."),
        )
        .post(
            "/realtime/test-events",
            realtime::test_event,
            doc("sendTestEvent", "Send a harmless event to your own screens")
                .body::<r::SendTestEvent>()
                .answers::<r::TestEvent>(201, "Sent."),
        )
}

fn organizations_routes(table: Table) -> Table {
    table
        .get(
            "/organizations",
            organizations::list,
            doc("listOrganizations", "Your organisations")
                .for_systems(ReadMembers)
                .answers::<o::Organizations>(200, "By name."),
        )
        .post(
            "/organizations",
            organizations::create,
            doc("createOrganization", "Found an organisation, where the operator allows it")
                .body::<o::CreateOrganization>()
                .answers::<o::Organization>(201, "Founded."),
        )
        .get(
            "/organizations/{id}",
            organizations::read,
            doc("readOrganization", "An organisation")
                .for_systems(ReadMembers)
                .answers::<o::Organization>(200, "The organisation."),
        )
        .patch(
            "/organizations/{id}",
            organizations::update,
            doc("updateOrganization", "Change settings")
                .body::<o::UpdateOrganization>()
                .answers::<o::Organization>(200, "Changed."),
        )
        .get(
            "/organizations/{id}/approval-policy",
            organizations::policy,
            doc("readPolicy", "The approval policy in force").answers::<o::Policy>(200, "The policy."),
        )
        .put(
            "/organizations/{id}/approval-policy",
            organizations::ask_policy,
            doc("askPolicy", "Ask for another policy: others decide")
                .body::<o::AskPolicy>()
                .answers::<a::Approval>(202, "The request."),
        )
        .get(
            "/organizations/{id}/events",
            organizations::events,
            doc("readJournal", "The journal, as stored")
                .for_systems(ReadMoney)
                .param::<Seq>("after", "After this `seq`.")
                .limit()
                .answers::<Page<Value>>(200, "Envelopes in `seq` order."),
        )
        .post(
            "/organizations/{id}/events",
            inbound::send,
            doc(
                "sendEvent",
                "Send a fact of another system, by a service key: it is told, and changes no figure",
            )
            .for_facts()
            .makes_new()
            .body::<ib::SendEvent>()
            .answers::<ib::SentEvent>(201, "In the journal.")
            .answers::<ib::SentEvent>(200, "It was there already, here."),
        )
}

fn service_keys_routes(table: Table) -> Table {
    table
        .get(
            "/organizations/{id}/service-keys",
            service_keys::list,
            doc("listServiceKeys", "The keys of other systems, newest first, without their secrets")
                .param::<ServiceKeyId>("after", AFTER)
                .limit()
                .answers::<Page<k::ServiceKey>>(200, "A page."),
        )
        .post(
            "/organizations/{id}/service-keys",
            service_keys::create,
            doc("createServiceKey", "Give another system a key")
                .makes_new()
                .shows_secret()
                .body::<k::CreateServiceKey>()
                .answers::<k::NewServiceKey>(201, "The key, with its secret, shown once."),
        )
        .delete(
            "/organizations/{id}/service-keys/{keyId}",
            service_keys::revoke,
            doc("revokeServiceKey", "End a key, at once")
                .body::<a::NoWords>()
                .answers::<k::ServiceKey>(200, "It works no longer."),
        )
}

fn members_routes(table: Table) -> Table {
    table
        .get(
            "/members",
            members::list,
            doc("listMembers", "Members by name")
                .for_systems(ReadMembers)
                .needs::<OrganizationId>("organizationId", WHERE)
                .param::<String>("search", "Part of a name, a number, or a phone you may see.")
                .param::<String>("status", "Only this status, such as `ACTIVE`; several with commas.")
                .param::<String>("ids", "Only these, with commas; at most 100.")
                .param::<String>("after", AFTER)
                .limit()
                .answers::<Page<m::Member>>(200, "A page."),
        )
        .post(
            "/members",
            members::create,
            doc("createMember", "Add a member or an applicant")
                .body::<m::CreateMember>()
                .answers::<m::Member>(201, "Added."),
        )
        .post(
            "/members/imports",
            members::import,
            doc("importMembers", "Import members from a file (Galette export)")
                .without_key()
                .file()
                .needs::<OrganizationId>("organizationId", WHERE)
                .param::<bool>("dryRun", "Say what would happen, and write nothing.")
                .param::<bool>("skipErrors", "Import the rows without errors.")
                .answers::<i::ImportReport>(200, "What happened, or would."),
        )
        .get(
            "/members/{id}",
            members::read,
            doc("readMember", "A member").for_systems(ReadMembers).answers::<m::Member>(200, "The member."),
        )
        .patch(
            "/members/{id}",
            members::edit,
            doc("editMember", "Change a member; yourself: your contact data")
                .body::<m::EditMember>()
                .answers::<m::Member>(200, "Changed."),
        )
}

fn memberships_routes(table: Table) -> Table {
    table
        .post(
            "/members/{id}/admit",
            members::admit,
            doc("admitMember", "Admit an applicant, or readmit somebody who left")
                .body::<m::WithReason>()
                .answers::<m::Member>(200, "A member."),
        )
        .post(
            "/members/{id}/refuse",
            members::refuse,
            doc("refuseMember", "Do not admit an applicant")
                .body::<m::WithReason>()
                .answers::<m::Member>(200, "Refused."),
        )
        .post(
            "/members/{id}/suspend",
            members::suspend,
            doc("suspendMember", "Suspend; of somebody with a role: ask others")
                .body::<m::WithReason>()
                .answers::<m::Member>(200, "Suspended.")
                .answers::<a::Approval>(202, "The request."),
        )
        .post(
            "/members/{id}/reinstate",
            members::reinstate,
            doc("reinstateMember", "End a suspension; of somebody with a role: ask others")
                .body::<m::WithReason>()
                .answers::<m::Member>(200, "Active.")
                .answers::<a::Approval>(202, "The request."),
        )
        .post(
            "/members/{id}/leave",
            members::leave,
            doc("memberLeaves", "Leave, or let go; of somebody else with a role: ask others")
                .body::<m::WithReason>()
                .answers::<m::Member>(200, "Left.")
                .answers::<a::Approval>(202, "The request."),
        )
}

fn member_access_routes(table: Table) -> Table {
    table
        .post(
            "/members/{id}/invite",
            members::invite,
            doc("inviteMember", "A code by which a member makes an account")
                .shows_secret()
                .body::<a::NoWords>()
                .answers::<m::MemberCode>(200, "The code, shown once."),
        )
        .post(
            "/members/{id}/reset",
            members::reset,
            doc("resetMember", "A code for a new password; of somebody with a role: ask others")
                .shows_secret()
                .body::<m::WithReason>()
                .answers::<m::MemberCode>(200, "The code, shown once.")
                .answers::<a::Approval>(202, "The request."),
        )
        .put(
            "/members/{id}/roles/{role}",
            members::ask_role,
            doc("askRole", "Ask that a member be given a role: others decide")
                .body::<m::WithReason>()
                .answers::<a::Approval>(202, "The request."),
        )
        .delete(
            "/members/{id}/roles/{role}",
            members::ask_revocation,
            doc("askRevocation", "Ask that a role be taken: others decide; your own is laid down at once")
                .body::<m::WithReason>()
                .answers::<m::Member>(200, "Laid down.")
                .answers::<a::Approval>(202, "The request."),
        )
}

fn finance_routes(table: Table) -> Table {
    table
        .get(
            "/finance/approvals",
            finance::list,
            doc("listApprovals", "Requests for approval, newest first")
                .for_systems(ReadMoney)
                .needs::<OrganizationId>("organizationId", WHERE)
                .param::<ApprovalStatus>("status", "Only this status.")
                .param::<ApprovalId>("after", AFTER)
                .limit()
                .answers::<Page<a::Approval>>(
                    200,
                    "All for officers; for others, those they made or that benefit them.",
                ),
        )
        .post(
            "/finance/approvals",
            finance::submit,
            doc("submitApproval", "Ask for money: others decide")
                .money()
                .body::<a::SubmitApproval>()
                .answers::<a::Approval>(201, "The request."),
        )
        .get(
            "/finance/approvals/{id}",
            finance::read,
            doc("readApproval", "A request")
                .for_systems(ReadMoney)
                .answers::<a::Approval>(200, "The request."),
        )
        .patch(
            "/finance/approvals/{id}",
            finance::edit,
            doc("editApproval", "Change your request while it waits: votes become void")
                .money()
                .body::<a::EditApproval>()
                .answers::<a::Approval>(200, "Changed."),
        )
}

fn decisions_routes(table: Table) -> Table {
    table
        .post(
            "/finance/approvals/{id}/approve",
            finance::approve,
            doc("approve", "Vote for a request")
                .money()
                .body::<a::Approve>()
                .answers::<a::Approval>(200, "Voted; approved with the last vote."),
        )
        .post(
            "/finance/approvals/{id}/reject",
            finance::reject,
            doc("reject", "Refuse a request, with the reason")
                .money()
                .body::<a::Reject>()
                .answers::<a::Approval>(200, "Rejected."),
        )
        .post(
            "/finance/approvals/{id}/withdraw",
            finance::withdraw,
            doc("withdrawVote", "Take your vote back while its step is open")
                .money()
                .body::<a::NoWords>()
                .answers::<a::Approval>(200, "Taken back."),
        )
        .post(
            "/finance/approvals/{id}/cancel",
            finance::cancel,
            doc("cancelApproval", "Take your request back while it waits")
                .money()
                .body::<a::NoWords>()
                .answers::<a::Approval>(200, "Cancelled."),
        )
        .post(
            "/finance/approvals/{id}/execute",
            finance::execute,
            doc("execute", "Carry an approved request out")
                .money()
                .body::<a::NoWords>()
                .answers::<a::Approval>(200, "Executed."),
        )
}

fn ledger_routes(table: Table) -> Table {
    table
        .get(
            "/finance/accounts",
            finance::accounts,
            doc("listAccounts", "The ledger's accounts")
                .for_systems(ReadMoney)
                .needs::<OrganizationId>("organizationId", WHERE)
                .answers::<f::Accounts>(200, "All of them."),
        )
        .get(
            "/finance/accounts/{id}/entries",
            finance::entries,
            doc("listEntries", "An account's entries, newest first")
                .for_systems(ReadMoney)
                .param::<Seq>("after", AFTER)
                .limit()
                .answers::<Page<f::Entry>>(200, "A page."),
        )
}

fn notifications_routes(table: Table) -> Table {
    table
        .get(
            "/notifications",
            notifications::list,
            doc("listNotifications", "Your inbox, newest first")
                .needs::<OrganizationId>("organizationId", WHERE)
                .param::<Seq>("after", AFTER)
                .limit()
                .answers::<n::Inbox>(200, "A page."),
        )
        .post(
            "/notifications/read",
            notifications::read,
            doc("readNotifications", "You have read everything up to here")
                .body::<n::ReadNotifications>()
                .answers::<n::ReadMark>(200, "Noted, on all your devices."),
        )
        .post(
            "/notifications/broadcast",
            notifications::broadcast,
            doc("broadcast", "Write to everyone, or to some roles")
                .body::<n::Broadcast>()
                .answers::<n::Announced>(201, "Sent."),
        )
}

fn dashboard_routes(table: Table) -> Table {
    table
        .get(
            "/dashboard/stats",
            dashboard::stats,
            doc("readStats", "The figures, in your edition")
                .for_systems(ReadMembers)
                .needs::<OrganizationId>("organizationId", WHERE)
                .answers::<d::Stats>(200, "The figures."),
        )
        .get(
            "/dashboard/kpis",
            dashboard::kpis,
            doc("readKpis", "Twelve months of figures, in your edition")
                .for_systems(ReadMembers)
                .needs::<OrganizationId>("organizationId", WHERE)
                .answers::<d::Kpis>(200, "The series."),
        )
}

fn setup_routes(table: Table) -> Table {
    table.post(
        "/setup",
        setup::set_up,
        doc("setUp", "Found the first organisation, by the code printed at start")
            .without_key()
            .open()
            .body::<o::Setup>()
            .answers::<o::Organization>(201, "Founded."),
    )
}

/// The OpenAPI document on every route.
pub fn document() -> Value {
    openapi::document(&table().routes)
}

/// Every route, with what surrounds it.
pub fn router(api: &Arc<Api>) -> Router {
    static DOCUMENT: LazyLock<Vec<u8>> =
        LazyLock::new(|| serde_json::to_vec(&document()).expect("a JSON value"));
    let answer =
        || async { ([(header::CONTENT_TYPE, "application/json")], DOCUMENT.as_slice()).into_response() };
    let routes = Router::new()
        .nest("/api/v1", table().router)
        .route("/openapi.json", get(answer))
        .fallback(|| async { Failure::from(ErrorCode::NotFound) })
        .method_not_allowed_fallback(|| async { Failure::from(ErrorCode::MethodNotAllowed) })
        .with_state(api.clone());
    Router::new()
        .merge(routes)
        .merge(pages::router().with_state(api.clone()))
        .layer(CatchPanicLayer::custom(|_| Failure::from(ErrorCode::Internal).into_response()))
        .layer(from_fn_with_state(api.clone(), surround))
        .layer(from_fn(pages::content_security))
        .layer(compression::layer())
}
