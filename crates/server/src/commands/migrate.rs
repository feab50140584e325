//! `unionflow migrate`

use std::path::PathBuf;

use unionflow_storage::{Clock, Ids, SystemClock, sqlite};

use super::{Environment, Failure};
use crate::{cli::Migrate, database::Database, out::outln};

/// Keeps the password off the command line.
const TO: &str = "UNIONFLOW_MIGRATE_TO";

pub(crate) fn run(environment: Environment, migrate: &Migrate) -> Result<(), Failure> {
    // Whoever asks for the way back may have the variable of the way there set still.
    if migrate.take_back {
        return take_back(&environment);
    }
    let named = std::env::var(TO).ok().filter(|to| !to.is_empty());
    let to = migrate.to.clone().or(named).ok_or_else(|| {
        let text = environment.say(
            "dites où : --to (ou UNIONFLOW_MIGRATE_TO), ou --take-back pour revenir au fichier",
            "say where to: --to (or UNIONFLOW_MIGRATE_TO), or --take-back to go back to the file",
        );
        Failure::Usage(text.to_owned())
    })?;
    move_to(&environment, &to)
}

/// The file that is moved, or was.
fn file(environment: &Environment) -> Result<PathBuf, Failure> {
    match environment.settings.database().map_err(|fault| environment.usage(&fault))? {
        Database::File(path) => Ok(path),
        #[cfg(feature = "postgres")]
        Database::Postgres(_) => {
            let text = environment.say(
                "database_url (ou DATABASE_URL) nomme déjà une base PostgreSQL : retirez-le, et nommez le fichier avec --data DOSSIER",
                "database_url (or DATABASE_URL) names a PostgreSQL database already: leave it out, and name the file with --data DIR",
            );
            Err(Failure::Usage(text.to_owned()))
        }
    }
}

fn take_back(environment: &Environment) -> Result<(), Failure> {
    let path = file(environment)?;
    let taken = sqlite::take_back(&path, &Ids::system(), SystemClock.now());
    taken.map_err(|fault| environment.fault(&fault))?;
    outln!(
        "{} {}",
        environment.say(
            "Repris tel qu’au moment du déplacement ; les appareils rechargeront leurs données :",
            "Taken back as it was when it was moved; devices will fetch their data anew:",
        ),
        path.display(),
    );
    Ok(())
}

#[cfg(not(feature = "postgres"))]
fn move_to(environment: &Environment, _: &str) -> Result<(), Failure> {
    Err(Failure::Usage(
        environment
            .say(
                "--to : cette version n’a pas PostgreSQL : installez une version avec `postgres`",
                "--to: this build has no PostgreSQL: install a build with the feature `postgres`",
            )
            .to_owned(),
    ))
}

#[cfg(feature = "postgres")]
fn move_to(environment: &Environment, to: &str) -> Result<(), Failure> {
    use indicatif::{ProgressBar, ProgressStyle};
    use unionflow_storage::{PostgresFault, StoreFault, moving};

    if !["postgres://", "postgresql://"].iter().any(|scheme| to.starts_with(scheme)) {
        // Not repeated: it may hold a password.
        return Err(Failure::Usage(
            environment
                .say(
                    "--to : donnez l’adresse d’une base PostgreSQL : postgres://UTILISATEUR:MOTDEPASSE@HÔTE/BASE",
                    "--to: give the address of a PostgreSQL database: postgres://USER:PASSWORD@HOST/DATABASE",
                )
                .to_owned(),
        ));
    }
    let path = file(environment)?;
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(0).with_style(style);
    let moved = moving::to_postgres(&path, to, SystemClock.now(), |progress| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
    });
    bar.finish_and_clear();
    let moved = moved.map_err(|fault| match fault {
        StoreFault::Postgres(fault @ PostgresFault::Address(_)) => {
            Failure::Usage(StoreFault::from(fault).text(environment.language))
        }
        fault => environment.fault(&fault),
    })?;
    let (organizations, entries, rows) = (moved.organizations, moved.entries, moved.rows);
    match environment.language {
        unionflow_protocol::Language::French => outln!(
            "Déplacé et vérifié : {organizations} organisation(s), {entries} entrées de journal, {rows} lignes. Les appareils \
             continuent où ils en sont.\nServez maintenant la base : DATABASE_URL=postgres://…  `{}` n’est plus servi.",
            path.display()
        ),
        unionflow_protocol::Language::English => outln!(
            "Moved and verified: {organizations} organisation(s), {entries} journal entries, {rows} rows. Devices go on where \
             they are.\nServe the database from now on: DATABASE_URL=postgres://…  `{}` is no longer served.",
            path.display()
        ),
    }
    Ok(())
}
