//! `POST /members/imports` and `unionflow import members`: a file of members, in units that let others through.

use std::collections::HashMap;

use serde::Serialize;
use sha2::{Digest, Sha256};
use unionflow_domain::{
    Refusal,
    contact::Country,
    hint::Hint,
    import::{Compared, MemberRow, Reading, RowFault, UnknownLayout, compare, read},
    member::Member,
    permissions::Action,
};
use unionflow_protocol::{
    Date, Language, Origin, Role, RoleSet,
    event::members::{ImportApplied, ImportKind},
    id::{BatchId, MemberId, OrganizationId},
    limits::IMPORT_UNIT_ROWS,
    problem::{ErrorCode, FieldCode},
    rest::{
        AsOf,
        import::{FileReading, ImportReport, RowChange, RowError},
    },
};
use unionflow_storage::{
    Author, Reader, Scope, Tx, Undo,
    tables::{import::ImportBatch, member::MemberFilter},
};

use crate::{Caller, Publish, Service, membership};

/// How a file is to be imported.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Where.
    pub organization_id: OrganizationId,
    /// Say what would happen, and write nothing.
    pub dry_run: bool,
    /// Import the rows without errors; else one error keeps everything out.
    pub skip_errors: bool,
    /// Of the report.
    pub language: Language,
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Progress {
    /// Rows done.
    pub done: u32,
    /// Rows in all.
    pub total: u32,
}

/// Entries of a report's lists, beyond which they are only counted.
const LISTED_MAX: usize = 200;
/// Members that an organisation may have: what a comparison holds in memory.
const MEMBERS_MAX: usize = 1_000_000;

/// What would happen, by the members as they are now.
#[derive(Default)]
struct Outlook {
    created: u32,
    updated: u32,
    unchanged: u32,
    changes: Vec<RowChange>,
    withheld: Vec<RowFault>,
    conflicts: Vec<RowFault>,
}

impl Service {
    /// Imports a file of members. The same file twice changes nothing; one that was cut off goes on where it stopped.
    ///
    /// `caller` is `None` for the operator.
    pub async fn import_members(
        &self,
        caller: Option<Caller>,
        file: Vec<u8>,
        wanted: Wanted,
        mut progress: impl FnMut(Progress) + Send,
    ) -> Result<ImportReport, Undo> {
        let organization = wanted.organization_id;
        let person = caller.as_ref().map(|caller| caller.person_id);
        let (country, today) = self
            .read(move |reader| {
                if let Some(person) = person {
                    let member = membership::active(reader, person, organization)?;
                    membership::require(&member, Action::KeepMembers)?;
                }
                let found = reader.load_organization(organization)?.ok_or(ErrorCode::NotFound)?;
                Ok((found.settings.country, reader.now().date_in(&found.settings.time_zone)))
            })
            .await?;
        let file_hash: [u8; 32] = Sha256::digest(&file).into();
        let reading = read_file(file, country, today).await?;
        let rows: std::sync::Arc<[MemberRow]> = reading.rows.as_slice().into();
        let (outlook, as_of) = {
            let rows = rows.clone();
            self.read(move |reader| {
                Ok((look_ahead(reader, organization, &rows)?, reader.as_of(organization)?))
            })
            .await?
        };
        let mut report = report(&reading, &outlook, wanted, as_of);
        if wanted.dry_run {
            return Ok(report);
        }
        if !report.errors.is_empty() && !wanted.skip_errors {
            let refusal =
                Refusal { current: serde_json::to_value(&report).ok(), ..ErrorCode::ImportHasErrors.into() };
            return Err(refusal.into());
        }
        let batch = self.apply(caller, organization, file_hash, rows, reading.blank, &mut progress).await?;
        report.dry_run = false;
        if let Some((batch, as_of)) = batch {
            report.batch_id = Some(batch.id);
            (report.created, report.updated, report.unchanged) =
                (batch.created, batch.updated, batch.unchanged);
            report.as_of = as_of;
        }
        Ok(report)
    }

