//! Signals, and how the process ends.

use tokio_util::sync::CancellationToken;

/// Tells the server to stop. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// Asks for a stop.
    pub fn stop(&self) {
        self.0.cancel();
    }

    /// Done once a stop was asked for.
    pub async fn asked(&self) {
        self.0.cancelled().await;
    }
}

/// Stops at the first SIGINT or SIGTERM; the second ends the process at once. From the return of this function on, no signal
/// is missed.
pub(crate) fn stop_on_signals(stop: &Stop) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) =
        (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return tracing::warn!("signals cannot be caught: a stop will not be a clean one");
    };
    let stop = stop.clone();
    tokio::spawn(async move {
        for again in [false, true] {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if again {
                std::process::exit(130);
            }
            tracing::info!("stopping; a second signal ends at once");
            stop.stop();
        }
    });
}
