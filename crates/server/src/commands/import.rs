//! `unionflow import members FILE`

use std::{io::ErrorKind, path::Path};

use indicatif::{ProgressBar, ProgressStyle};
use unionflow_domain::Refusal;
use unionflow_protocol::{
    Language,
    event::members::MemberField,
    problem::ErrorCode,
    rest::import::{ImportReport, RowError},
};
use unionflow_service::member::import::Wanted;
use unionflow_storage::Undo;

use super::{Environment, Failure, beside, block_on};
use crate::{cli::ImportMembers, out::outln};

pub(crate) fn run(environment: Environment, members: &ImportMembers) -> Result<(), Failure> {
    let file =
        std::fs::read(&members.file).map_err(|error| unreadable(&environment, &members.file, &error))?;
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
            Err(Undo::Refused(refusal)) if refusal.code == ErrorCode::UnknownLayout => {
                return Err(unknown_layout(&environment, &refusal));
            }
            Err(undo) => return Err(beside::failed(&environment, &undo)),
        };
        if members.json {
            outln!("{}", serde_json::to_string(&report).unwrap_or_default());
        } else {
            print(&environment, &report, refused);
        }
        if report.error_count == 0 { Ok(()) } else { Err(Failure::FoundFaults) }
    })
}

fn unreadable(environment: &Environment, file: &Path, error: &std::io::Error) -> Failure {
    let reason = match error.kind() {
        ErrorKind::NotFound => environment.say("ce fichier n’existe pas", "there is no such file").to_owned(),
        ErrorKind::PermissionDenied => {
            environment.say("pas le droit de lire ce fichier", "this file may not be read").to_owned()
        }
        ErrorKind::IsADirectory => environment.say("c’est un dossier", "this is a folder").to_owned(),
        _ => error.to_string(),
    };
    Failure::Usage(format!("`{}`{}{reason}", file.display(), environment.say(" : ", ": ")))
}

/// The first line has no names: it is another file, or its headers are gone.
fn unknown_layout(environment: &Environment, refusal: &Refusal) -> Failure {
    if let Some(detail) = refusal.detail {
        return Failure::Usage(detail.text(environment.language));
    }
    let missing: Vec<&str> = refusal.faults.iter().map(|fault| fault.pointer.as_str()).collect();
    Failure::Usage(format!(
        "{} {}",
        environment.say(
            "la première ligne doit nommer les colonnes, comme l’export de Galette ; il manque :",
            "the first line must name the columns, as an export of Galette does; missing:",
        ),
        missing.join(", "),
    ))
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len}  {per_sec}  {eta}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// What is said of the file, to whoever is going to correct it.
fn print(environment: &Environment, report: &ImportReport, refused: bool) {
    let language = environment.language;
    let say = |french: &'static str, english: &'static str| language.pick(french, english);
    let reading = &report.reading;
    let separator = if reading.separator == '\t' { "tab".to_owned() } else { reading.separator.to_string() };
    let separator = match language {
        Language::French => format!("« {separator} »"),
        Language::English => format!("“{separator}”"),
    };
    outln!("{}{}, {separator}", say("Lu : ", "Read: "), reading.encoding);
    outln!("{}{}", say("Colonnes reconnues : ", "Columns recognised: "), reading.columns.join(", "));
    if !reading.ignored_columns.is_empty() {
        outln!("{}{}", say("Laissées de côté : ", "Left aside: "), reading.ignored_columns.join(", "));
    }
    if !report.errors.is_empty() {
        outln!(
            "\n{} {}",
            language.count(report.error_count),
            match report.error_count {
                1 => say("erreur, et ce qui la corrigerait", "error, and what would fix it"),
                _ => say("erreurs, et ce qui les corrigerait", "errors, and what would fix them"),
            }
        );
        table(environment, &report.errors);
        let more = (report.error_count as usize).saturating_sub(report.errors.len());
        if more > 0 {
            let more = language.count(u32::try_from(more).unwrap_or(u32::MAX));
            outln!("  … {more} {}", say("autres ; corrigez d’abord celles-ci", "more; mend these first"));
        }
    }
    if !report.proposals.is_empty() {
        outln!(
            "\n{}",
            say("À regarder (rien n’est changé pour cela)", "To look at (nothing is changed for it)")
        );
        table(environment, &report.proposals);
        let more = (report.proposal_count as usize).saturating_sub(report.proposals.len());
        if more > 0 {
            outln!("  … {more} {}", say("autres", "more"));
        }
    }
    if !report.changes.is_empty() {
        let title = match report.dry_run || refused {
            true => say("Ce qui changerait", "What would change"),
            false => say("Ce qui a changé", "What has changed"),
        };
        outln!("\n{title}");
        for change in &report.changes {
            let fields: Vec<&str> = change.fields.iter().map(|field| field_name(language, *field)).collect();
            let (line, number) = (say("ligne", "line"), say("n°", "no."));
            outln!("  {line} {:>6}  {number} {}: {}", change.row, change.member_number, fields.join(", "));
        }
        let more = (report.updated as usize).saturating_sub(report.changes.len());
        if more > 0 {
            outln!("  … {more} {}", say("autres", "more"));
        }
    }
    outln!("\n{}\n{}", counts(environment, report, refused), outcome(environment, report, refused));
}

