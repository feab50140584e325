//! Imports under way and done, so that one that was cut off goes on where it stopped.

use unionflow_protocol::{
    Timestamp,
    event::members::ImportKind,
    id::{BatchId, OrganizationId},
};

use crate::{
    fault::StoreFault,
    reader::Reader,
    sql::{ToParam, get},
    tx::Tx,
};

/// An import of one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportBatch {
    /// Its id.
    pub id: BatchId,
    /// Where.
    pub organization_id: OrganizationId,
    /// What the file brings.
    pub kind: ImportKind,
    /// SHA-256 of the file.
    pub file_hash: [u8; 32],
    /// The first line of the file that is not yet done.
    pub next_row: u32,
    /// Rows that made something.
    pub created: u32,
    /// Rows that changed something.
    pub updated: u32,
    /// Rows that changed nothing.
    pub unchanged: u32,
    /// Rows left out.
    pub skipped: u32,
    /// Since when.
    pub started_at: Timestamp,
    /// When it was complete.
    pub finished_at: Option<Timestamp>,
}

impl ImportBatch {
    /// Whether anything is other than before.
    pub const fn changed_something(&self) -> bool {
        self.created + self.updated > 0
    }
}

impl Reader<'_> {
    /// The import of this file that was begun and not finished.
    pub fn load_unfinished_import(
        &mut self,
        organization: OrganizationId,
        kind: ImportKind,
        file_hash: &[u8; 32],
    ) -> Result<Option<ImportBatch>, StoreFault> {
        self.first(
            "SELECT id, next_row, created, updated, unchanged, skipped, started_at FROM import_batch \
             WHERE organization_id = ?1 AND kind = ?2 AND file_hash = ?3 AND finished_at IS NULL",
            &[organization.param(), kind.as_str().param(), file_hash.param()],
            |row| {
                Ok(ImportBatch {
                    id: get(row, 0)?,
                    organization_id: organization,
                    kind,
                    file_hash: *file_hash,
                    next_row: get(row, 1)?,
                    created: get(row, 2)?,
                    updated: get(row, 3)?,
                    unchanged: get(row, 4)?,
                    skipped: get(row, 5)?,
                    started_at: get(row, 6)?,
                    finished_at: None,
                })
            },
        )
    }
}

impl Tx<'_> {
    /// Keeps how far an import has come.
    pub fn save_import(&mut self, batch: &ImportBatch) -> Result<(), StoreFault> {
        self.submit(
            "INSERT INTO import_batch (id, organization_id, kind, file_hash, next_row, created, updated, unchanged, skipped, \
             started_at, finished_at) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11) \
             ON CONFLICT (id) DO UPDATE SET next_row = excluded.next_row, created = excluded.created, \
             updated = excluded.updated, unchanged = excluded.unchanged, skipped = excluded.skipped, \
             finished_at = excluded.finished_at",
            &[
                batch.id.param(),
                batch.organization_id.param(),
                batch.kind.as_str().param(),
                batch.file_hash.param(),
                batch.next_row.param(),
                batch.created.param(),
                batch.updated.param(),
                batch.unchanged.param(),
                batch.skipped.param(),
                batch.started_at.param(),
                batch.finished_at.param(),
            ],
        )?;
        Ok(())
    }
}
