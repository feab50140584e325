//! `unionflow demo`

use std::{net::SocketAddr, sync::Arc};

use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;
use unionflow_auth::password::{Cost, Passwords};
use unionflow_protocol::Role;
use unionflow_storage::Store;

use super::{
    Environment, Failure, beside, block_on,
    serve::{start_failed, until_the_end},
};
use crate::{
    cli::Demo,
    config::Settings,
    demo::{self, Cast, Found, Line, Stage},
    lifecycle::{Stop, stop_on_signals},
    out::outln,
    server::{Options, Server, open_service},
    telemetry,
};

pub(crate) fn run(mut environment: Environment, demo: &Demo) -> Result<(), Failure> {
    let defaults = Settings::default();
    let settings = &mut environment.settings;
    // Kept until the end: dropped, it takes the data with it.
    let folder = if settings.database_url == defaults.database_url {
        let folder = tempfile::tempdir().map_err(|error| Failure::Other(format!("--data: {error}")))?;
        settings.database_url = format!("sqlite:{}", folder.path().join("unionflow.db").display());
        Some(folder)
    } else {
        None
    };
    if settings.drain_seconds == defaults.drain_seconds {
        // Nobody waits for a demonstration to end.
        settings.drain_seconds = 1;
    }
    if settings.log == defaults.log {
        "warn".clone_into(&mut settings.log);
    }
    telemetry::log(settings);
    let outcome = block_on(show(&environment, demo, folder.is_some()));
    drop(folder);
    outcome
}

async fn show(environment: &Environment, demo: &Demo, temporary: bool) -> Result<(), Failure> {
    let stop = Stop::default();
    stop_on_signals(&stop);
    let cast = Cast::new(demo.seed);
    let clock = demo::clock();
    let database = environment.settings.database().map_err(|fault| environment.usage(&fault))?;
    let store = database.serve(Some(clock.clone())).map_err(|fault| environment.fault(&fault))?;
    let preparing = prepare(environment, demo, &cast, &store, &clock);
    let stages = tokio::select! {
        stages = preparing => stages?,
        () = stop.asked() => return Ok(()),
    };
    let options = Options { settings: environment.settings.clone(), clock: Some(clock) };
    let server = Server::start_on(store, options).await.map_err(|fault| start_failed(environment, fault))?;
    let address = reachable(server.address);
    announce(environment, demo, &cast, &stages, address, temporary)?;

    let ending = CancellationToken::new();
    let mut tasks = tokio::task::JoinSet::new();
    if !demo.json {
        let (service, language) = (server.service().clone(), environment.language);
        let treasurer = cast.troupes[0].listed().find(|actor| actor.role == Role::Treasurer).cloned();
        let stage = stages[0].clone();
        if let Some(treasurer) = treasurer {
            tasks.spawn(async move { demo::follow(service, address, &stage, &treasurer, language).await });
        }
    }
    let life = (!demo.quiet_life).then(|| tokio::spawn(demo::live(stages, demo.seed, ending.clone())));
    tokio::select! {
        () = stop.asked() => {}
        _ = server.superseded() => {}
    }
    ending.cancel();
    if let Some(life) = life
        && let Err(error) = life.await
    {
        tracing::error!(%error, "the activity did not end well");
    }
    tasks.shutdown().await;
    until_the_end(environment, &stop, server).await
}

/// Finds the demonstration on the store, or writes it there.
async fn prepare(
    environment: &Environment,
    demo: &Demo,
    cast: &Cast,
    store: &Store,
    clock: &Arc<unionflow_storage::ScriptedClock>,
) -> Result<Vec<Stage>, Failure> {
    let settings = &environment.settings;
    let address = settings.listen.parse().unwrap_or(SocketAddr::from(([127, 0, 0, 1], 8085)));
    let failed = |undo| beside::failed(environment, &undo);
    let service = open_service(store.clone(), settings, address).await.map_err(failed)?;
    match demo::find(&service, cast).await.map_err(failed)? {
        Found::Demo(stages) => return Ok(stages),
        Found::Empty => {}
        Found::Unfinished => {
            return Err(Failure::Other(
                environment
                    .say(
                        "--data : la démonstration de ce dossier a été interrompue pendant sa préparation ; supprimez le dossier ou choisissez-en un autre",
                        "--data: the demonstration in this folder was cut off while it was made; delete the folder or choose another",
                    )
                    .to_owned(),
            ));
        }
        Found::Foreign => {
            return Err(Failure::Other(
                environment
                    .say(
                        "--data : ce dossier contient d’autres données que la démonstration de cette graine (--seed) ; choisissez un autre dossier",
                        "--data: this folder holds other data than the demonstration of this --seed; choose another folder",
                    )
                    .to_owned(),
            ));
        }
    }
    let memory_kib = settings.password_memory_kib;
    let passwords = Passwords::new(Cost { memory_kib, ..Cost::STANDARD });
    let bar = bar(environment);
    let stages = demo::write_history(&service, cast, demo.seed, passwords, clock, |done, total| {
        bar.set_length(total as u64);
        bar.set_position(done as u64);
    });
    let stages = stages.await.map_err(failed);
    bar.finish_and_clear();
    stages
}

fn bar(environment: &Environment) -> ProgressBar {
    let what = environment.say("Deux ans d’histoire", "Two years of history");
    let style = ProgressStyle::with_template("{prefix} {bar:32} {pos}/{len}");
    ProgressBar::new(0)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_prefix(what.to_owned())
}

/// Where this machine reaches a server that listens everywhere.
fn reachable(address: SocketAddr) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if v4.ip().is_unspecified() => SocketAddr::from(([127, 0, 0, 1], v4.port())),
        SocketAddr::V6(v6) if v6.ip().is_unspecified() => {
            SocketAddr::from((std::net::Ipv6Addr::LOCALHOST, v6.port()))
        }
        other => other,
    }
}

fn announce(
    environment: &Environment,
    demo: &Demo,
    cast: &Cast,
    stages: &[Stage],
    address: SocketAddr,
    temporary: bool,
) -> Result<(), Failure> {
    let settings = &environment.settings;
    let url =
        if settings.public_url.is_empty() { format!("http://{address}") } else { settings.public_url() };
    if demo.json {
        let line = Line::new(url, cast, stages);
        let line = serde_json::to_string(&line).map_err(|error| Failure::Other(error.to_string()))?;
        outln!("{line}");
        return Ok(());
    }
    let say = |french, english| environment.say(french, english);
    outln!("\n  {}  {url}", say("UnionFlow fonctionne :", "UnionFlow runs:"));
    outln!("  {}  {url}/docs\n", say("L’API à lire et à essayer :", "The API to read and try:"));
    for (troupe, stage) in cast.troupes.iter().zip(stages) {
        outln!(
            "  {} ({} {})   {}",
            troupe.name,
            troupe.members,
            say("membres", "members"),
            stage.organization
        );
        for actor in troupe.listed() {
            outln!(
                "    {:<13} {:<38} {:<32} {}",
                actor.role.as_str(),
                actor.login,
                actor.password,
                actor.name()
            );
        }
        outln!();
    }
    if temporary {
        outln!(
            "  {}",
            say(
                "Les données seront effacées à la fin ; gardez-les avec --data DOSSIER.",
                "The data is gone at the end; keep it with --data DIR.",
            )
        );
    }
    outln!(
        "  {}\n",
        say(
            "Voici ce que voit le trésorier, en direct (Ctrl-C pour arrêter) :",
            "This is what the treasurer sees, live (Ctrl-C to stop):",
        )
    );
    Ok(())
}
