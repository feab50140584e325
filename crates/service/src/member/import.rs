//! `POST /members/imports` and `unionflow import members`: a file of members, in units that let others through.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};

use serde::Serialize;
use sha2::{Digest, Sha256};
use unionflow_domain::{
    Refusal,
    contact::Country,
    detail::Detail,
    hint::Hint,
    import::{
        Compared, LISTED_MAX, Meant, MemberRow, Reading, RowFault, Told, Unreadable, compare, meant, read,
    },
    member::Member,
    permissions::Action,
};
use unionflow_protocol::{
    Date, Language, Origin, Role, RoleSet,
    event::members::{ImportApplied, ImportKind},
    id::{BatchId, EventId, MemberId, OrganizationId},
    limits::{IMPORT_COLUMNS_MAX, IMPORT_ERRORS_LISTED, IMPORT_ROWS_MAX, IMPORT_UNIT_ROWS},
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

/// Characters of a cell that a report shows: one that swallowed half of the file is not repeated in whole.
const SHOWN_CHARS: usize = 80;
/// Members that an organisation may have: what a comparison holds in memory.
const MEMBERS_MAX: usize = 1_000_000;

/// What would happen, by the members as they are now.
struct Outlook {
    created: u32,
    updated: u32,
    unchanged: u32,
    changes: Vec<RowChange>,
    withheld: Told,
    conflicts: Told,
    /// The rows that the conflicts are about.
    left_out: BTreeSet<u32>,
}

impl Service {
    /// Whether somebody may import: asked before the file is read, which may be long.
    pub async fn may_import(&self, caller: &Caller, organization: OrganizationId) -> Result<(), Undo> {
        let person = caller.person_id;
        self.read(move |reader| {
            let member = membership::active(reader, person, organization)?;
            Ok(membership::require(&member, Action::KeepMembers)?)
        })
        .await
    }

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
        let rows: Arc<[MemberRow]> = reading.rows.as_slice().into();
        let (outlook, begun, as_of) = {
            let rows = rows.clone();
            self.read(move |reader| {
                let begun = reader.load_unfinished_import(organization, ImportKind::Members, &file_hash)?;
                Ok((look_ahead(reader, organization, &rows)?, begun, reader.as_of(organization)?))
            })
            .await?
        };
        let mut report = report(&reading, &outlook, wanted, as_of);
        if wanted.dry_run {
            return Ok(report);
        }
        if report.error_count > 0 && !wanted.skip_errors {
            let refusal =
                Refusal { current: serde_json::to_value(&report).ok(), ..ErrorCode::ImportHasErrors.into() };
            return Err(refusal.into());
        }
        report.dry_run = false;
        if begun.is_none() && outlook.created + outlook.updated == 0 {
            return Ok(report);
        }
        let apply = Apply {
            organization,
            file_hash,
            rows: rows.iter().filter(|row| !outlook.left_out.contains(&row.row)).cloned().collect(),
            skipped: reading.blank + report.rows_with_errors,
        };
        let (batch, as_of) = self.apply(caller, apply, &mut progress).await?;
        (report.created, report.updated, report.unchanged) = (batch.created, batch.updated, batch.unchanged);
        report.batch_id = batch.changed_something().then_some(batch.id);
        report.as_of = as_of;
        Ok(report)
    }

    /// Applies rows unit by unit.
    async fn apply(
        &self,
        caller: Option<Caller>,
        apply: Apply,
        progress: &mut (impl FnMut(Progress) + Send),
    ) -> Result<(ImportBatch, AsOf), Undo> {
        let total = u32::try_from(apply.rows.len()).unwrap_or(u32::MAX);
        let organization = apply.organization;
        let apply = Arc::new(apply);
        loop {
            let (caller, apply) = (caller.clone(), apply.clone());
            let unit = self
                .store()
                .write(Scope::Organization(organization), move |tx| apply_unit(tx, caller.as_ref(), &apply));
            let (batch, done, as_of) = unit.await?;
            progress(Progress { done, total });
            if batch.finished_at.is_some() {
                return Ok((batch, as_of));
            }
            // Others who wait for the store come first.
            tokio::task::yield_now().await;
        }
    }
}

/// What is to be applied.
struct Apply {
    organization: OrganizationId,
    file_hash: [u8; 32],
    /// The rows without errors.
    rows: Vec<MemberRow>,
    /// Rows left out, for the summary.
    skipped: u32,
}

