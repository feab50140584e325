//! `unionflow doctor`: looks at the installation and says what is wrong, and what to do.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    time::Duration,
};

use unionflow_auth::password::Cost;
use unionflow_domain::{approval::Electorate, organization::Organization};
use unionflow_service::Service;
use unionflow_storage::{Clock, SystemClock, sqlite};

use super::{Environment, Failure, beside, block_on};
use crate::{database::Database, files, out::outln};

/// Free bytes below which a busy day may fill the disk.
const SPACE_NEEDED: u64 = 64 * 1024 * 1024;
/// Free bytes that leave time to act.
const SPACE_WISE: u64 = 1024 * 1024 * 1024;

/// What was found, told as it is found.
pub(crate) struct Report {
    faults: u32,
}

impl Report {
    pub(crate) fn fine(text: &str) {
        outln!("✓ {text}");
    }

    pub(crate) fn advise(text: &str) {
        outln!("! {text}");
    }

    pub(crate) fn fault(&mut self, text: &str) {
        self.faults += 1;
        outln!("✗ {text}");
    }
}

pub(crate) fn run(environment: Environment) -> Result<(), Failure> {
    let mut report = Report { faults: 0 };
    Report::fine(environment.say("la configuration est lisible", "the configuration can be read"));
    match environment.settings.database().map_err(|fault| environment.usage(&fault))? {
        Database::File(path) => {
            look_at_file(&environment, &path, &mut report)?;
            look_at_space(&environment, &path, &mut report);
        }
        #[cfg(feature = "postgres")]
        Database::Postgres(_) => look_at_organizations(&environment, &mut report)?,
    }
    #[cfg(feature = "kafka")]
    super::kafka::look(&environment, &mut report)?;
    look_at_addresses(&environment, &mut report);
    look_at_limits(&environment);
    if report.faults == 0 { Ok(()) } else { Err(Failure::FoundFaults) }
}

fn look_at_file(environment: &Environment, path: &Path, report: &mut Report) -> Result<(), Failure> {
    if !path.exists() {
        Report::advise(&format!(
            "{} {}",
            environment.say(
                "il n’y a pas encore de données ici ; le serveur les créera :",
                "there is no data here yet; the server will make it:"
            ),
            path.display(),
        ));
        return Ok(());
    }
    match sqlite::check(path) {
        Ok(()) => Report::fine(environment.say("le fichier des données est sain", "the data file is sound")),
        Err(fault) => {
            report.fault(&fault.text(environment.language));
            return Ok(());
        }
    }
    look_at_organizations(environment, report)
}

fn look_at_organizations(environment: &Environment, report: &mut Report) -> Result<(), Failure> {
    block_on(async {
        let service = match beside::open(environment, false).await {
            Ok(service) => service,
            Err(Failure::Other(text) | Failure::Usage(text)) => {
                report.fault(&text);
                return Ok(());
            }
            Err(other) => return Err(other),
        };
        let organizations = service.read(|reader| Ok(reader.load_organizations()?)).await;
        for organization in organizations.map_err(|undo| beside::failed(environment, &undo))? {
            look_at_organization(environment, &service, &organization, report).await?;
        }
        Ok(())
    })
}

/// A store whose disk is full answers, and records nothing more.
fn look_at_space(environment: &Environment, path: &Path, report: &mut Report) {
    let folder = path.ancestors().skip(1).find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    let Ok(disk) = rustix::fs::statvfs(folder) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let said = format!(
        "{} {} {}",
        environment.say("disque :", "disk:"),
        free / (1024 * 1024),
        environment.say("Mio libres", "MiB free")
    );
    match free {
        ..SPACE_NEEDED => report.fault(&format!(
            "{said}{} {}",
            environment.say(" ;", ";"),
            environment.say("faites de la place", "make room")
        )),
        SPACE_NEEDED..SPACE_WISE => Report::advise(&format!(
            "{said}{} {}",
            environment.say(" ;", ";"),
            environment.say("prévoyez plus de place", "plan for more room")
        )),
        SPACE_WISE.. => Report::fine(&said),
    }
}

