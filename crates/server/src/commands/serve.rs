//! `unionflow serve`

use unionflow_protocol::Language;

use super::{Environment, Failure, block_on};
use crate::{
    lifecycle::{Stop, stop_on_signals},
    out,
    server::{Options, Server, StartFault},
    telemetry,
};

pub(crate) fn run(environment: Environment) -> Result<(), Failure> {
    telemetry::log(&environment.settings);
    block_on(async {
        let stop = Stop::default();
        stop_on_signals(&stop);
        let server = Server::start(Options::new(environment.settings.clone()))
            .await
            .map_err(|fault| start_failed(&environment, fault))?;
        tracing::info!(address = %server.address, admin = %server.admin_address, "serving");
        if let Some(code) = &server.setup_code {
            // Not a log line: logs are kept and sent around.
            out::complain(format_args!(
                "\n  {}\n  http://{}/setup   {}\n\n",
                environment.say(
                    "Ce serveur n’a pas encore d’organisation. Fondez-la ici, avec ce code :",
                    "This server has no organisation yet. Found it here, with this code:",
                ),
                server.address,
                code,
            ));
        }
        until_the_end(&environment, &stop, server).await
    })
}

/// Serves until it is told to stop, or the database is no longer the one that it began on: whoever supervises this process
/// starts it again then.
pub(crate) async fn until_the_end(
    environment: &Environment,
    stop: &Stop,
    server: Server,
) -> Result<(), Failure> {
    let superseded = tokio::select! {
        () = stop.asked() => None,
        fault = server.superseded() => Some(fault),
    };
    match superseded {
        None => {
            server.stop().await;
            tracing::info!("stopped");
            Ok(())
        }
        Some(fault) => {
            server.leave().await;
            Err(environment.fault(&fault))
        }
    }
}

pub(crate) fn start_failed(environment: &Environment, fault: StartFault) -> Failure {
    match fault {
        StartFault::Config(fault) => environment.usage(&fault),
        StartFault::Store(fault) => environment.fault(&fault),
        StartFault::Listen { key, address, reason } if environment.language == Language::French => {
            let reason = in_french(&reason);
            Failure::Other(format!(
                "{key} : impossible d’écouter sur `{address}` ({reason}) ; choisissez une autre adresse, ou arrêtez ce qui l’occupe"
            ))
        }
        other => Failure::Other(other.to_string()),
    }
}

/// What the system says of an address, in French; what it says seldom stays as it is.
fn in_french(reason: &str) -> &str {
    const KNOWN: [(&str, &str); 4] = [
        ("Address already in use", "l’adresse est déjà occupée"),
        ("Cannot assign requested address", "cette machine n’a pas cette adresse"),
        ("Permission denied", "permission refusée : les ports sous 1024 sont réservés"),
        ("failed to lookup address information", "ce nom n’a pas d’adresse"),
    ];
    KNOWN.iter().find(|(english, _)| reason.starts_with(english)).map_or(reason, |(_, french)| french)
}