/// Line, column, value and what would be right, in columns as wide as they need to be.
fn table(environment: &Environment, rows: &[RowError]) {
    let line = environment.say("ligne", "line");
    let column = |row: &RowError| if row.column.is_empty() { "—".to_owned() } else { row.column.clone() };
    let value = |row: &RowError| if row.value.is_empty() { "—".to_owned() } else { row.value.clone() };
    let wide = |text: &dyn Fn(&RowError) -> String, most: usize| {
        rows.iter().map(|row| text(row).chars().count()).max().unwrap_or(0).min(most)
    };
    let (columns, values) = (wide(&column, 20), wide(&value, 32));
    for row in rows {
        outln!("  {line} {:>6}  {:<columns$}  {:<values$}  {}", row.row, column(row), value(row), row.hint);
    }
}

fn field_name(language: Language, field: MemberField) -> &'static str {
    let pick = |french: &'static str, english: &'static str| language.pick(french, english);
    match field {
        MemberField::GivenName => pick("prénom", "given name"),
        MemberField::FamilyName => pick("nom", "family name"),
        MemberField::Phone => pick("téléphone", "phone"),
        MemberField::Email => pick("e-mail", "e-mail"),
        MemberField::JoinedOn => pick("date d’adhésion", "date of joining"),
        MemberField::Account => pick("compte", "account"),
    }
}

fn counts(environment: &Environment, report: &ImportReport, refused: bool) -> String {
    let language = environment.language;
    let counted = |n: u32, one: (&'static str, &'static str), more: (&'static str, &'static str)| {
        // Nought is one in French and several in English.
        let is_one = n == 1 || (n == 0 && language == Language::French);
        let (french, english) = if is_one { one } else { more };
        format!("{} {}", language.count(n), language.pick(french, english))
    };
    let (created, updated) = match report.dry_run || refused {
        true => {
            let (create, change) = (("à créer", "to create"), ("à modifier", "to change"));
            (counted(report.created, create, create), counted(report.updated, change, change))
        }
        false => (
            counted(report.created, ("créé", "created"), ("créés", "created")),
            counted(report.updated, ("modifié", "changed"), ("modifiés", "changed")),
        ),
    };
    let same = ("sans changement", "unchanged");
    [
        created,
        updated,
        counted(report.unchanged, same, same),
        counted(report.skipped, ("vide", "blank"), ("vides", "blank")),
        counted(report.rows_with_errors, ("avec erreur", "with an error"), ("avec erreur", "with errors")),
    ]
    .join(", ")
}

fn outcome(environment: &Environment, report: &ImportReport, refused: bool) -> &'static str {
    let say = |french: &'static str, english: &'static str| environment.language.pick(french, english);
    let rows = report.created + report.updated + report.unchanged + report.skipped + report.rows_with_errors;
    if rows == 0 {
        return say("Aucun membre dans ce fichier.", "No member is in this file.");
    }
    match (refused, report.dry_run, report.batch_id.is_some()) {
        (true, _, _) => say(
            "Rien n’a été importé. Corrigez le fichier, ou ajoutez --skip-errors pour importer le reste.",
            "Nothing was imported. Correct the file, or add --skip-errors to import the rest.",
        ),
        (_, true, _) => say("Essai : rien n’a été écrit.", "Dry run: nothing was written."),
        (_, _, true) => say("Importé.", "Imported."),
        _ => say("Rien à changer.", "Nothing to change."),
    }
}
