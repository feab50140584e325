//! User memory per idle connection.

use unionflow_protocol::Role;

use crate::{
    clients::{Clients, upgrade},
    report::Report,
    worlds::Alone,
};

const SOCKETS: usize = 5_000;

pub(crate) async fn measure(report: &mut Report) {
    let alone = Alone::start().await;
    let treasurer = alone.signed_in(Role::Treasurer).await;
    let before = resident_kib(alone.server.id());
    let upgrade = upgrade(&alone.address, &alone.troupe.id.to_string(), &treasurer.token);
    let mut clients = Clients::connect(&alone.address, SOCKETS, "NOTHING", Some(&upgrade));
    clients.ready();
    let after = resident_kib(alone.server.id());
    let each = (after - before) as f64 / SOCKETS as f64;
    report.row(
        "user memory per idle connection (5,000 open)",
        format!("{each:.2} KiB"),
        format!("{} MiB before, {} MiB with them", before / 1024, after / 1024),
        "≤ 12 KiB",
        each <= 12.0,
    );
    drop(clients);
    alone.end().await;
}

/// The resident memory of a process: what it has in user space, libraries included.
pub(crate) fn resident_kib(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).expect("the process runs");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux says it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}
