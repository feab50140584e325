//! SQLite: the embedded default. One writer thread with group commit, readers apart.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use unionflow_protocol::id::Epoch;

use crate::{clock::Clock, fault::StoreFault, ids::Ids, store::Store};

mod backend;
mod backup;
mod connection;
pub(crate) mod leaving;
mod lock;
mod migrate;

pub use backup::{Progress, Restored, backup, check, restore};
pub use leaving::take_back;

/// How a store is opened.
pub struct Options {
    /// The database file.
    pub path: PathBuf,
    /// Whether it may be created.
    pub create: bool,
    /// Whether this process is the server of the file; there is one at most. Other commands work beside it.
    pub server: bool,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The source of ids.
    pub ids: Ids,
    /// Pages that the file may grow to: how tests make a disk full.
    pub pages_max: Option<u32>,
}

impl Options {
    /// A server's store, made where there is none.
    pub fn server(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self { path: path.into(), create: true, server: true, clock, ids: Ids::system(), pages_max: None }
    }

    /// The store of a command that works beside a server, or without one.
    pub fn beside(path: impl Into<PathBuf>, clock: Arc<dyn Clock>) -> Self {
        Self { path: path.into(), create: false, server: false, clock, ids: Ids::system(), pages_max: None }
    }
}

/// Opens a store: locks it if this is a server, brings its schema up to date, and starts its threads. One that was moved to a
/// database is refused.
pub fn open(options: Options) -> Result<Store, StoreFault> {
    let Options { path, create, server, clock, ids, pages_max } = options;
    if create {
        connection::make_folder(&path)?;
    } else if !path.exists() {
        return Err(StoreFault::Missing(path));
    }
    let lock = if server { Some(lock::ServerLock::take(&path)?) } else { None };
    let mut writer = connection::open_writer(&path)?;
    migrate::migrate(&mut writer, &path)?;
    leaving::refuse_moved(&writer, &path)?;
    if let Some(pages) = pages_max {
        connection::limit_pages(&writer, &path, pages)?;
    }
    let epoch = migrate::epoch(&mut writer, &ids, clock.now(), &path)?;
    let backend = backend::SqliteBackend::start(path, writer, lock, clock)?;
    Ok(Store::new(Arc::new(backend), epoch, ids))
}

/// The epoch of a store file, without opening it for work.
pub fn epoch_of(path: &Path) -> Result<Epoch, StoreFault> {
    let connection = connection::open_reader(path)?;
    migrate::stored_epoch(&connection, path)?.ok_or_else(|| StoreFault::Foreign(path.to_owned()))
}
