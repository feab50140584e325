//! `unionflow user`: what the operator does beside the rules, journaled and announced to all.

use unionflow_domain::{
    contact::{Country, LoginName},
    member::MemberNumber,
};
use unionflow_protocol::{Role, id::OrganizationId, problem::ErrorCode};
use unionflow_service::{
    Service,
    operator::{self, User as Found},
};
use unionflow_storage::Scope;

use super::{Environment, Failure, beside, block_on};
use crate::cli::User;
use crate::out::outln;

pub(crate) fn run(environment: Environment, user: User) -> Result<(), Failure> {
    block_on(async {
        let service = beside::open(&environment, false).await?;
        match user {
            User::List(wanted) => list(&environment, &service, wanted.organization.as_deref()).await,
            User::Show { login } => show(&environment, &service, &login).await,
            User::Role { login, role, organization, revoke } => {
                set_role(&environment, &service, &login, &role, organization.as_deref(), !revoke).await
            }
            User::Reset { login } => reset(&environment, &service, &login).await,
            User::Disable { login } => set_disabled(&environment, &service, &login, true).await,
            User::Enable { login } => set_disabled(&environment, &service, &login, false).await,
            User::Release { login } => release(&environment, &service, &login).await,
            User::Link { login, organization, member_number } => {
                link(&environment, &service, &login, organization.as_deref(), &member_number).await
            }
        }
    })
}

/// The person with this login, or with this member number if only one has it.
async fn find(environment: &Environment, service: &Service, whom: &str) -> Result<Found, Failure> {
    let login = login(environment, whom);
    let number = MemberNumber::parse("", whom).ok();
    let found = service.read(move |reader| {
        if let Some(user) = login.map(|login| operator::find(reader, &login)).transpose()?.flatten() {
            return Ok(vec![user]);
        }
        number.map_or(Ok(Vec::new()), |number| operator::find_by_number(reader, &number))
    });
    let mut found = found.await.map_err(|undo| beside::failed(environment, &undo))?;
    match (found.pop(), found.is_empty()) {
        (Some(user), true) => Ok(user),
        (Some(_), false) => Err(Failure::Other(format!(
            "`{whom}`{}{}",
            environment.say(" : ", ": "),
            environment.say(
                "plusieurs organisations ont ce numéro ; donnez un téléphone ou un e-mail de `unionflow user list`",
                "several organisations have this number; give a phone or an e-mail of `unionflow user list`"
            )
        ))),
        (None, _) => Err(Failure::Other(format!(
            "`{whom}`{}{}",
            environment.say(" : ", ": "),
            environment.say(
                "personne n’a de compte avec ce téléphone, cet e-mail ou ce numéro ; `unionflow user list` les montre",
                "nobody has an account with this phone, e-mail or number; `unionflow user list` shows them"
            )
        ))),
    }
}

fn login(environment: &Environment, text: &str) -> Option<LoginName> {
    LoginName::parse(text, environment.settings.country.parse().unwrap_or(Country::CI))
}

async fn list(environment: &Environment, service: &Service, wanted: Option<&str>) -> Result<(), Failure> {
    let organizations = service.read(|reader| Ok(reader.load_organizations()?)).await;
    let chosen = match wanted {
        Some(wanted) => Some(beside::organization(environment, service, Some(wanted)).await?),
        None => None,
    };
    for organization in organizations.map_err(|undo| beside::failed(environment, &undo))? {
        let id = organization.id;
        if chosen.is_some_and(|chosen| chosen != id) {
            continue;
        }
        outln!("{}  {}", id, organization.settings.name);
        let members = service.read(move |reader| operator::list(reader, id)).await;
        for (member, logins) in members.map_err(|undo| beside::failed(environment, &undo))? {
            let roles: Vec<&str> = member.effective_roles().iter().map(Role::as_str).collect();
            outln!(
                "  {:>6}  {} {}  {}  {}",
                member.number.as_str(),
                member.name.given,
                member.name.family,
                roles.join(", "),
                logins.join(", ")
            );
        }
    }
    Ok(())
}

async fn show(environment: &Environment, service: &Service, login: &str) -> Result<(), Failure> {
    let user = find(environment, service, login).await?;
    outln!("{}  {}", user.person_id, user.logins.join(", "));
    if user.disabled {
        outln!("  {}", environment.say("compte désactivé", "account disabled"));
    }
    for member in user.memberships {
        let roles: Vec<&str> = member.effective_roles().iter().map(Role::as_str).collect();
        outln!(
            "  {}  {}  {}  {}",
            member.organization_id,
            member.number.as_str(),
            member.status,
            roles.join(", ")
        );
    }
    Ok(())
}

/// The person's membership in the organisation meant, or the only one.
async fn membership(
    environment: &Environment,
    service: &Service,
    user: &Found,
    wanted: Option<&str>,
) -> Result<(OrganizationId, unionflow_protocol::id::MemberId), Failure> {
    let organization = match (wanted, user.memberships.as_slice()) {
        (None, [only]) => only.organization_id,
        (None, []) => {
            let text = environment.say(
                "cette personne n’appartient à aucune organisation",
                "this person belongs to no organisation",
            );
            return Err(Failure::Other(text.to_owned()));
        }
        (wanted, _) => beside::organization(environment, service, wanted).await?,
    };
    let member = user.memberships.iter().find(|member| member.organization_id == organization);
    member.map(|member| (organization, member.id)).ok_or_else(|| {
        let text = environment.say(
            "cette personne n’appartient pas à cette organisation",
            "this person does not belong to this organisation",
        );
        Failure::Other(text.to_owned())
    })
}