/// Reading is work for a processor: not for an async thread.
async fn read_file(file: Vec<u8>, country: Country, today: Date) -> Result<Reading, Undo> {
    let read = tokio::task::spawn_blocking(move || read(&file, country, today)).await;
    let read = read.map_err(|error| unionflow_storage::StoreFault::Malformed(error.to_string()))?;
    read.map_err(|unreadable| {
        let refusal = match unreadable {
            Unreadable::NoTable(instead) => Refusal::because(ErrorCode::UnknownLayout, instead),
            Unreadable::ColumnsMissing(missing) => {
                let column = |refusal: Refusal, name| refusal.at(name, FieldCode::Required, Hint::Required);
                missing.into_iter().fold(ErrorCode::UnknownLayout.into(), column)
            }
            Unreadable::TooManyColumns => {
                Refusal::because(ErrorCode::UnknownLayout, Detail::ColumnsAtMost(IMPORT_COLUMNS_MAX as u32))
            }
            Unreadable::TooManyRows => {
                Refusal::because(ErrorCode::BodyTooLarge, Detail::RowsAtMost(IMPORT_ROWS_MAX as u32))
            }
        };
        refusal.into()
    })
}

fn look_ahead(
    reader: &mut Reader<'_>,
    organization: OrganizationId,
    rows: &[MemberRow],
) -> Result<Outlook, Undo> {
    let members = reader.load_members(organization, &MemberFilter::default(), None, MEMBERS_MAX)?;
    let register = Register::of(&members, rows);
    let mut outlook = Outlook {
        created: 0,
        updated: 0,
        unchanged: 0,
        changes: Vec::new(),
        withheld: Told::at_most(LISTED_MAX),
        conflicts: Told::at_most(IMPORT_ERRORS_LISTED),
        left_out: BTreeSet::new(),
    };
    for row in rows {
        let member = match register.find(row) {
            Ok(Some(member)) => member,
            Ok(None) => {
                outlook.created += 1;
                continue;
            }
            Err(hint) => {
                outlook.leave_out(row, hint);
                continue;
            }
        };
        outlook.withheld.extend(row.withheld(member));
        match compare(row, member) {
            Compared::Unchanged => outlook.unchanged += 1,
            Compared::Changed(_, fields) => {
                outlook.updated += 1;
                if outlook.changes.len() < LISTED_MAX {
                    let member_number = member.number.as_str().to_owned();
                    outlook.changes.push(RowChange { row: row.row, member_number, fields });
                }
            }
            Compared::OtherPerson => outlook.leave_out(row, Hint::NumberOfOther),
        }
    }
    Ok(outlook)
}

impl Outlook {
    fn leave_out(&mut self, row: &MemberRow, hint: Hint) {
        let (column, value) = (row.key_column.clone(), row.who());
        self.conflicts.push(RowFault { row: row.row, column, value, hint });
        self.left_out.insert(row.row);
    }
}

/// The members of an organisation, as rows name them.
struct Register<'a> {
    by_number: HashMap<&'a str, &'a Member>,
    by_name: HashMap<String, Vec<&'a Member>>,
    /// Members that a row without a number names by phone or e-mail: another row of that name is somebody else.
    taken: BTreeSet<MemberId>,
}

impl<'a> Register<'a> {
    fn of(members: &'a [Member], rows: &[MemberRow]) -> Self {
        let by_number = members.iter().map(|member| (member.number.as_str(), member)).collect();
        let mut register = Self { by_number, by_name: HashMap::new(), taken: BTreeSet::new() };
        if rows.iter().all(|row| row.number.is_some()) {
            return register;
        }
        for member in members {
            register.by_name.entry(member.name.sort_key()).or_default().push(member);
        }
        for row in rows.iter().filter(|row| row.number.is_none()) {
            let namesakes = register.by_name.get(&row.name.sort_key()).into_iter().flatten();
            let same = namesakes.filter(|member| row.shares_contact_with(member)).map(|member| member.id);
            register.taken.extend(same);
        }
        register
    }

    /// Whom a row is about; nobody yet where that is somebody new.
    fn find(&self, row: &MemberRow) -> Result<Option<&'a Member>, Hint> {
        if let Some(number) = &row.number {
            return Ok(self.by_number.get(number.as_str()).copied());
        }
        let namesakes = self.by_name.get(&row.name.sort_key()).map_or(&[][..], Vec::as_slice);
        match meant(row, namesakes) {
            Meant::Nobody => Ok(None),
            Meant::Member(member) => Ok(Some(member)),
            Meant::Several => Err(Hint::SeveralOfThisName),
            Meant::OtherContact(member) => {
                let others = namesakes.iter().all(|namesake| self.taken.contains(&namesake.id));
                let number = member.number.as_str().to_owned();
                if others { Ok(None) } else { Err(Hint::NamesakeHere { number }) }
            }
        }
    }
}

