//! The local listener of metrics and health, on a runtime of its own: it answers while everything else is busy.

use std::{
    net::{SocketAddr, TcpListener},
    thread::JoinHandle,
};

use axum::{Router, http::header, response::IntoResponse, routing::get};
use tokio_util::sync::CancellationToken;

use crate::{health::Health, telemetry};

/// Serves until told to stop.
pub(crate) struct Admin {
    pub(crate) address: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Admin {
    pub(crate) fn start(listener: TcpListener, health: Health) -> std::io::Result<Self> {
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
            runtime.block_on(serve(listener, health, stopped));
        })?;
        Ok(Self { address, stop, thread: Some(thread) })
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn serve(listener: TcpListener, health: Health, stop: CancellationToken) {
    let handle = telemetry::metrics();
    let upkeep = async {
        let mut tick = tokio::time::interval(std::time::Duration::from_secs(5));
        loop {
            tick.tick().await;
            handle.run_upkeep();
        }
    };
    let text = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    let router: Router = health
        .router()
        .route("/metrics", get(move || async move { (text, handle.render()).into_response() }));
    let listener = match tokio::net::TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return tracing::error!(%error, "metrics are not served"),
    };
    let serving = axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned());
    tokio::select! {
        served = serving => {
            if let Err(error) = served {
                tracing::error!(%error, "metrics are no longer served");
            }
        }
        () = upkeep => {}
    }
}