    /// Applies rows unit by unit. `None` when nothing had to be written.
    async fn apply(
        &self,
        caller: Option<Caller>,
        organization: OrganizationId,
        file_hash: [u8; 32],
        rows: std::sync::Arc<[MemberRow]>,
        blank: u32,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<Option<(ImportBatch, AsOf)>, Undo> {
        let total = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        let mut last = None;
        loop {
            let (caller, rows) = (caller.clone(), rows.clone());
            let unit = self.store().write(Scope::Organization(organization), move |tx| {
                apply_unit(tx, caller.as_ref(), organization, file_hash, &rows, blank)
            });
            let Some((batch, as_of)) = unit.await? else { return Ok(last) };
            progress(Progress { done: batch.next_row.min(total), total });
            let finished = batch.finished_at.is_some();
            last = Some((batch, as_of));
            if finished {
                return Ok(last);
            }
            // Others who wait for the store come first.
            tokio::task::yield_now().await;
        }
    }
}

/// Reading is work for a processor: not for an async thread.
async fn read_file(file: Vec<u8>, country: Country, today: Date) -> Result<Reading, Undo> {
    let read = tokio::task::spawn_blocking(move || read(&file, country, today)).await;
    let read = read.map_err(|error| unionflow_storage::StoreFault::Malformed(error.to_string()))?;
    read.map_err(|UnknownLayout { missing }| {
        let mut refusal = Refusal::from(ErrorCode::UnknownLayout);
        for column in missing {
            refusal = refusal.at(column, FieldCode::Required, Hint::Required);
        }
        refusal.into()
    })
}

fn look_ahead(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
    rows: &[MemberRow],
) -> Result<Outlook, Undo> {
    let members = reader.load_members(organization, &MemberFilter::default(), None, MEMBERS_MAX)?;
    let by_number: HashMap<&str, &Member> =
        members.iter().map(|member| (member.number.as_str(), member)).collect();
    let mut outlook = Outlook::default();
    for row in rows {
        let Some(member) = by_number.get(row.number.as_str()) else {
            outlook.created += 1;
            continue;
        };
        outlook.withheld.extend(row.withheld(member));
        match compare(row, member) {
            Compared::Unchanged => outlook.unchanged += 1,
            Compared::Changed(_, fields) => {
                outlook.updated += 1;
                let member_number = row.number.as_str().to_owned();
                outlook.changes.push(RowChange { row: row.row, member_number, fields });
            }
            Compared::OtherPerson => outlook.conflicts.push(number_of_other(row)),
        }
    }
    Ok(outlook)
}

fn number_of_other(row: &MemberRow) -> RowFault {
    let value = format!("{} {} {}", row.number.as_str(), row.name.given, row.name.family);
    RowFault { row: row.row, column: row.number_column.clone(), value, hint: Hint::NumberOfOther }
}

fn report(reading: &Reading, outlook: &Outlook, wanted: Wanted, as_of: AsOf) -> ImportReport {
    let said = |fault: &RowFault| RowError {
        row: fault.row,
        column: fault.column.clone(),
        value: fault.value.clone(),
        hint: fault.hint.text(wanted.language),
    };
    let mut errors: Vec<RowError> = reading.faults.iter().chain(&outlook.conflicts).map(said).collect();
    errors.sort_by_key(|error| error.row);
    ImportReport {
        batch_id: None,
        dry_run: wanted.dry_run,
        reading: FileReading {
            encoding: reading.encoding.to_owned(),
            separator: reading.separator,
            columns: reading.columns.clone(),
            ignored_columns: reading.ignored_columns.clone(),
        },
        created: outlook.created,
        updated: outlook.updated,
        unchanged: outlook.unchanged,
        skipped: reading.blank,
        errors,
        changes: outlook.changes.iter().take(LISTED_MAX).cloned().collect(),
        proposals: outlook.withheld.iter().take(LISTED_MAX).map(said).collect(),
        as_of,
    }
}

/// One unit: at most 500 rows, and how far that is. `None` when the whole file changes nothing.
fn apply_unit(
    tx: &mut Tx<'_>,
    caller: Option<&Caller>,
    organization: OrganizationId,
    file_hash: [u8; 32],
    rows: &[MemberRow],
    blank: u32,
) -> Result<Option<(ImportBatch, AsOf)>, Undo> {
    let member_id = match caller {
        Some(caller) => {
            // Rights may have ended since the last unit.
            let member = membership::active(tx, caller.person_id, organization)?;
            membership::require(&member, Action::KeepMembers)?;
            tx.trace(caller.trace_parent.clone());
            Some(member.id)
        }
        None => None,
    };
    tx.act_as(Author { member_id, origin: Origin::Import });
    let kind = ImportKind::Members;
    let begun = tx.load_unfinished_import(organization, kind, &file_hash)?;
    let mut batch = match begun {
        Some(batch) => batch,
        None => new_batch(tx, organization, file_hash, blank)?,
    };
    let from = usize::try_from(batch.next_row).unwrap_or(usize::MAX).min(rows.len());
    let to = (from + IMPORT_UNIT_ROWS).min(rows.len());
    for row in &rows[from..to] {
        apply_row(tx, organization, row, &mut batch)?;
    }
    batch.next_row = u32::try_from(to).unwrap_or(u32::MAX);
    let changes = batch.created + batch.updated > 0;
    if to == rows.len() {
        if !changes {
            // Nothing was written for this file, and nothing is.
            return Ok(None);
        }
        batch.finished_at = Some(tx.now());
        tx.publish().import_applied(ImportApplied {
            batch_id: batch.id,
            kind,
            created: batch.created,
            updated: batch.updated,
            unchanged: batch.unchanged,
            skipped: batch.skipped,
        })?;
    }
    tx.save_import(&batch)?;
    let as_of = tx.as_of_here()?;
    Ok(Some((batch, as_of)))
}

fn new_batch(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    file_hash: [u8; 32],
    skipped: u32,
) -> Result<ImportBatch, Undo> {
    Ok(ImportBatch {
        id: BatchId::from_uuid(tx.new_uuid()),
        organization_id,
        kind: ImportKind::Members,
        file_hash,
        next_row: 0,
        created: 0,
        updated: 0,
        unchanged: 0,
        skipped,
        started_at: tx.now(),
        finished_at: None,
    })
}

fn apply_row(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    row: &MemberRow,
    batch: &mut ImportBatch,
) -> Result<(), Undo> {
    let Some(member) = tx.load_member_by_number(organization_id, &row.number)? else {
        batch.created += 1;
        return add(tx, organization_id, row);
    };
    match compare(row, &member) {
        Compared::Changed(mut changed, fields) => {
            batch.updated += 1;
            changed.updated_at = tx.now();
            tx.publish().member_updated(&mut changed, fields)?;
            tx.save_member(&changed)?;
        }
        Compared::Unchanged => batch.unchanged += 1,
        // Told as an error before; here only with `skipErrors`.
        Compared::OtherPerson => batch.skipped += 1,
    }
    Ok(())
}

fn add(tx: &mut Tx<'_>, organization_id: OrganizationId, row: &MemberRow) -> Result<(), Undo> {
    let today = tx.today()?;
    let mut member = Member {
        id: MemberId::from_uuid(tx.new_uuid()),
        organization_id,
        version: 0,
        number: row.number.clone(),
        person_id: None,
        status: row.status,
        roles: RoleSet::of(&[Role::Member]),
        name: row.name.clone(),
        phone: row.phone.clone(),
        email: row.email.clone(),
        joined_on: row.joined_on.unwrap_or(today),
        left_on: row.left_on,
        updated_at: tx.now(),
    };
    tx.publish().member_created(&mut member)?;
    Ok(tx.insert_member(&member)?)
}
