//! What works on the store beside a server, or without one.

use unionflow_protocol::id::OrganizationId;
use unionflow_service::Service;
use unionflow_storage::{Store, Undo};

use super::{Environment, Failure};
use crate::server::open_service;

/// Opens the store of a server that may be running.
pub(crate) fn open_store(environment: &Environment, create: bool) -> Result<Store, Failure> {
    let database = environment.settings.database().map_err(|fault| environment.usage(&fault))?;
    database.beside(create).map_err(|fault| environment.fault(&fault))
}

/// Opens the use cases on that store.
pub(crate) async fn open(environment: &Environment, create: bool) -> Result<Service, Failure> {
    let store = open_store(environment, create)?;
    let address = environment.settings.listen.parse().map_err(|_| Failure::Usage("listen".to_owned()))?;
    open_service(store, &environment.settings, address).await.map_err(|undo| failed(environment, &undo))
}

/// What a command says when the rules or the store refuse: every fault, in the language asked for.
pub(crate) fn failed(environment: &Environment, undo: &Undo) -> Failure {
    match undo {
        Undo::Fault(fault) => environment.fault(fault),
        Undo::Refused(refusal) => {
            let mut text = refusal.code.title(environment.language).to_owned();
            if let Some(detail) = refusal.detail {
                text.push_str(&format!(" {}", detail.text(environment.language)));
            }
            for fault in &refusal.faults {
                text.push_str(&format!(
                    "\n  {}{}{}",
                    fault.pointer.trim_start_matches('/'),
                    environment.say(" : ", ": "),
                    fault.hint.text(environment.language)
                ));
            }
            Failure::Other(text)
        }
    }
}

/// The organisation meant: by its id, by a part of its name, or the only one.
pub(crate) async fn organization(
    environment: &Environment,
    service: &Service,
    wanted: Option<&str>,
) -> Result<OrganizationId, Failure> {
    let all = service
        .read(|reader| Ok(reader.load_organizations()?))
        .await
        .map_err(|undo| failed(environment, &undo))?;
    let folded = wanted.map(unionflow_domain::contact::fold);
    let matching: Vec<_> = all
        .iter()
        .filter(|organization| match (wanted, &folded) {
            (Some(wanted), Some(folded)) => {
                organization.id.to_string() == wanted
                    || unionflow_domain::contact::fold(&organization.settings.name).contains(folded.as_str())
            }
            _ => true,
        })
        .collect();
    if let [only] = matching.as_slice() {
        return Ok(only.id);
    }
    let mut text = match (matching.is_empty(), all.is_empty()) {
        (_, true) => environment.say(
            "il n’y a pas encore d’organisation : fondez-la avec `unionflow setup`",
            "there is no organisation yet: found it with `unionflow setup`",
        ),
        (true, _) => environment.say(
            "--organization : aucune organisation ne correspond",
            "--organization: no organisation matches",
        ),
        (false, _) => environment.say("--organization : dites laquelle", "--organization: say which"),
    }
    .to_owned();
    for organization in &all {
        text.push_str(&format!("\n  {}  {}", organization.id, organization.settings.name));
    }
    Err(Failure::Usage(text))
}
