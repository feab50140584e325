//! What `cargo xtask bench` measures: the figures that the server promises, each beside a baseline of the same run.
//!
//! Machines are noisy and differ; the ratio to the baseline is what can be compared. Nothing here fails for being slow.
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod clients;
#[cfg(all(feature = "kafka", feature = "postgres"))]
mod cluster;
mod decision;
mod delivery;
mod import;
mod memory;
mod report;
mod sdk;
mod start;
mod submissions;
mod worlds;

use report::Report;

const USAGE: &str = "\
cargo xtask bench [MEASURE …]

  submissions   durable approval submissions a second, 16 clients, 16 organisations; beside what the disk can sync
  import        10,000 members, and how long another organisation's commands take meanwhile
  start         from the start of the process to the first answer; beside the start of a process that does nothing
  memory        user memory per idle connection
  delivery      commit → last of 1,000 sockets; beside plain writes to 1,000 sockets
  sdk           an event's way through the Rust SDK, and a client's memory
  decision      approve (request sent) → frame at one subscriber, 20 a second

All of them, if none is named.

  cluster [MEASURE …]   the same on PostgreSQL and Kafka, which are started for it: `cargo xtask bench cluster help`
";

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == clients::ROLE) {
        return clients::run(&arguments[1..]);
    }
    #[cfg(all(feature = "kafka", feature = "postgres"))]
    if arguments.first().is_some_and(|first| first == "cluster") {
        return measured(async |report| cluster::measure(report, &arguments[1..]).await);
    }
    let wants = |name: &str| arguments.is_empty() || arguments.iter().any(|argument| argument == name);
    let known = ["submissions", "import", "start", "memory", "delivery", "decision", "sdk"];
    if arguments.iter().any(|argument| !known.contains(&argument.as_str())) {
        eprint!("{USAGE}");
        std::process::exit(2);
    }
    measured(async |report| {
        if wants("submissions") {
            submissions::measure(report).await;
        }
        if wants("import") {
            import::measure(report).await;
        }
        if wants("start") {
            start::measure(report).await;
        }
        if wants("memory") {
            memory::measure(report).await;
        }
        if wants("delivery") {
            delivery::measure(report).await;
        }
        if wants("decision") {
            decision::measure(report).await;
        }
        if wants("sdk") {
            sdk::measure(report).await;
        }
    });
}

/// Measures, and prints the table.
fn measured(measure: impl AsyncFnOnce(&mut Report)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let mut report = Report::begin();
    runtime.block_on(measure(&mut report));
    report.print();
}