/// A cell as a report shows it: on one line, without what a terminal would obey, and cut where it is endless.
fn shown(value: &str) -> String {
    let mut text: String = value.chars().take(SHOWN_CHARS).collect();
    if text.len() < value.len() {
        text.push('…');
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn report(reading: &Reading, outlook: &Outlook, wanted: Wanted, as_of: AsOf) -> ImportReport {
    let said = |fault: &RowFault| RowError {
        row: fault.row,
        column: shown(&fault.column),
        value: shown(&fault.value),
        hint: fault.hint.text(wanted.language),
    };
    let shown_all = |names: &[String]| names.iter().map(|name| shown(name)).collect();
    let mut errors: Vec<&RowFault> = reading.faults.iter().chain(outlook.conflicts.iter()).collect();
    errors.sort_by_key(|error| error.row);
    errors.truncate(IMPORT_ERRORS_LISTED);
    ImportReport {
        batch_id: None,
        dry_run: wanted.dry_run,
        reading: FileReading {
            encoding: reading.encoding.to_owned(),
            separator: reading.separator,
            columns: shown_all(&reading.columns),
            ignored_columns: shown_all(&reading.ignored_columns),
        },
        created: outlook.created,
        updated: outlook.updated,
        unchanged: outlook.unchanged,
        skipped: reading.blank,
        error_count: reading.faults.count() + outlook.conflicts.count(),
        rows_with_errors: reading.faults.rows() + outlook.conflicts.rows(),
        errors: errors.into_iter().map(said).collect(),
        changes: outlook.changes.clone(),
        proposal_count: outlook.withheld.count() + reading.remarks.count(),
        proposals: outlook.withheld.iter().chain(reading.remarks.iter()).take(LISTED_MAX).map(said).collect(),
        as_of,
    }
}

/// One unit: at most 500 rows, and how many are done with it.
fn apply_unit(
    tx: &mut Tx<'_>,
    caller: Option<&Caller>,
    apply: &Apply,
) -> Result<(ImportBatch, u32, AsOf), Undo> {
    let Apply { organization, file_hash, rows, skipped } = apply;
    let member_id = match caller {
        Some(caller) => {
            // Rights may have ended since the last unit.
            let member = membership::active(tx, caller.person_id, *organization)?;
            membership::require(&member, Action::KeepMembers)?;
            tx.trace(caller.trace_parent.clone());
            Some(member.id)
        }
        None => None,
    };
    tx.act_as(Author { member_id, origin: Origin::Import });
    let begun = tx.load_unfinished_import(*organization, ImportKind::Members, file_hash)?;
    let mut batch = match begun {
        Some(batch) => batch,
        None => new_batch(tx, *organization, *file_hash, *skipped)?,
    };
    // Each row's events name the batch, so that it can be found again whole.
    tx.caused_by(Some(EventId::from_uuid(batch.id.uuid())));
    let from = rows.partition_point(|row| row.row < batch.next_row);
    let to = (from + IMPORT_UNIT_ROWS).min(rows.len());
    for row in &rows[from..to] {
        apply_row(tx, *organization, row, &mut batch)?;
    }
    batch.next_row = rows.get(to).map_or(u32::MAX, |row| row.row);
    if to == rows.len() {
        batch.finished_at = Some(tx.now());
        // A file that another import has brought in meanwhile leaves nothing to tell.
        if batch.changed_something() {
            tx.publish().import_applied(ImportApplied {
                batch_id: batch.id,
                kind: batch.kind,
                created: batch.created,
                updated: batch.updated,
                unchanged: batch.unchanged,
                skipped: batch.skipped,
            })?;
        }
    }
    tx.save_import(&batch)?;
    let as_of = tx.as_of_here()?;
    Ok((batch, u32::try_from(to).unwrap_or(u32::MAX), as_of))
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

/// What a row without a number means is decided here once more, under the lock.
fn apply_row(
    tx: &mut Tx<'_>,
    organization_id: OrganizationId,
    row: &MemberRow,
    batch: &mut ImportBatch,
) -> Result<(), Undo> {
    let member = match &row.number {
        Some(number) => tx.load_member_by_number(organization_id, number)?,
        None => {
            let namesakes = tx.load_namesakes(organization_id, &row.name.sort_key())?;
            match meant(row, &namesakes.iter().collect::<Vec<_>>()) {
                Meant::Member(member) => Some(member.clone()),
                // Another contact: somebody else of that name, or the row would have been left out.
                Meant::Nobody | Meant::OtherContact(_) => None,
                Meant::Several => {
                    batch.skipped += 1;
                    return Ok(());
                }
            }
        }
    };
    let Some(member) = member else {
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
        // Told as an error before; here only where the number was given away since.
        Compared::OtherPerson => batch.skipped += 1,
    }
    Ok(())
}

fn add(tx: &mut Tx<'_>, organization_id: OrganizationId, row: &MemberRow) -> Result<(), Undo> {
    let today = tx.today()?;
    let number = match &row.number {
        Some(number) => number.clone(),
        None => tx.next_member_number()?,
    };
    let mut member = Member {
        id: MemberId::from_uuid(tx.new_uuid()),
        organization_id,
        version: 0,
        number,
        person_id: None,
        status: row.status,
        roles: RoleSet::of(&[Role::Member]),
        name: row.name.clone(),
        phone: row.phone.clone(),
        email: row.email.clone(),
        joined_on: row.joined_on.unwrap_or(today),
        left_on: row.left_on,
        code_givers: Vec::new(),
        updated_at: tx.now(),
    };
    tx.publish().member_created(&mut member)?;
    Ok(tx.insert_member(&member)?)
}
