//! `unionflow verify`

use super::{Environment, Failure, beside, block_on};
use crate::cli::InOrganization;
use crate::out::outln;

pub(crate) fn run(environment: Environment, wanted: &InOrganization) -> Result<(), Failure> {
    block_on(async {
        let service = beside::open(&environment, false).await?;
        let chosen = match wanted.organization.as_deref() {
            Some(wanted) => Some(beside::organization(&environment, &service, Some(wanted)).await?),
            None => None,
        };
        let organizations = service.read(|reader| Ok(reader.load_organizations()?)).await;
        let mut broken = false;
        for organization in organizations.map_err(|undo| beside::failed(&environment, &undo))? {
            if chosen.is_some_and(|chosen| chosen != organization.id) {
                continue;
            }
            let id = organization.id;
            let verdict = service.read(move |reader| Ok(reader.verify_journal(id)?)).await;
            match verdict.map_err(|undo| beside::failed(&environment, &undo))? {
                Ok(entries) => outln!(
                    "✓ {}  {entries} {}",
                    organization.settings.name,
                    environment.say("entrées, l’enchaînement est intact", "entries, every link holds"),
                ),
                Err(fault) => {
                    broken = true;
                    outln!("✗ {}  {}", organization.settings.name, fault.text(environment.language));
                }
            }
        }
        if broken { Err(Failure::FoundFaults) } else { Ok(()) }
    })
}
