//! What is measured on a real PostgreSQL, as durable as it comes, and a real Kafka; both are started for it.

use unionflow_components::{Database, Kafka, Postgres};
use unionflow_server::Settings;
use unionflow_service::Service;
use unionflow_storage::{Store, postgres};
use unionflow_testkit::{open_service_on, settings};

use crate::report::Report;

mod across;
mod approvals;
mod backlog;
mod cpu;
mod growth;
mod processes;
mod shortest;

const USAGE: &str = "\
cargo xtask bench cluster [MEASURE …]

  shortest      commit → frame in the same process, with Kafka; beside the in-process bus on the same PostgreSQL
  across        approve (request sent) → frame at a subscriber of another process, 20 a second; beside no Kafka
  approvals     approvals a second, 16 clients, 16 organisations; beside what the disk can sync
  backlog       events a second that the relay moves from the journal to Kafka; beside the same without reading them
  growth        memory of a gateway: with a journal of 1,000 and of 200,000 events, and while Kafka is away
  units         durable units a second on PostgreSQL, beside pgbench with the same statements

All of them, if none is named.
";

/// Those of this program: `units` is a program of the store's own.
const MEASURES: [&str; 5] = ["shortest", "across", "approvals", "backlog", "growth"];

/// Measures what is named, or everything.
pub(crate) async fn measure(report: &mut Report, named: &[String]) {
    if named.iter().any(|name| !MEASURES.contains(&name.as_str())) {
        eprint!("{USAGE}");
        std::process::exit(2);
    }
    for measure in MEASURES {
        if !named.is_empty() && !named.iter().any(|name| name == measure) {
            continue;
        }
        // Anew for each: nobody reads what another measure left behind.
        let mut stage = Stage::start();
        match measure {
            "shortest" => shortest::measure(report, &stage).await,
            "across" => across::measure(report, &stage).await,
            "approvals" => approvals::measure(report, &stage).await,
            "backlog" => backlog::measure(report, &stage).await,
            _ => growth::measure(report, &mut stage).await,
        }
    }
}

/// A PostgreSQL and a Kafka of a measure's own.
pub(crate) struct Stage {
    postgres: Postgres,
    kafka: Kafka,
}

impl Stage {
    fn start() -> Self {
        tokio::task::block_in_place(|| Self {
            postgres: Postgres::start().expect("PostgreSQL starts"),
            kafka: Kafka::start().expect("Kafka starts"),
        })
    }

    fn database(&self) -> Database {
        tokio::task::block_in_place(|| self.postgres.new_database()).expect("a database")
    }

    /// Of a server on this database, with Kafka or without.
    fn settings(&self, database: &Database, has_kafka: bool) -> Settings {
        let mut settings = settings(std::path::Path::new("unused"));
        database.url().clone_into(&mut settings.database_url);
        settings.kafka_bootstrap_servers = if has_kafka { self.kafka.servers() } else { String::new() };
        settings
    }
}

fn open_store(database: &Database) -> Store {
    postgres::open(postgres::Options::new(database.url())).expect("a store opens")
}

/// The use cases on a database, without a server.
async fn open_service(database: &Database) -> Service {
    open_service_on(open_store(database)).await
}

fn close(service: &Service) {
    tokio::task::block_in_place(|| service.store().close());
}

/// Lengthens every journal by copies of one of its events: neither relay nor gateway look into an event, and nobody verifies
/// the chain here.
fn lengthen(database: &Database, events: u64) {
    let copy = format!(
        "INSERT INTO journal (organization_id, seq, event_id, event_type, topic, audience, aggregate_id, recorded_at, \
         trace_parent, inbound, envelope, hash) SELECT o.id, o.head_seq + n, \
         decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), j.event_type, j.topic, j.audience, j.aggregate_id, \
         j.recorded_at, j.trace_parent, j.inbound, j.envelope, j.hash \
         FROM organization o JOIN LATERAL (SELECT * FROM journal WHERE organization_id = o.id \
         AND event_type = 'APPROVAL_PENDING' ORDER BY seq LIMIT 1) j ON true, generate_series(1, {events}) n"
    );
    let statements = [
        copy.as_str(),
        &format!("UPDATE organization SET head_seq = head_seq + {events}"),
        "VACUUM ANALYZE journal",
    ];
    tokio::task::block_in_place(|| {
        for statement in statements {
            database.psql(statement).expect("the journal is longer");
        }
    });
}
