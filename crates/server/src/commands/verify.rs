//! `unionflow verify`

use unionflow_domain::organization::Organization;
use unionflow_service::{
    Service,
    checkpoints::{Held, OtherEpoch, Signed},
};

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
        // Read first: what is signed meanwhile is no concern of this run.
        let signed = checkpoints(&environment, &service).await;
        let organizations = service.read(|reader| Ok(reader.load_organizations()?)).await;
        let mut broken = false;
        for organization in organizations.map_err(|undo| beside::failed(&environment, &undo))? {
            if chosen.is_some_and(|chosen| chosen != organization.id) {
                continue;
            }
            let fault = match verify(&environment, &service, &organization).await? {
                Some(fault) => Some(fault),
                None => match &signed {
                    Ok(Some(signed)) => hold(&environment, &service, signed, &organization).await?,
                    _ => None,
                },
            };
            if let Some(fault) = fault {
                broken = true;
                outln!("✗ {}  {fault}", organization.settings.name);
            }
        }
        if let Some(signed) = signed? {
            broken |= chosen.is_none() && misses_any(&environment, &service, &signed).await?;
            for (kid, public) in signed.public_keys() {
                outln!("  {} {kid}  ed25519  {public}", environment.say("clé", "key"));
            }
        }
        if broken { Err(Failure::FoundFaults) } else { Ok(()) }
    })
}

/// Walks a journal and holds the tables against it; what is wrong.
async fn verify(
    environment: &Environment,
    service: &Service,
    organization: &Organization,
) -> Result<Option<String>, Failure> {
    let id = organization.id;
    // What a broken journal tells is nothing to hold the tables against.
    let verdict = service.read(move |reader| {
        Ok(match reader.verify_journal(id)? {
            Ok(entries) => Ok((entries, reader.verify_state(id)?)),
            Err(fault) => Err(fault),
        })
    });
    match verdict.await.map_err(|undo| beside::failed(environment, &undo))? {
        Ok((entries, None)) => {
            outln!(
                "✓ {}  {entries} {}",
                organization.settings.name,
                environment.say(
                    "entrées, l’enchaînement est intact ; soldes et chiffres sont ceux du journal",
                    "entries, every link holds; balances and figures are the journal’s"
                ),
            );
            Ok(None)
        }
        Ok((_, Some(difference))) => Ok(Some(difference.text(environment.language))),
        Err(fault) => Ok(Some(fault.text(environment.language))),
    }
}

/// Holds a journal against the heads that were signed; what is wrong.
async fn hold(
    environment: &Environment,
    service: &Service,
    signed: &Signed,
    organization: &Organization,
) -> Result<Option<String>, Failure> {
    let held = service.held(signed, organization.id).await;
    match held.map_err(|undo| beside::failed(environment, &undo))? {
        Held::Contradicts(seq) => {
            return Ok(Some(format!(
                "{} {seq}{}",
                environment.say("la tête signée à l’entrée", "the head that was signed at entry"),
                environment.say(
                    " n’est plus dans le journal : il a été réécrit, ou raccourci",
                    " is not in the journal any more: it was rewritten, or cut off"
                ),
            )));
        }
        Held::Holds(seq) => outln!(
            "  {} {seq}",
            environment.say("le journal contient la tête signée", "the journal holds the signed head")
        ),
        Held::Unsigned => {
            outln!(
                "  {}",
                environment.say(
                    "aucune tête signée de cette époque sur Kafka",
                    "no signed head of this epoch on Kafka"
                )
            );
        }
    }
    let others = service.of_other_epochs(signed, organization.id).await;
    for other in others.map_err(|undo| beside::failed(environment, &undo))? {
        outln!("! {}  {}", organization.settings.name, of_another_epoch(environment, &other));
    }
    let forged = signed.forged(organization.id);
    Ok((forged > 0).then(|| {
        format!(
            "{forged} {}",
            environment.say(
                "tête(s) sur Kafka sans signature de ces données : quelqu’un les a écrites, ou les clés ont été remplacées",
                "head(s) on Kafka without a signature of this store: somebody wrote them, or the keys were replaced"
            )
        )
    }))
}

