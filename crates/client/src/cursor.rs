//! Where a client is in an organisation's journal, and keeping that over a restart.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use unionflow_protocol::{
    RoleSet, Seq,
    id::{Epoch, MemberId, OrganizationId},
};

/// A client is complete up to `seq` of the journal's incarnation `epoch`, by the roles it held there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Cursor {
    /// Where.
    pub organization_id: OrganizationId,
    /// Whose: another member sees other events, and so cannot go on from here.
    pub member_id: MemberId,
    /// The journal's incarnation.
    pub epoch: Epoch,
    /// The last event up to which the client is complete.
    pub seq: Seq,
    /// The roles by which it saw: other roles later mean that something must be forgotten.
    pub roles: RoleSet,
}

/// Keeps cursors over a restart of the program. Called seldom (at most about once a second) and never from a thread that runs
/// other tasks, so it may block.
///
/// A cursor belongs to whoever is signed in: give each account a store of its own.
///
/// ```
/// use std::{collections::HashMap, io, sync::Mutex};
/// use unionflow_client::{Cursor, CursorStore};
/// use unionflow_protocol::id::OrganizationId;
///
/// #[derive(Default)]
/// struct InMemory(Mutex<HashMap<OrganizationId, Cursor>>);
///
/// impl CursorStore for InMemory {
///     fn load(&self, organization_id: OrganizationId) -> io::Result<Option<Cursor>> {
///         Ok(self.0.lock().unwrap().get(&organization_id).copied())
///     }
///
///     fn save(&self, cursor: &Cursor) -> io::Result<()> {
///         self.0.lock().unwrap().insert(cursor.organization_id, *cursor);
///         Ok(())
///     }
/// }
/// ```
pub trait CursorStore: Send + Sync {
    /// The cursor last kept for an organisation. What cannot be read is none: the client then begins anew.
    fn load(&self, organization_id: OrganizationId) -> io::Result<Option<Cursor>>;

    /// Keeps a cursor, in place of the one before. When it returns, it is kept.
    fn save(&self, cursor: &Cursor) -> io::Result<()>;
}

/// Cursors in a folder, a small JSON file for each organisation. A file is replaced whole or not at all.
///
/// ```no_run
/// use unionflow_client::FileCursorStore;
///
/// let store = FileCursorStore::new("/var/lib/bridge/cursors");
/// ```
#[derive(Debug, Clone)]
pub struct FileCursorStore {
    folder: PathBuf,
}

impl FileCursorStore {
    /// In this folder, which is made when it is first needed.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    /// Where cursors are kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn file(&self, organization_id: OrganizationId) -> PathBuf {
        self.folder.join(format!("{organization_id}.cursor.json"))
    }
}

impl CursorStore for FileCursorStore {
    fn load(&self, organization_id: OrganizationId) -> io::Result<Option<Cursor>> {
        let bytes = match fs::read(self.file(organization_id)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let cursor: Option<Cursor> = serde_json::from_slice(&bytes).ok();
        Ok(cursor.filter(|cursor| cursor.organization_id == organization_id))
    }

    fn save(&self, cursor: &Cursor) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let file = self.file(cursor.organization_id);
        let next = file.with_extension("next");
        let mut writing = fs::File::create(&next)?;
        io::Write::write_all(&mut writing, &serde_json::to_vec(cursor)?)?;
        writing.sync_all()?;
        fs::rename(&next, &file)
    }
}
