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
use unionflow_bus::{Bus, Standing};
use unionflow_storage::Store;

use crate::role::ProcessRole;

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
    role: ProcessRole,
    /// Where the store's answers come in: the admin listener asks from another runtime.
    runtime: Handle,
}

const STORE_ANSWERS_WITHIN: Duration = Duration::from_secs(2);

impl Health {
    pub(crate) fn new(store: Store, bus: Arc<dyn Bus>, role: ProcessRole, runtime: Handle) -> Self {
        Self { phase: Arc::new(AtomicU8::new(Phase::Starting as u8)), store, bus, role, runtime }
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
        let role = self.role.as_str();
        let ready = self;
        let live = json!({ "status": "live", "role": role });
        Router::new()
            .route("/health/live", get(move || async move { plain(StatusCode::OK, &live) }))
            .route("/health/ready", get(move || async move { ready.ready().await }))
    }

    async fn ready(&self) -> Response {
        let store = self.store.clone();
        let asked = self.runtime.spawn(async move {
            let read = store.read(|reader| Ok(reader.is_founded()?));
            tokio::time::timeout(STORE_ANSWERS_WITHIN, read).await
        });
        let store = match asked.await {
            Ok(Ok(Ok(_))) if self.store.is_full() => StoreIs::Full,
            Ok(Ok(Ok(_))) => StoreIs::Well,
            Ok(Ok(Err(_)) | Err(_)) | Err(_) => StoreIs::Away,
        };
        let (phase, bus) = (self.phase(), self.bus.standing());
        let (status, word) = match (phase, store) {
            (Phase::Starting, _) => (StatusCode::SERVICE_UNAVAILABLE, "starting"),
            (Phase::Draining, _) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
            (Phase::Ready, StoreIs::Away) => (StatusCode::SERVICE_UNAVAILABLE, "unavailable"),
            // What is there can be read: another process would have no more room.
            (Phase::Ready, StoreIs::Full) => (StatusCode::OK, "degraded"),
            // Commands and sockets work without the bus: whoever balances load need not turn away from it.
            (Phase::Ready, StoreIs::Well) if !bus.is_up || bus.takes_in == Some(false) => {
                (StatusCode::OK, "degraded")
            }
            (Phase::Ready, StoreIs::Well) => (StatusCode::OK, "ready"),
        };
        let mut body = json!({
            "status": word,
            "role": self.role.as_str(),
            "parts": { "store": store.as_str(), "bus": part(bus.is_up) },
            "bus": bus.name,
            "works": works(self.role, phase, store, bus),
        });
        if let Some(takes_in) = bus.takes_in {
            body["parts"]["inbound"] = part(takes_in).into();
        }
        if let Some(detail) = detail(phase, store, bus) {
            body["detail"] = detail.into();
        }
        plain(status, &body)
    }
}

/// How the store answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StoreIs {
    Well,
    /// It answers, and takes nothing.
    Full,
    Away,
}

impl StoreIs {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Full => "full",
            Self::Away => "unavailable",
        }
    }
}

const fn part(is_well: bool) -> &'static str {
    if is_well { "ok" } else { "unavailable" }
}

/// What still works: `read` answers, `record` commands, `deliver` events to sockets, `publish` them to other systems, `take_in`
/// what those send.
fn works(role: ProcessRole, phase: Phase, store: StoreIs, bus: Standing) -> Vec<&'static str> {
    if phase == Phase::Starting {
        return Vec::new();
    }
    let api = role.has_api();
    let works = [
        ("read", api && store != StoreIs::Away),
        ("record", api && store == StoreIs::Well),
        // Either brings the events of other processes.
        ("deliver", role.has_gateway() && phase == Phase::Ready && (bus.is_up || store != StoreIs::Away)),
        ("publish", api && bus.is_up && store != StoreIs::Away),
        ("take_in", api && bus.takes_in == Some(true) && store == StoreIs::Well),
    ];
    works.into_iter().filter_map(|(what, works)| works.then_some(what)).collect()
}

/// What is the matter, for whoever reads it at night.
const fn detail(phase: Phase, store: StoreIs, bus: Standing) -> Option<&'static str> {
    Some(match (phase, store, bus.is_up) {
        (Phase::Starting, _, _) => "it starts: ask again in a moment",
        (Phase::Draining, _, _) => "it stops: what was begun is finished, new work belongs elsewhere",
        (Phase::Ready, StoreIs::Away, true) => {
            "the store does not answer: nothing is read or recorded until it does; sockets stay open"
        }
        (Phase::Ready, StoreIs::Away, false) => {
            "neither the store nor the bus answers: nothing is read, recorded or delivered until they do; sockets stay open"
        }
        (Phase::Ready, StoreIs::Full, _) => {
            "the disk is full: nothing is recorded until there is room; what is there can be read"
        }
        (Phase::Ready, StoreIs::Well, false) => {
            "the bus does not answer or takes no events (the log says why): commands are recorded and every socket sees them; events for other systems wait in the outbox"
        }
        (Phase::Ready, StoreIs::Well, true) if matches!(bus.takes_in, Some(false)) => {
            "what other systems send is not taken in (the log says why): it waits on the bus; everything else works"
        }
        (Phase::Ready, StoreIs::Well, true) => return None,
    })
}

fn plain(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CACHE_CONTROL, "no-store")], Json(body.clone())).into_response()
}
