//! `unionflow backup` and `unionflow restore`

use std::path::Path;

use indicatif::{ProgressBar, ProgressStyle};
use unionflow_storage::{Clock, Ids, StoreFault, SystemClock, sqlite};

use super::{Environment, Failure};
use crate::out::outln;

pub(crate) fn backup(environment: Environment, file: &Path) -> Result<(), Failure> {
    let path = environment.settings.database_path().map_err(|fault| environment.usage(&fault))?;
    let bar = bar();
    let copied = sqlite::backup(&path, file, |progress| show(&bar, progress));
    bar.finish_and_clear();
    copied.map_err(|fault| environment.fault(&fault))?;
    outln!("{} {}", environment.say("Copié et vérifié :", "Copied and checked:"), file.display());
    Ok(())
}

pub(crate) fn restore(environment: Environment, file: &Path) -> Result<(), Failure> {
    let path = environment.settings.database_path().map_err(|fault| environment.usage(&fault))?;
    let bar = bar();
    let restored =
        sqlite::restore(file, &path, &Ids::system(), SystemClock.now(), |progress| show(&bar, progress));
    bar.finish_and_clear();
    let restored = restored.map_err(|fault| match fault {
        // As every file on the command line that is not there.
        StoreFault::NoCopy(_) => Failure::Usage(fault.text(environment.language)),
        fault => environment.fault(&fault),
    })?;
    outln!(
        "{} {}",
        environment.say(
            "Remis en place ; les appareils rechargeront leurs données :",
            "Put back in place; devices will fetch their data anew:",
        ),
        path.display(),
    );
    if let Some(kept) = restored.kept {
        outln!(
            "{} {}",
            environment.say("Ce qui était là est gardé ici :", "What stood there is kept here:"),
            kept.display()
        );
    }
    Ok(())
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {percent:>3} %  {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    ProgressBar::new(0).with_style(style)
}

fn show(bar: &ProgressBar, progress: sqlite::Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}