/// What heads of another epoch tell: no fault where somebody restored a backup, and to be looked into where nobody did.
fn of_another_epoch(environment: &Environment, other: &OtherEpoch) -> String {
    let OtherEpoch { epoch, signed, forged, .. } = other;
    let (all, here) = (
        environment.say("tête(s) sur Kafka d’une autre époque", "head(s) on Kafka of another epoch"),
        environment.say("que le journal contient jusqu’à l’entrée", "which the journal holds up to entry"),
    );
    let mut text = format!("{} {all}, {epoch}", *signed as u64 + forged);
    if let Some(holds) = other.holds {
        text.push_str(&format!(", {here} {holds}"));
    }
    if let Some(lacks) = other.lacks {
        let not = environment.say("sans celle de l’entrée", "without the one of entry");
        text.push_str(&format!(", {not} {lacks}"));
    }
    if *forged > 0 {
        let unsigned = environment.say("sans signature de ces données", "without a signature of this store");
        text.push_str(&format!(", {forged} {unsigned}"));
    }
    text.push_str(environment.say(
        " : une restauration ouvre une époque nouvelle ; si personne n’a restauré, quelqu’un a changé l’époque",
        ": a restore begins a new epoch; if nobody restored, somebody changed the epoch",
    ));
    text
}

/// Tells of organisations that have heads and are not in the store. Whether one of them has a head of this epoch: no restore
/// explains it.
async fn misses_any(environment: &Environment, service: &Service, signed: &Signed) -> Result<bool, Failure> {
    let mut misses = false;
    let gone = service.gone(signed).await;
    for gone in gone.map_err(|undo| beside::failed(environment, &undo))? {
        let is_of_now = gone.epoch == signed.epoch();
        misses |= is_of_now;
        let what = match is_of_now {
            true => environment.say(
                "a une tête signée et n’est plus dans ces données : on l’a supprimée ; dernière entrée signée",
                "has a signed head and is not in this store any more: it was deleted; newest entry signed",
            ),
            false => environment.say(
                "a une tête signée d’une autre époque et n’est pas dans ces données : une restauration l’a défaite, ou on l’a supprimée ; dernière entrée signée",
                "has a signed head of another epoch and is not in this store: a restore undid it, or it was deleted; newest entry signed",
            ),
        };
        let mark = if is_of_now { '✗' } else { '!' };
        outln!("{mark} {}  {what} {}", gone.organization, gone.head);
    }
    Ok(misses)
}

/// The heads that were signed; none without Kafka.
#[cfg(feature = "kafka")]
async fn checkpoints(environment: &Environment, service: &Service) -> Result<Option<Signed>, Failure> {
    use unionflow_bus::{Received, kafka::KafkaShelf};
    use unionflow_protocol::Topic;

    if !environment.settings.has_kafka() {
        return Ok(None);
    }
    let settings = environment.settings.kafka().map_err(|fault| environment.usage(&fault))?;
    let shelf =
        KafkaShelf::new(settings).map_err(|fault| Failure::Usage(format!("kafka_settings: {fault}")))?;
    let mut signed = service.signed().await.map_err(|undo| beside::failed(environment, &undo))?;
    let hear = async |received: Received| {
        signed.hear(&received.record);
        Ok(())
    };
    shelf.read(Topic::Checkpoints, hear).await.map_err(|fault| {
        Failure::Other(format!(
            "{} ({fault})",
            environment.say("les têtes signées ne peuvent pas être lues", "the signed heads cannot be read")
        ))
    })?;
    Ok(Some(signed))
}

#[cfg(not(feature = "kafka"))]
async fn checkpoints(_: &Environment, _: &Service) -> Result<Option<Signed>, Failure> {
    Ok(None)
}
