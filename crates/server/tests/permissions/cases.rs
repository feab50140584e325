//! Every route once or more: what it needs, and what the table of rights says about it.

use serde_json::{Value, json};
use unionflow_domain::permissions::Action;
use unionflow_protocol::{Role, RoleSet};

use crate::stage::{Fixture, Stage, Who};

/// A route, and whose it is.
pub(crate) struct Case {
    /// `GET`, `POST` …
    pub(crate) method: &'static str,
    /// The template, as OpenAPI has it, and a query.
    pub(crate) path: &'static str,
    /// What the `{id}` is.
    pub(crate) fixture: Fixture,
    /// Only holders of this see the resource at all; to others it does not exist.
    pub(crate) seen_by: Option<Action>,
    /// Who may.
    pub(crate) rule: Rule,
    /// The body.
    pub(crate) body: Option<fn(&Stage, Who) -> Value>,
}

/// Who may, and the status they get.
pub(crate) enum Rule {
    /// Everybody gets the same, also without a sign-in.
    Same(u16),
    /// Everybody who is signed in, wherever they belong.
    SignedIn(u16),
    /// Active and suspended members.
    Belongs(u16),
    /// A read about somebody or something else: suspended members, whose roles rest, do not see it.
    Reads(u16),
    /// Active members.
    Active(u16),
    /// Active members whose roles are granted the action.
    Granted(Action, u16),
    /// Active members, by what each role gets.
    ByRole(fn(Role) -> u16),
}

impl Case {
    /// What the table says this caller gets.
    pub(crate) fn expected(&self, who: Who) -> u16 {
        let everywhere = match self.rule {
            Rule::Same(status) => return status,
            Rule::SignedIn(status) => Some(status),
            _ => None,
        };
        match (who, everywhere) {
            (Who::Nobody, _) => 401,
            (_, Some(status)) => status,
            (Who::Stranger | Who::Left, None) => 404,
            (Who::Suspended, None) => match self.rule {
                Rule::Belongs(status) => status,
                Rule::Reads(_) => 404,
                _ => 403,
            },
            (Who::Holder(role), None) => self.expected_of(role),
        }
    }

    fn expected_of(&self, role: Role) -> u16 {
        let roles = RoleSet::of(&[Role::Member, role]);
        if self.seen_by.is_some_and(|action| !action.allowed(roles)) {
            return 404;
        }
        match self.rule {
            Rule::Granted(action, status) if action.allowed(roles) => status,
            Rule::Granted(..) => 403,
            Rule::ByRole(status) => status(role),
            Rule::Same(status)
            | Rule::SignedIn(status)
            | Rule::Belongs(status)
            | Rule::Reads(status)
            | Rule::Active(status) => status,
        }
    }
}

fn case(method: &'static str, path: &'static str, fixture: Fixture, rule: Rule) -> Case {
    Case { method, path, fixture, seen_by: None, rule, body: None }
}

impl Case {
    fn seen_by(mut self, action: Action) -> Self {
        self.seen_by = Some(action);
        self
    }

    fn body(mut self, body: fn(&Stage, Who) -> Value) -> Self {
        self.body = Some(body);
        self
    }
}

const OF_ORGANIZATION: &str = "organizationId={organization}";

fn empty(_: &Stage, _: Who) -> Value {
    json!({})
}

fn reason(_: &Stage, _: Who) -> Value {
    json!({"reason": "Décision du bureau"})
}

/// A fact of another system, another each time.
fn paid(_: &Stage, _: Who) -> Value {
    let id = unionflow_testkit::Person::fresh_key();
    json!({"eventId": id, "eventType": "CONTRIBUTION_PAID", "data": {"amount": 73_519, "currency": "XOF"}})
}

fn here(stage: &Stage, _: Who) -> Value {
    json!({"organizationId": stage.organization()})
}

pub(crate) fn all() -> Vec<Case> {
    let mut cases = people();
    cases.extend(organizations());
    cases.extend(service_keys());
    cases.extend(members());
    cases.extend(finance());
    cases.extend(inbox_and_figures());
    for case in &cases {
        assert!(!case.path.contains('?') || case.path.ends_with(OF_ORGANIZATION), "{}", case.path);
    }
    cases
}

