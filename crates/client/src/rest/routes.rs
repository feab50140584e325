//! Every route of the API: one line each, the same as the server's table (a test compares them).

use http::Method;
use serde_json::Value;
use unionflow_protocol::{
    Role,
    id::{AccountId, ApprovalId, MemberId, OrganizationId, ServiceKeyId, SignInId},
    rest::{
        Page, approval as a, auth as au, dashboard as d, finance as f, import as i, inbound as ib,
        member as m, notification as n, organization as o, realtime as r, service_key as k,
    },
};

use super::{
    ApprovalsQuery, Call, ImportQuery, InOrganization, JournalQuery, MembersQuery, Mode, PageQuery,
    RestClient,
};
use crate::error::ClientError;

macro_rules! routes {
    ($(
        $(#[doc = $doc:literal])+
        $mode:ident $method:ident $path:literal $name:ident($($arg:ident: $kind:ty),*)
        $([query $query:ty])? $([body $body:ty])? $({ $empty:ident })? -> $answer:ty;
    )+) => {
        /// Every route, as method and path below `/api/v1`.
        pub const ROUTES: &[(&str, &str)] = &[$((stringify!($method), $path)),+, ("POST", IMPORTS)];

        impl RestClient {
            $(
                $(#[doc = $doc])+
                #[doc = concat!("\n\n`", stringify!($method), " ", $path, "`")]
                pub async fn $name(
                    &self, $($arg: $kind,)* $(query: &$query,)? $(body: &$body,)?
                ) -> Result<$answer, ClientError> {
                    #[allow(unused_mut, clippy::allow_attributes, reason = "not every route has something to fill in")]
                    let mut call = Call::new(Method::$method, $path, Mode::$mode);
                    $(call.place(&$arg);)*
                    $({ let query: &$query = query; call.query(query)?; })?
                    $({ let body: &$body = body; call.json(body)?; })?
                    $(call.json(&routes!(@$empty))?;)?
                    self.run(call).await
                }
            )+
        }
    };
    (@no_words) => { a::NoWords {} };
}

const IMPORTS: &str = "/members/imports";

routes! {
    /// Sign in with a login and a password; [`RestClient::sign_in`] also keeps it.
    Open POST "/auth/login" login() [body au::Login] -> au::SignedIn;
    /// Get the next tokens; an [`Account`](super::Account) does so by itself.
    Open POST "/auth/refresh" refresh() [body au::Refresh] -> au::SignedIn;
    /// End this session.
    Open POST "/auth/logout" logout() [body au::Refresh] -> ();
    /// Accept an invitation: make an account (answers tokens), or, signed in, link yours (answers nothing).
    Once POST "/auth/activate" activate() [body au::Activate] -> Option<au::SignedIn>;
    /// Set a new password by a code.
    Open POST "/auth/reset" reset_password() [body au::ResetPassword] -> au::SignedIn;

    /// You, your organisations and roles.
    Reads GET "/me" me() -> au::Me;
    /// Change your language or login names.
    Once PATCH "/me" update_me() [body au::UpdateMe] -> au::Me;
    /// Change your password; all other sessions end.
    Once PUT "/me/password" change_password() [body au::ChangePassword] -> ();
    /// The devices you are signed in on.
    Reads GET "/me/sessions" sign_ins() -> au::SignIns;
    /// Sign out everywhere else.
    Keyed DELETE "/me/sessions" end_other_sessions() -> ();
    /// Sign one device out.
    Keyed DELETE "/me/sessions/{id}" end_session(id: SignInId) -> ();

    /// A ticket for the WebSocket: works once, for 30 seconds. [`RealtimeClient`](crate::RealtimeClient) needs none.
    Once POST "/realtime/tickets" create_ticket() -> r::Ticket;
    /// Send a harmless event to your own screens.
    Keyed POST "/realtime/test-events" send_test_event() [body r::SendTestEvent] -> r::TestEvent;

    /// Your organisations.
    Reads GET "/organizations" organizations() -> o::Organizations;
    /// Found an organisation, where the operator allows it.
    Keyed POST "/organizations" create_organization() [body o::CreateOrganization] -> o::Organization;
    /// An organisation.
    Reads GET "/organizations/{id}" organization(id: OrganizationId) -> o::Organization;
    /// Change settings.
    Keyed PATCH "/organizations/{id}" update_organization(id: OrganizationId) [body o::UpdateOrganization] -> o::Organization;
    /// The approval policy in force.
    Reads GET "/organizations/{id}/approval-policy" policy(id: OrganizationId) -> o::Policy;
    /// Ask for another policy: others decide.
    Keyed PUT "/organizations/{id}/approval-policy" ask_policy(id: OrganizationId) [body o::AskPolicy] -> a::Approval;
    /// The journal, as stored.
    Reads GET "/organizations/{id}/events" journal(id: OrganizationId) [query JournalQuery] -> Page<Value>;
    /// Send a fact of another system, by a service key.
    Keyed POST "/organizations/{id}/events" send_event(id: OrganizationId) [body ib::SendEvent] -> ib::SentEvent;
    /// Found the first organisation, by the code printed at start.
    Open POST "/setup" set_up() [body o::Setup] -> o::Organization;

    /// The keys of other systems, newest first, without their secrets.
    Reads GET "/organizations/{id}/service-keys" service_keys(id: OrganizationId) [query PageQuery] -> Page<k::ServiceKey>;
    /// Give another system a key; its secret is shown once.
    Keyed POST "/organizations/{id}/service-keys" create_service_key(id: OrganizationId) [body k::CreateServiceKey] -> k::NewServiceKey;
    /// End a key, at once.
    Keyed DELETE "/organizations/{id}/service-keys/{keyId}" revoke_service_key(id: OrganizationId, key_id: ServiceKeyId) { no_words } -> k::ServiceKey;

    /// Members by name.
    Reads GET "/members" members() [query MembersQuery] -> Page<m::Member>;
    /// Add a member or an applicant.
    Keyed POST "/members" create_member() [body m::CreateMember] -> m::Member;
    /// A member.
    Reads GET "/members/{id}" member(id: MemberId) -> m::Member;
    /// Change a member; yourself: your contact data.
    Keyed PATCH "/members/{id}" edit_member(id: MemberId) [body m::EditMember] -> m::Member;
    /// Admit an applicant, or readmit somebody who left.
    Keyed POST "/members/{id}/admit" admit_member(id: MemberId) [body m::WithReason] -> m::Member;
    /// Do not admit an applicant.
    Keyed POST "/members/{id}/refuse" refuse_member(id: MemberId) [body m::WithReason] -> m::Member;
    /// Suspend; of somebody with a role: ask others.
    Keyed POST "/members/{id}/suspend" suspend_member(id: MemberId) [body m::WithReason] -> m::MemberOrRequest;
    /// End a suspension; of somebody with a role: ask others.
    Keyed POST "/members/{id}/reinstate" reinstate_member(id: MemberId) [body m::WithReason] -> m::MemberOrRequest;
    /// Leave, or let go; of somebody else with a role: ask others.
    Keyed POST "/members/{id}/leave" member_leaves(id: MemberId) [body m::WithReason] -> m::MemberOrRequest;
    /// A code by which a member makes an account, shown once.
    Keyed POST "/members/{id}/invite" invite_member(id: MemberId) { no_words } -> m::MemberCode;
    /// A code for a new password; of somebody with a role: ask others.
    Keyed POST "/members/{id}/reset" reset_member(id: MemberId) [body m::WithReason] -> m::CodeOrRequest;
    /// Ask that a member be given a role: others decide.
    Keyed PUT "/members/{id}/roles/{role}" ask_role(id: MemberId, role: Role) [body m::WithReason] -> a::Approval;
    /// Ask that a role be taken: others decide; your own is laid down at once.
    Keyed DELETE "/members/{id}/roles/{role}" ask_revocation(id: MemberId, role: Role) [body m::WithReason] -> m::MemberOrRequest;

    /// Requests for approval, newest first.
    Reads GET "/finance/approvals" approvals() [query ApprovalsQuery] -> Page<a::Approval>;
    /// Ask for money: others decide.
    Keyed POST "/finance/approvals" submit_approval() [body a::SubmitApproval] -> a::Approval;
    /// A request.
    Reads GET "/finance/approvals/{id}" approval(id: ApprovalId) -> a::Approval;
    /// Change your request while it waits: votes become void.
    Keyed PATCH "/finance/approvals/{id}" edit_approval(id: ApprovalId) [body a::EditApproval] -> a::Approval;
    /// Vote for a request.
    Keyed POST "/finance/approvals/{id}/approve" approve(id: ApprovalId) [body a::Approve] -> a::Approval;
    /// Refuse a request, with the reason.
    Keyed POST "/finance/approvals/{id}/reject" reject(id: ApprovalId) [body a::Reject] -> a::Approval;
    /// Take your vote back while its step is open.
    Keyed POST "/finance/approvals/{id}/withdraw" withdraw_vote(id: ApprovalId) { no_words } -> a::Approval;
    /// Take your request back while it waits.
    Keyed POST "/finance/approvals/{id}/cancel" cancel_approval(id: ApprovalId) { no_words } -> a::Approval;
    /// Carry an approved request out.
    Keyed POST "/finance/approvals/{id}/execute" execute(id: ApprovalId) { no_words } -> a::Approval;
    /// The ledger's accounts.
    Reads GET "/finance/accounts" accounts() [query InOrganization] -> f::Accounts;
    /// An account's entries, newest first.
    Reads GET "/finance/accounts/{id}/entries" entries(id: AccountId) [query PageQuery] -> Page<f::Entry>;

    /// Your inbox, newest first.
    Reads GET "/notifications" notifications() [query InOrganization] -> n::Inbox;
    /// You have read everything up to here.
    Keyed POST "/notifications/read" read_notifications() [body n::ReadNotifications] -> n::ReadMark;
    /// Write to everyone, or to some roles.
    Keyed POST "/notifications/broadcast" broadcast() [body n::Broadcast] -> n::Announced;

    /// The figures, in your edition.
    Reads GET "/dashboard/stats" read_stats() [query InOrganization] -> d::Stats;
    /// Twelve months of figures, in your edition.
    Reads GET "/dashboard/kpis" read_kpis() [query InOrganization] -> d::Kpis;
}

impl RestClient {
    /// Import members from a file (Galette export). It takes no key: a dry run says first what would happen, and rows that were
    /// imported already change nothing.
    ///
    /// `POST /members/imports`
    pub async fn import_members(
        &self,
        file: Vec<u8>,
        query: &ImportQuery,
    ) -> Result<i::ImportReport, ClientError> {
        let mut call = Call::new(Method::POST, IMPORTS, Mode::Once);
        call.query(query)?;
        call.body = Some((file, "text/csv"));
        self.run(call).await
    }
}
