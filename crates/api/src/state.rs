//! What every handler works with.

use std::sync::Arc;

use tokio::sync::Semaphore;
use unionflow_service::Service;
use unionflow_storage::Clock;

use crate::{body::Memory, config::Config, limit::Limits, uploads::Uploads};

/// Everything that handlers need.
pub struct Api {
    pub(crate) service: Service,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) config: Config,
    pub(crate) limits: Limits,
    pub(crate) bodies: Memory,
    pub(crate) uploads: Uploads,
    pub(crate) importing: Semaphore,
}

impl Api {
    /// The API of a service.
    pub fn new(service: Service, clock: Arc<dyn Clock>, config: Config) -> Arc<Self> {
        let limits = Limits::new(&config);
        Arc::new(Self {
            service,
            clock,
            config,
            limits,
            bodies: Memory::default(),
            uploads: Uploads::default(),
            importing: Semaphore::new(1),
        })
    }

    /// Forgets callers who have been quiet. Called every minute.
    pub fn forget_quiet(&self) {
        self.limits.forget_quiet();
    }
}