fn people() -> Vec<Case> {
    use Fixture::Nothing;
    let wrong_login = |_: &Stage, who: Who| json!({"login": format!("{who:?}@nulle.test").to_lowercase(), "password": "mauvais-mot-de-passe"});
    vec![
        case("POST", "/auth/login", Nothing, Rule::Same(401)).body(wrong_login),
        case("POST", "/auth/refresh", Nothing, Rule::Same(401)).body(empty),
        case("POST", "/auth/logout", Nothing, Rule::Same(204))
            .body(|_, _| json!({"refreshToken": "pas-un-jeton"})),
        case("POST", "/auth/activate", Nothing, Rule::Same(404))
            .body(|_, _| json!({"code": "AAAA-BBBB-CCCC"})),
        case("POST", "/auth/reset", Nothing, Rule::Same(404))
            .body(|_, _| json!({"code": "AAAA-BBBB-CCCC", "password": "une-phrase-que-nul-ne-devine"})),
        case("POST", "/setup", Nothing, Rule::Same(404)).body(|_, _| {
            let founder = json!({"givenName": "A", "familyName": "B", "login": "a@b.test", "password": "x"});
            json!({"code": "AAAA-BBBB-CCCC", "name": "Autre", "president": founder})
        }),
        case("GET", "/me", Nothing, Rule::SignedIn(200)),
        case("PATCH", "/me", Nothing, Rule::SignedIn(200)).body(|_, _| json!({"language": "fr"})),
        case("PUT", "/me/password", Nothing, Rule::SignedIn(403)).body(
            |_, _| json!({"currentPassword": "pas-le-bon", "newPassword": "une-phrase-que-nul-ne-devine"}),
        ),
        case("GET", "/me/sessions", Nothing, Rule::SignedIn(200)),
        case("DELETE", "/me/sessions", Nothing, Rule::SignedIn(204)),
        case("DELETE", "/me/sessions/{id}", Fixture::SignInOfAnother, Rule::SignedIn(404)),
        case("POST", "/realtime/tickets", Nothing, Rule::SignedIn(201)).body(empty),
        case("POST", "/realtime/test-events", Nothing, Rule::Active(201)).body(here),
    ]
}

fn organizations() -> Vec<Case> {
    use Fixture::{Nothing, Organization};
    vec![
        case("GET", "/organizations", Nothing, Rule::SignedIn(200)),
        case("POST", "/organizations", Nothing, Rule::SignedIn(403)).body(|_, _| {
            json!({"name": "Autre", "currency": "XOF", "founder": {"givenName": "A", "familyName": "B"}})
        }),
        case("GET", "/organizations/{id}", Organization, Rule::Belongs(200)),
        case("PATCH", "/organizations/{id}", Organization, Rule::Granted(Action::ChangeSettings, 200))
            .body(|_, who| json!({"name": format!("Mutuelle Zibeline {who:?}").replace(['(', ')'], " ")})),
        case("PATCH", "/organizations/{id}", Organization, Rule::Granted(Action::OpenToMembers, 200))
            .body(|_, _| json!({"amountsOpenToMembers": false})),
        case("PATCH", "/organizations/{id}", Organization, Rule::Granted(Action::OpenToMembers, 200))
            .body(|_, _| json!({"directoryOpenToMembers": false})),
        case("GET", "/organizations/{id}/approval-policy", Organization, Rule::Active(200)),
        case(
            "PUT",
            "/organizations/{id}/approval-policy",
            Organization,
            Rule::Granted(Action::AskGovernance, 202),
        )
        .body(|stage, _| stage.policy()),
        case("GET", "/organizations/{id}/events", Organization, Rule::Granted(Action::ReadJournal, 200)),
        // Whoever they are: another system does this.
        case("POST", "/organizations/{id}/events", Organization, Rule::SignedIn(403)).body(paid),
    ]
}

fn service_keys() -> Vec<Case> {
    use Fixture::{Organization, ServiceKey};
    let settings = |status| Rule::Granted(Action::ChangeSettings, status);
    let of = "/organizations/{id}/service-keys";
    vec![
        case("GET", of, Organization, settings(200)),
        case("POST", of, Organization, settings(201))
            .body(|_, _| json!({"name": "Site Zibeline", "scopes": ["read:members", "declare-payments"]})),
        case("POST", of, Organization, Rule::Granted(Action::OpenMoneyToKeys, 201))
            .body(|_, _| json!({"name": "Compta Zibeline", "scopes": ["read:money"]})),
        case("DELETE", "/organizations/{organization}/service-keys/{id}", ServiceKey, settings(200))
            .body(empty),
    ]
}

fn members() -> Vec<Case> {
    use Fixture::{Applicant, Nothing, Officer, PlainMember, Resettable, SuspendedMember};
    let directory = Action::SeeDirectory;
    let keep = |status| Rule::Granted(Action::KeepMembers, status);
    let mut cases = vec![
        case(
            "GET",
            "/members?organizationId={organization}",
            Nothing,
            Rule::Granted(Action::SeeDirectory, 200),
        ),
        case("POST", "/members", Nothing, keep(201)).body(|stage, _| {
            json!({"organizationId": stage.organization(), "givenName": "Zibeline", "familyName": "Ajoutée"})
        }),
        case("POST", "/members/imports?organizationId={organization}", Nothing, keep(200))
            .body(|_, who| Value::String(format!("Nom;Prénom;Numéro adhérent\r\nZibeline;Importée;Z-{}\r\n", who.name()))),
        case("GET", "/members/{id}", PlainMember, Rule::Reads(200)).seen_by(directory),
        case("PATCH", "/members/{id}", PlainMember, keep(200))
            .seen_by(directory)
            .body(|_, _| json!({"givenName": "Zibeline", "phone": "+2250708123456"})),
        case("POST", "/members/{id}/admit", Applicant, keep(200)).seen_by(directory).body(empty),
        case("POST", "/members/{id}/refuse", Applicant, keep(200)).seen_by(directory).body(reason),
        case("POST", "/members/{id}/suspend", PlainMember, keep(200)).seen_by(directory).body(reason),
        case("POST", "/members/{id}/reinstate", SuspendedMember, keep(200)).seen_by(directory).body(empty),
        case("POST", "/members/{id}/leave", PlainMember, keep(200)).seen_by(directory).body(reason),
        case("POST", "/members/{id}/invite", PlainMember, keep(200)).seen_by(directory).body(empty),
        case("POST", "/members/{id}/reset", Resettable, Rule::Granted(Action::ResetMember, 200))
            .seen_by(directory)
            .body(reason),
    ];
    // Of somebody who holds an office, others decide.
    for verb in ["/members/{id}/suspend", "/members/{id}/leave"] {
        cases.push(case("POST", verb, Officer, keep(202)).seen_by(directory).body(reason));
    }
    cases.push(
        case("POST", "/members/{id}/reset", Officer, Rule::Granted(Action::ResetMember, 202))
            .seen_by(directory)
            .body(reason),
    );
    for (method, path) in
        [("PUT", "/members/{id}/roles/TREASURER"), ("DELETE", "/members/{id}/roles/AUDITOR")]
    {
        let ask = Rule::Granted(Action::AskGovernance, 202);
        cases.push(case(method, path, Officer, ask).seen_by(directory).body(reason));
    }
    cases
}

