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
            // What a broken journal tells is nothing to hold the tables against.
            let verdict = service.read(move |reader| {
                Ok(match reader.verify_journal(id)? {
                    Ok(entries) => Ok((entries, reader.verify_state(id)?)),
                    Err(fault) => Err(fault),
                })
            });
            let fault = match verdict.await.map_err(|undo| beside::failed(&environment, &undo))? {
                Ok((entries, None)) => {
                    outln!(
                        "✓ {}  {entries} {}",
                        organization.settings.name,
                        environment.say(
                            "entrées, l’enchaînement est intact ; soldes et chiffres sont ceux du journal",
                            "entries, every link holds; balances and figures are the journal’s"
                        ),
                    );
                    continue;
                }
                Ok((_, Some(difference))) => difference.text(environment.language),
                Err(fault) => fault.text(environment.language),
            };
            broken = true;
            outln!("✗ {}  {fault}", organization.settings.name);
        }
        if broken { Err(Failure::FoundFaults) } else { Ok(()) }
    })
}
