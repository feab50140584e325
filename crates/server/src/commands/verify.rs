//! `unionflow verify`

use unionflow_domain::organization::Organization;
use unionflow_service::{
    Service,
    checkpoints::{Held, Signed},
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
            outln!("  {}", environment.say("aucune tête signée sur Kafka", "no signed head on Kafka"));
        }
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
