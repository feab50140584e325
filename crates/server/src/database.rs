//! Which store, and how it is opened: the one place that names backends.

use std::{path::PathBuf, sync::Arc};

use unionflow_storage::{Clock, Store, StoreFault, SystemClock, sqlite};

/// Where the data is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Database {
    /// A file of the embedded store.
    File(PathBuf),
    /// A PostgreSQL database, by its address, which may hold a password.
    #[cfg(feature = "postgres")]
    Postgres(String),
}

impl Database {
    /// Opens it for a server. `clock`: one that is scripted; else each store has its own. Blocks.
    pub fn serve(self, clock: Option<Arc<dyn Clock>>) -> Result<Store, StoreFault> {
        match self {
            Self::File(path) => sqlite::open(sqlite::Options::server(path, or_the_systems(clock))),
            #[cfg(feature = "postgres")]
            Self::Postgres(address) => open_postgres(address, clock),
        }
    }

    /// Opens it beside a server that may be running. Blocks.
    pub(crate) fn beside(self, create: bool) -> Result<Store, StoreFault> {
        match self {
            Self::File(path) => {
                let beside = sqlite::Options::beside(path, or_the_systems(None));
                sqlite::open(sqlite::Options { create, ..beside })
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(address) => open_postgres(address, None),
        }
    }
}

pub(crate) fn or_the_systems(clock: Option<Arc<dyn Clock>>) -> Arc<dyn Clock> {
    clock.unwrap_or_else(|| Arc::new(SystemClock))
}

#[cfg(feature = "postgres")]
fn open_postgres(address: String, clock: Option<Arc<dyn Clock>>) -> Result<Store, StoreFault> {
    use unionflow_storage::postgres;
    postgres::open(postgres::Options { clock, ..postgres::Options::new(address) })
}
