//! `unionflow keys`: keys that organisations give to other systems, as the operator makes and ends them.

use serde::Serialize;
use unionflow_domain::service_key::Wanted;
use unionflow_protocol::{
    event::members::KeyScope,
    id::{OrganizationId, ServiceKeyId},
    limits,
    rest::service_key::{CreateServiceKey, ServiceKey},
};
use unionflow_service::{
    Service,
    service_key::{create::create_as_operator, list::page, revoke::revoke_as_operator},
};
use unionflow_storage::Scope;

use super::{Environment, Failure, beside, block_on};
use crate::cli::Keys;
use crate::out::outln;

pub(crate) fn run(environment: Environment, keys: Keys) -> Result<(), Failure> {
    block_on(async {
        let service = beside::open(&environment, false).await?;
        match keys {
            Keys::Create { name, scope, organization, json } => {
                let wanted = CreateServiceKey { name, scopes: scopes(&environment, &scope)? };
                create(&environment, &service, wanted, organization.as_deref(), json).await
            }
            Keys::List { organization, json } => {
                list(&environment, &service, organization.as_deref(), json).await
            }
            Keys::Revoke { key, json } => revoke(&environment, &service, &key, json).await,
        }
    })
}

fn scopes(environment: &Environment, texts: &[String]) -> Result<Vec<KeyScope>, Failure> {
    let read = |text: &String| {
        text.parse().map_err(|_| {
            let wrong = environment.say(
                "n’est pas une portée ; les portées sont read:members, read:money, declare-payments et inbound: suivi de \
                 types d’événements, comme inbound:CONTRIBUTION_PAID",
                "is not a scope; the scopes are read:members, read:money, declare-payments, and inbound: followed by types \
                 of events, such as inbound:CONTRIBUTION_PAID",
            );
            Failure::Usage(format!("--scope: `{text}` {wrong}"))
        })
    };
    texts.iter().map(read).collect()
}

async fn create(
    environment: &Environment,
    service: &Service,
    asked: CreateServiceKey,
    wanted: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    Wanted::parse(&asked).map_err(|refusal| beside::failed(environment, &refusal.into()))?;
    let organization = beside::organization(environment, service, wanted).await?;
    let made = service
        .store()
        .write(Scope::Organization(organization), move |tx| create_as_operator(tx, &asked))
        .await
        .map_err(|undo| beside::failed(environment, &undo))?;
    if json {
        return print(&made);
    }
    outln!("{}", made.secret.0);
    show(environment, &made.key);
    outln!(
        "{}",
        environment.say(
            "Montrée cette seule fois : donnez-la au système, et ne la gardez nulle part ailleurs.",
            "Shown this once: give it to the system, and keep it nowhere else."
        )
    );
    Ok(())
}

async fn list(
    environment: &Environment,
    service: &Service,
    wanted: Option<&str>,
    json: bool,
) -> Result<(), Failure> {
    let chosen = match wanted {
        Some(wanted) => Some(beside::organization(environment, service, Some(wanted)).await?),
        None => None,
    };
    let organizations = service.read(|reader| Ok(reader.load_organizations()?)).await;
    let mut all = Vec::new();
    for organization in organizations.map_err(|undo| beside::failed(environment, &undo))? {
        if chosen.is_some_and(|chosen| chosen != organization.id) {
            continue;
        }
        let keys = of(environment, service, organization.id).await?;
        if !json {
            outln!("{}  {}", organization.id, organization.settings.name);
            keys.iter().for_each(|key| show(environment, key));
        }
        all.extend(keys);
    }
    if json { print(&all) } else { Ok(()) }
}

async fn of(
    environment: &Environment,
    service: &Service,
    organization: OrganizationId,
) -> Result<Vec<ServiceKey>, Failure> {
    let mut keys: Vec<ServiceKey> = Vec::new();
    loop {
        let before = keys.last().map(|key| key.id);
        let next = service.read(move |reader| page(reader, organization, before, limits::PAGE_MAX)).await;
        let next = next.map_err(|undo| beside::failed(environment, &undo))?;
        keys.extend(next.items);
        if next.next_cursor.is_none() {
            return Ok(keys);
        }
    }
}

async fn revoke(environment: &Environment, service: &Service, text: &str, json: bool) -> Result<(), Failure> {
    let unknown = || {
        Failure::Other(
            environment
                .say(
                    "cette clé n’existe pas ; `unionflow keys list` les montre toutes",
                    "there is no such key; `unionflow keys list` shows them all",
                )
                .to_owned(),
        )
    };
    let id = read_id(text).ok_or_else(unknown)?;
    let found = service.read(move |reader| Ok(reader.load_service_key(id)?)).await;
    let found = found.map_err(|undo| beside::failed(environment, &undo))?;
    let (key, _) = found.ok_or_else(unknown)?;
    let revoked = service
        .store()
        .write(Scope::Organization(key.organization_id), move |tx| revoke_as_operator(tx, id))
        .await
        .map_err(|undo| beside::failed(environment, &undo))?;
    if json {
        return print(&revoked);
    }
    show(environment, &revoked);
    Ok(())
}

/// An id, as people see it or as it stands in a key: whoever finds a key that got astray has nothing else.
fn read_id(text: &str) -> Option<ServiceKeyId> {
    let key = text.strip_prefix("ufk_").map_or(text, |rest| rest.split('_').next().unwrap_or(rest));
    key.parse().ok()
}

fn show(environment: &Environment, key: &ServiceKey) {
    let scopes: Vec<String> = key.scopes.iter().map(KeyScope::to_string).collect();
    let state = match (key.revoked_at, key.last_used_at) {
        (Some(at), _) => format!("{} {at}", environment.say("révoquée le", "revoked on")),
        (None, Some(at)) => format!("{} {at}", environment.say("utilisée le", "used on")),
        (None, None) => environment.say("pas encore utilisée", "not used yet").to_owned(),
    };
    outln!("  {}  {}  {}  {state}", key.id, key.name, scopes.join(" "));
}

fn print(value: &impl Serialize) -> Result<(), Failure> {
    let line = serde_json::to_string(value).map_err(|error| Failure::Other(error.to_string()))?;
    outln!("{line}");
    Ok(())
}
