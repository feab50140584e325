//! The demonstration: two made-up organisations with two years behind them, and activity from now on.

mod cast;
mod follow;
mod history;
mod life;
mod telling;

use std::{collections::BTreeMap, sync::Arc};

use serde::{Serialize, de::DeserializeOwned};
use unionflow_domain::contact::LoginName;
use unionflow_protocol::{
    Language, Role,
    account::AccountKind,
    id::{AccountId, MemberId, OrganizationId, PersonId, SignInId},
};
use unionflow_service::{Call, Caller, Service};
use unionflow_storage::{Reader, Tx, Undo};

pub(crate) use cast::{Cast, Troupe};
pub(crate) use follow::follow;
pub(crate) use history::write_history;
pub(crate) use life::live;

/// What is on a store, beside what the demonstration would put there.
pub(crate) enum Found {
    /// Nothing yet.
    Empty,
    /// This demonstration.
    Demo(Vec<Stage>),
    /// This demonstration, cut off while it was made.
    Unfinished,
    /// Something else.
    Foreign,
}

/// An organisation of the demonstration on a store, and the people who act in it.
#[derive(Clone)]
pub(crate) struct Stage {
    service: Service,
    pub(crate) organization: OrganizationId,
    pub(crate) name: String,
    hands: Vec<Hand>,
    accounts: BTreeMap<AccountKind, AccountId>,
}

/// Somebody who acts.
#[derive(Debug, Clone)]
struct Hand {
    role: Role,
    listed: bool,
    person: PersonId,
    member: MemberId,
}

/// The line of `--json`.
#[derive(Serialize)]
pub(crate) struct Line {
    url: String,
    organizations: Vec<ListedOrganization>,
}

#[derive(Serialize)]
struct ListedOrganization {
    id: OrganizationId,
    name: String,
    accounts: Vec<ListedAccount>,
}

#[derive(Serialize)]
struct ListedAccount {
    role: Role,
    name: String,
    login: String,
    password: String,
}

impl Line {
    pub(crate) fn new(url: String, cast: &Cast, stages: &[Stage]) -> Self {
        let organizations = cast.troupes.iter().zip(stages).map(|(troupe, stage)| ListedOrganization {
            id: stage.organization,
            name: stage.name.clone(),
            accounts: troupe
                .listed()
                .map(|actor| ListedAccount {
                    role: actor.role,
                    name: actor.name(),
                    login: actor.login.clone(),
                    password: actor.password.clone(),
                })
                .collect(),
        });
        Self { url, organizations: organizations.collect() }
    }
}

/// Looks for the demonstration of this cast on a store.
pub(crate) async fn find(service: &Service, cast: &Cast) -> Result<Found, Undo> {
    let organizations = service.read(|reader| Ok(reader.load_organizations()?)).await?;
    if organizations.is_empty() {
        return Ok(Found::Empty);
    }
    let mut stages = Vec::new();
    for troupe in &cast.troupes {
        let Some(found) = organizations.iter().find(|found| found.settings.name.starts_with(&troupe.name))
        else {
            return Ok(Found::Foreign);
        };
        if found.settings.name.ends_with(cast::UNFINISHED) {
            return Ok(Found::Unfinished);
        }
        match Stage::enter(service, found.id, troupe).await? {
            Some(stage) => stages.push(stage),
            None => return Ok(Found::Foreign),
        }
    }
    Ok(Found::Demo(stages))
}

impl Stage {
    /// Finds the cast in an organisation. `None` where somebody of it is not there.
    async fn enter(
        service: &Service,
        organization: OrganizationId,
        troupe: &Troupe,
    ) -> Result<Option<Self>, Undo> {
        let country = service.settings().country;
        let logins: Vec<_> = troupe
            .actors
            .iter()
            .map(|actor| (actor.role, actor.listed, LoginName::parse(&actor.login, country)))
            .collect();
        let name = troupe.name.clone();
        let found = service
            .read(move |reader| {
                let mut hands = Vec::new();
                for (role, listed, login) in logins {
                    match hand(reader, organization, login.as_ref())? {
                        Some((person, member)) => hands.push(Hand { role, listed, person, member }),
                        None => return Ok(None),
                    }
                }
                let chart = reader.load_chart(organization)?;
                let accounts = chart.accounts().iter().map(|account| (account.kind, account.id)).collect();
                Ok(Some((hands, accounts)))
            })
            .await?;
        Ok(found.map(|(hands, accounts)| Self {
            service: service.clone(),
            organization,
            name,
            hands,
            accounts,
        }))
    }

    /// Who signs in with this role.
    fn listed(&self, role: Role) -> &Hand {
        self.hands
            .iter()
            .find(|hand| hand.listed && hand.role == role)
            .unwrap_or_else(|| unreachable!("the cast has one listed actor per role"))
    }

    /// Those who act while nobody watches, so that a visitor's own account does nothing by itself.
    fn hidden(&self, role: Role) -> &Hand {
        self.hands
            .iter()
            .find(|hand| !hand.listed && hand.role == role)
            .unwrap_or_else(|| unreachable!("the cast has one hidden treasurer and one hidden board member"))
    }

    /// Runs a use case as somebody.
    async fn act<T: Serialize + DeserializeOwned + Send + 'static>(
        &self,
        person: PersonId,
        unit: impl FnOnce(&mut Tx<'_>, &Call) -> Result<T, Undo> + Send + 'static,
    ) -> Result<T, Undo> {
        let caller = Caller {
            person_id: person,
            sign_in_id: SignInId::from_uuid(person.uuid()),
            access_expires_at: unionflow_protocol::Timestamp::from_millis(i64::MAX),
            language: Language::French,
            trace_parent: None,
        };
        let call = Call { caller, key: None, if_match: None };
        let done = self.service.command(self.organization, call, unit).await?;
        done.answer.map_err(Into::into)
    }
}

fn hand(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
    login: Option<&LoginName>,
) -> Result<Option<(PersonId, MemberId)>, Undo> {
    let Some(login) = login else { return Ok(None) };
    let Some(person) = reader.load_person_by_login(login)? else { return Ok(None) };
    let member = reader.load_membership(person.id, organization)?;
    Ok(member.map(|member| (person.id, member.id)))
}

/// The clock of the history: told nothing, it is the system's.
pub(crate) fn clock() -> Arc<unionflow_storage::ScriptedClock> {
    Arc::default()
}