async fn set_role(
    environment: &Environment,
    service: &Service,
    login: &str,
    role: &str,
    wanted: Option<&str>,
    grant: bool,
) -> Result<(), Failure> {
    let role: Role = role.to_uppercase().parse().map_err(|_| {
        let offices = Role::ALL.iter().filter(|role| **role != Role::Member);
        let known: Vec<&str> = offices.map(|role| role.as_str()).collect();
        let wrong = environment.say("n’est pas un rôle ; les rôles sont", "is not a role; the roles are");
        Failure::Usage(format!("`{role}` {wrong} {}", known.join(", ")))
    })?;
    let user = find(environment, service, login).await?;
    let (organization, member) = membership(environment, service, &user, wanted).await?;
    let changed = service
        .store()
        .write(Scope::Organization(organization), move |tx| operator::set_role(tx, member, role, grant))
        .await
        .map_err(|undo| beside::failed(environment, &undo))?;
    let roles: Vec<&str> = changed.effective_roles().iter().map(Role::as_str).collect();
    let colon = environment.say(" : ", ": ");
    outln!("{} {}{colon}{}", changed.name.given, changed.name.family, roles.join(", "));
    Ok(())
}

async fn reset(environment: &Environment, service: &Service, login: &str) -> Result<(), Failure> {
    let user = find(environment, service, login).await?;
    let Some(first) = user.memberships.first() else {
        let text = environment.say(
            "cette personne n’appartient à aucune organisation",
            "this person belongs to no organisation",
        );
        return Err(Failure::Other(text.to_owned()));
    };
    let (organization, member) = (first.organization_id, first.id);
    let url = service.settings().public_url.clone();
    let code = service
        .store()
        .write(Scope::Organization(organization), move |tx| operator::reset(tx, member, &url))
        .await
        .map_err(|undo| beside::failed(environment, &undo))?;
    outln!(
        "{}\n{}\n{} {}",
        code.code.0,
        code.link.0,
        environment.say("valable jusqu’au", "valid until"),
        code.expires_at
    );
    Ok(())
}

async fn set_disabled(
    environment: &Environment,
    service: &Service,
    login: &str,
    disabled: bool,
) -> Result<(), Failure> {
    let user = find(environment, service, login).await?;
    let person = user.person_id;
    service
        .store()
        .write(Scope::Server, move |tx| operator::set_disabled(tx, person, disabled))
        .await
        .map_err(|undo| beside::failed(environment, &undo))?;
    let done = if disabled {
        environment.say(
            "compte désactivé ; ses sessions se terminent en quelques secondes",
            "account disabled; its sessions end within seconds",
        )
    } else {
        environment.say("compte réactivé", "account enabled")
    };
    outln!("{}{}{done}", user.logins.join(", "), environment.say(" : ", ": "));
    Ok(())
}

async fn release(environment: &Environment, service: &Service, text: &str) -> Result<(), Failure> {
    let user = find(environment, service, text).await?;
    let Some(name) = login(environment, text) else {
        let say = environment.say("n’est ni un téléphone ni un e-mail", "is neither a phone nor an e-mail");
        return Err(Failure::Usage(format!("`{text}` {say}")));
    };
    let person = user.person_id;
    let left = service.store().write(Scope::Server, move |tx| operator::release(tx, person, &name)).await;
    let left = left.map_err(|undo| beside::failed(environment, &undo))?;
    let names: Vec<&str> = left.iter().map(LoginName::as_str).collect();
    match names.is_empty() {
        true => outln!(
            "{}",
            environment.say(
                "libre ; ce compte n’a plus d’identifiant et ne peut plus se connecter",
                "free; that account has no login any more, and cannot sign in"
            )
        ),
        false => outln!("{} {}", environment.say("libre ; il reste", "free; left are"), names.join(", ")),
    }
    Ok(())
}

async fn link(
    environment: &Environment,
    service: &Service,
    login: &str,
    wanted: Option<&str>,
    number: &str,
) -> Result<(), Failure> {
    let user = find(environment, service, login).await?;
    let organization = beside::organization(environment, service, wanted).await?;
    let number = MemberNumber::parse("member-number", number).map_err(|fault| {
        Failure::Usage(format!("--member-number: {}", fault.hint.text(environment.language)))
    })?;
    if let Some(member) = user.memberships.iter().find(|member| member.organization_id == organization) {
        let (already, number) = (
            environment.say(
                "Cette personne est déjà membre de cette organisation (n°",
                "This person is already a member of this organisation (no.",
            ),
            member.number.as_str(),
        );
        return Err(Failure::Other(format!("{already} {number})")));
    }
    let person = user.person_id;
    let linked = service.store().write(Scope::Organization(organization), move |tx| {
        let member = tx.load_member_by_number(organization, &number)?;
        let member = member.ok_or(ErrorCode::NotFound)?;
        operator::link(tx, member.id, person)
    });
    let member = linked.await.map_err(|undo| beside::failed(environment, &undo))?;
    let colon = environment.say(" : ", ": ");
    outln!("{} {}{colon}{}", member.name.given, member.name.family, user.logins.join(", "));
    Ok(())
}
