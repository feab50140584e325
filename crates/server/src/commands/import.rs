//! `unionflow import members FILE`

use indicatif::{ProgressBar, ProgressStyle};
use unionflow_protocol::{problem::ErrorCode, rest::import::ImportReport};
use unionflow_service::member::import::Wanted;
use unionflow_storage::Undo;

use super::{Environment, Failure, beside, block_on};
use crate::cli::ImportMembers;
use crate::out::outln;

pub(crate) fn run(environment: Environment, members: &ImportMembers) -> Result<(), Failure> {
    let file = std::fs::read(&members.file)
        .map_err(|error| Failure::Usage(format!("{}: {error}", members.file.display())))?;
    block_on(async {
        let service = beside::open(&environment, false).await?;
        let organization_id =
            beside::organization(&environment, &service, members.organization.as_deref()).await?;
        let wanted = Wanted {
            organization_id,
            dry_run: members.dry_run,
            skip_errors: members.skip_errors,
            language: environment.language,
        };
        let bar = bar();
        let imported = service
            .import_members(None, file, wanted, |progress| {
                bar.set_length(progress.total.into());
                bar.set_position(progress.done.into());
            })
            .await;
        bar.finish_and_clear();
        let (report, refused) = match imported {
            Ok(report) => (report, false),
            Err(Undo::Refused(refusal)) if refusal.code == ErrorCode::ImportHasErrors => {
                let report = refusal.current.and_then(|report| serde_json::from_value(report).ok());
                (report.ok_or_else(|| Failure::Other("the report is lost".to_owned()))?, true)
            }
            Err(undo) => return Err(beside::failed(&environment, &undo)),
        };
        if members.json {
            outln!("{}", serde_json::to_string(&report).unwrap_or_default());
        } else {
            print(&environment, &report, refused);
        }
        if report.errors.is_empty() { Ok(()) } else { Err(Failure::FoundFaults) }
    })
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn print(environment: &Environment, report: &ImportReport, refused: bool) {
    let say = |french: &'static str, english: &'static str| environment.language.pick(french, english);
    let reading = &report.reading;
    outln!(
        "{} {}, {} {}",
        say("Lu :", "Read:"),
        reading.encoding,
        reading.columns.len(),
        say("colonnes reconnues", "columns recognised"),
    );
    if !reading.ignored_columns.is_empty() {
        outln!("{} {}", say("Laissées de côté :", "Left aside:"), reading.ignored_columns.join(", "));
    }
    for row in report.errors.iter().chain(&report.proposals) {
        let column = if row.column.is_empty() { "—" } else { &row.column };
        let line = say("ligne", "line");
        outln!("  {line} {:>6}  {column:<20}  {:<24}  {}", row.row, row.value, row.hint);
    }
    // What a dry run, or a file with errors, would have done is told as what is to be done.
    let (created, updated) = match report.batch_id {
        Some(_) => (say("créés", "created"), say("modifiés", "changed")),
        None => (say("à créer", "to create"), say("à modifier", "to change")),
    };
    outln!(
        "{} {created}, {} {updated}, {} {}, {} {}, {} {}",
        report.created,
        report.updated,
        report.unchanged,
        say("sans changement", "unchanged"),
        report.skipped,
        say("lignes vides", "blank lines"),
        report.errors.len(),
        say("erreurs", "errors"),
    );
    let outcome = match (refused, report.dry_run, report.batch_id.is_some()) {
        (true, _, _) => say(
            "Rien n’a été importé. Corrigez le fichier, ou ajoutez --skip-errors pour importer le reste.",
            "Nothing was imported. Correct the file, or add --skip-errors to import the rest.",
        ),
        (_, true, _) => say("Essai : rien n’a été écrit.", "Dry run: nothing was written."),
        (_, _, true) => say("Importé.", "Imported."),
        _ => say("Rien à changer.", "Nothing to change."),
    };
    outln!("{outcome}");
}
