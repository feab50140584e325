//! Whether the process lives, and whether it can do its work.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use axum::{
    Json, Router,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};
use tokio::runtime::Handle;
use unionflow_bus::Bus;
use unionflow_storage::Store;

/// What the process is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    Starting,
    Ready,
    Draining,
}

/// The state of the process, as load balancers ask for it.
#[derive(Clone)]
pub(crate) struct Health {
    phase: Arc<AtomicU8>,
    store: Store,
    bus: Arc<dyn Bus>,
    /// Where the store's answers come in: the admin listener asks from another runtime.
    runtime: Handle,
}

const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

impl Health {
    pub(crate) fn new(store: Store, bus: Arc<dyn Bus>, runtime: Handle) -> Self {
        Self { phase: Arc::new(AtomicU8::new(Phase::Starting as u8)), store, bus, runtime }
    }

    pub(crate) fn set(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::SeqCst);
    }

    fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Starting,
            1 => Phase::Ready,
            _ => Phase::Draining,
        }
    }

    /// `/health/live` and `/health/ready`.
    pub(crate) fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let ready = self;
        Router::new()
            .route("/health/live", get(|| async { plain(StatusCode::OK, &json!({ "status": "live" })) }))
            .route("/health/ready", get(move || async move { ready.ready().await }))
    }

    async fn ready(&self) -> Response {
        let store = self.store.clone();
        let asked = self.runtime.spawn(async move {
            let read = store.read(|reader| Ok(reader.is_founded()?));
            tokio::time::timeout(STORE_ANSWERS_WITHIN, read).await
        });
        let store = match asked.await {
            Ok(Ok(Ok(_))) if self.store.is_full() => "full",
            Ok(Ok(Ok(_))) => "ok",
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => "unavailable",
        };
        let phase = self.phase();
        let bus = self.bus.standing();
        let (status, word) = match (phase, store) {
            // Commands and sockets work without the bus: whoever balances load need not turn away from it.
            (Phase::Ready, "ok") if !bus.is_up => (StatusCode::OK, "degraded"),
            // What is there can be read: another process would have no more room.
            (Phase::Ready, "full") => (StatusCode::OK, "degraded"),
            (Phase::Ready, "ok") => (StatusCode::OK, "ready"),
            (Phase::Ready, _) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            (Phase::Starting, _) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            (Phase::Draining, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        };
        plain(
            status,
            &json!({ "status": word, "parts": { "store": store, "bus": if bus.is_up { "ok" } else { "unavailable" } }, "bus": bus.name }),
        )
    }
}

fn plain(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body.clone())).into_response()
}
