//! What an operator's tools see: log lines and metrics.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex, OnceLock},
};

use tracing_subscriber::{EnvFilter, fmt::MakeWriter};
use unionflow_testkit::World;

/// Every log line of ours in this process.
#[derive(Clone, Default)]
pub(crate) struct LogLines(Arc<Mutex<Vec<u8>>>);

impl LogLines {
    /// Records from the first call on, at the finest level.
    pub(crate) fn record() -> Self {
        static LINES: OnceLock<LogLines> = OnceLock::new();
        LINES
            .get_or_init(|| {
                let lines = Self::default();
                let ours = ["api", "auth", "bus", "domain", "gateway", "server", "service", "storage"];
                let filter = ours.map(|name| format!("unionflow_{name}=trace")).join(",");
                let subscriber = tracing_subscriber::fmt()
                    .with_env_filter(EnvFilter::new(format!("off,{filter}")))
                    .with_ansi(false)
                    .with_writer(lines.clone())
                    .finish();
                tracing::subscriber::set_global_default(subscriber).expect("the first of this process");
                lines
            })
            .clone()
    }

    pub(crate) fn said(&self) -> String {
        let lines = self.0.lock().unwrap();
        String::from_utf8_lossy(&lines).into_owned()
    }
}

impl Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogLines {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// What the admin listener tells whoever collects metrics.
pub(crate) async fn metrics(world: &World) -> String {
    let url = format!("http://{}/metrics", world.server().admin_address);
    reqwest::get(url).await.unwrap().text().await.unwrap()
}