async fn look_at_organization(
    environment: &Environment,
    service: &Service,
    organization: &Organization,
    report: &mut Report,
) -> Result<(), Failure> {
    let id = organization.id;
    let look = service.read(move |reader| {
        Ok((
            reader.verify_journal(id)?,
            reader.head_of(id)?,
            (reader.load_electorate(id, [])?, reader.load_deciders(id)?),
            reader.load_policy(id)?,
        ))
    });
    let (chain, head, (electorate, deciders), policy) =
        look.await.map_err(|undo| beside::failed(environment, &undo))?;
    let name = &organization.settings.name;
    let colon = environment.say(" :", ":");
    match chain {
        Ok(entries) => Report::fine(&format!(
            "{name}{colon} {entries} {}",
            environment
                .say("entrées au journal, l’enchaînement est intact", "journal entries, every link holds")
        )),
        Err(broken) => report.fault(&format!("{name}{colon} {}", broken.text(environment.language))),
    }
    if let Some(head) = head.filter(|head| head.published < head.seq) {
        let waiting = head.seq.since(head.published);
        Report::advise(&format!(
            "{name}{colon} {waiting} {}",
            environment.say(
                "événements attendent d’être envoyés (normal si le serveur est arrêté)",
                "events wait to be sent (normal while the server is stopped)"
            )
        ));
    }
    let single = policy.is_some_and(|policy| policy.rules.single_signature) && electorate.is_lone();
    look_at_deciders(environment, name, &deciders, single, report);
    Ok(())
}

/// Who has a disabled account votes no more, and yet keeps a single signature from counting.
fn look_at_deciders(
    environment: &Environment,
    name: &str,
    deciders: &Electorate,
    single_signature: bool,
    report: &mut Report,
) {
    let colon = environment.say(" :", ":");
    if deciders.is_empty() || deciders.is_lone() && !single_signature {
        report.fault(&format!(
            "{name}{colon} {}",
            environment.say(
                "personne ne peut plus décider ; donnez un rôle avec `unionflow user role`, ou réactivez un compte avec `unionflow user enable`",
                "nobody can decide any more; give a role with `unionflow user role`, or enable an account with `unionflow user enable`"
            )
        ));
    } else if deciders.is_lone() {
        Report::advise(&format!(
            "{name}{colon} {}",
            environment.say(
                "une seule personne décide de tout (signature unique)",
                "one person decides everything (single signature)"
            )
        ));
    }
}

fn look_at_addresses(environment: &Environment, report: &mut Report) {
    let colon = environment.say(" :", ":");
    for (key, address) in
        [("listen", &environment.settings.listen), ("admin_listen", &environment.settings.admin_listen)]
    {
        let Ok(address) = address.parse::<SocketAddr>() else { continue };
        let answered = TcpStream::connect_timeout(&address, Duration::from_millis(300)).is_ok();
        match (answered, TcpListener::bind(address)) {
            (true, _) => Report::fine(&format!(
                "{key} {address}{colon} {}",
                environment
                    .say("quelque chose y répond (le serveur ?)", "something answers there (the server?)")
            )),
            (false, Ok(_)) => {
                Report::fine(&format!("{key} {address}{colon} {}", environment.say("libre", "free")));
            }
            (false, Err(error)) => report.fault(&format!("{key} {address}{colon} {error}")),
        }
        if key == "admin_listen" && !address.ip().is_loopback() {
            Report::advise(environment.say(
                "admin_listen n’est pas local : tout le réseau peut lire les mesures",
                "admin_listen is not local: the whole network can read the metrics",
            ));
        }
        if key == "listen"
            && !address.ip().is_loopback()
            && !environment.settings.public_url.starts_with("https://")
        {
            Report::advise(environment.say(
                "ouvert au réseau sans https : placez un proxy TLS devant, et renseignez public_url",
                "open to the network without https: put a TLS proxy in front, and set public_url",
            ));
        }
    }
}

fn look_at_limits(environment: &Environment) {
    let settings = &environment.settings;
    if settings.password_memory_kib < Cost::STANDARD.memory_kib {
        Report::advise(environment.say(
            "password_memory_kib est faible : 19456 ou plus",
            "password_memory_kib is weak: 19456 or more",
        ));
    }
    let open_files = files::open_at_most();
    if let Some(files) = open_files.filter(|files| *files < settings.sessions.saturating_add(100)) {
        Report::advise(&format!(
            "{} {files} (sessions = {}){} {}",
            environment.say(
                "le système ne permet que ce nombre de fichiers ouverts :",
                "the system allows only so many open files:"
            ),
            settings.sessions,
            environment.say(" ;", ";"),
            environment
                .say("relevez LimitNOFILE, ou baissez sessions", "raise LimitNOFILE, or lower sessions"),
        ));
    }
    let year = SystemClock.now().to_string();
    if year.as_str() < "2026" {
        Report::advise(&format!(
            "{} {year}",
            environment.say("l’horloge du système semble fausse :", "the system's clock seems wrong:")
        ));
    }
}