fn request(stage: &Stage, kind: &str, beneficiary: &Value) -> Value {
    json!({
        "organizationId": stage.organization(), "transactionType": kind, "amount": 73_519, "currency": "XOF",
        "purpose": "Zibeline confidentielle", "details": {"beneficiaryMemberId": beneficiary}
    })
}

fn finance() -> Vec<Case> {
    use Fixture::{Account, Approved, Nothing, Pending, Voted};
    let seen = Action::SeeApprovals;
    let voters = |role| match role {
        Role::President | Role::Secretary | Role::BoardMember => 200,
        _ => 403,
    };
    let maker = |role| if role == Role::Treasurer { 200 } else { 403 };
    vec![
        case("GET", "/finance/approvals?organizationId={organization}", Nothing, Rule::Belongs(200)),
        case("POST", "/finance/approvals", Nothing, Rule::Granted(Action::SubmitApproval, 201))
            .body(|stage, _| request(stage, "EXPENSE", &Value::Null)),
        case("POST", "/finance/approvals", Nothing, Rule::ByRole(asks_for_aid))
            .body(|stage, who| request(stage, "AID", &stage.own_or_some_member(who))),
        case("GET", "/finance/approvals/{id}", Pending, Rule::Reads(200)).seen_by(seen),
        case("PATCH", "/finance/approvals/{id}", Pending, Rule::ByRole(maker))
            .seen_by(seen)
            .body(|_, _| json!({"amount": 73_518})),
        case("POST", "/finance/approvals/{id}/approve", Pending, Rule::ByRole(voters))
            .seen_by(seen)
            .body(|_, _| json!({"comment": "Zibeline d'accord"})),
        case("POST", "/finance/approvals/{id}/reject", Pending, Rule::ByRole(voters))
            .seen_by(seen)
            .body(reason),
        case(
            "POST",
            "/finance/approvals/{id}/withdraw",
            Voted,
            Rule::ByRole(|role| if role == Role::Secretary { 200 } else { 409 }),
        )
        .seen_by(seen)
        .body(empty),
        case("POST", "/finance/approvals/{id}/cancel", Pending, Rule::ByRole(maker))
            .seen_by(seen)
            .body(empty),
        case("POST", "/finance/approvals/{id}/execute", Approved, Rule::Granted(Action::Execute, 200))
            .seen_by(seen)
            .body(empty),
        case(
            "GET",
            "/finance/accounts?organizationId={organization}",
            Nothing,
            Rule::Granted(Action::SeeMoney, 200),
        ),
        case("GET", "/finance/accounts/{id}/entries", Account, Rule::Active(200)).seen_by(Action::SeeMoney),
    ]
}

/// Whoever may submit asks for anybody; a plain member for himself.
fn asks_for_aid(role: Role) -> u16 {
    use unionflow_domain::permissions::Grant;
    match Action::SubmitApproval.grant(RoleSet::of(&[Role::Member, role])) {
        Grant::Yes | Grant::Own => 201,
        Grant::BySetting | Grant::No => 403,
    }
}

fn inbox_and_figures() -> Vec<Case> {
    use Fixture::Nothing;
    vec![
        case("GET", "/notifications?organizationId={organization}", Nothing, Rule::Belongs(200)),
        case("POST", "/notifications/read", Nothing, Rule::Active(200))
            .body(|stage, _| json!({"organizationId": stage.organization(), "upTo": 1})),
        case("POST", "/notifications/broadcast", Nothing, Rule::Granted(Action::Broadcast, 201)).body(
            |stage, _| json!({"organizationId": stage.organization(), "message": "Zibeline : réunion samedi"}),
        ),
        case("GET", "/dashboard/stats?organizationId={organization}", Nothing, Rule::Active(200)),
        case("GET", "/dashboard/kpis?organizationId={organization}", Nothing, Rule::Active(200)),
    ]
}
