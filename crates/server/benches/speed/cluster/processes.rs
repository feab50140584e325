//! Servers in processes of their own, on one database.

use std::net::SocketAddr;

use unionflow_components::Database;
use unionflow_testkit::ServerProcess;

use super::Stage;
use crate::worlds::binary;

/// A server, and where its metrics are.
pub(super) struct Process {
    pub(super) server: ServerProcess,
    admin: SocketAddr,
}

impl Process {
    pub(super) async fn start(
        stage: &Stage,
        database: &Database,
        has_kafka: bool,
        more: &[(&str, &str)],
    ) -> Self {
        let (address, admin) = (ServerProcess::free_address(), unused_address());
        let mut variables = vec![
            ("DATABASE_URL", database.url().to_owned()),
            ("UNIONFLOW_ADMIN_LISTEN", admin.to_string()),
            // A broker that is gone is told of every second.
            ("UNIONFLOW_LOG", "error".to_owned()),
        ];
        if has_kafka {
            variables.push(("KAFKA_BOOTSTRAP_SERVERS", stage.kafka.servers()));
        }
        variables.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
        Self { server: ServerProcess::start_with(&binary(), address, &variables, None).await, admin }
    }

    pub(super) fn address(&self) -> String {
        self.server.address.to_string()
    }

    /// What a counter of it stands at.
    pub(super) async fn counter(&self, name: &str) -> u64 {
        let url = format!("http://{}/metrics", self.admin);
        let text = reqwest::get(url).await.expect("it answers").text().await.expect("a text");
        let value = text.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok());
        value.unwrap_or(0)
    }
}

fn unused_address() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    listener.local_addr().expect("it is bound")
}
