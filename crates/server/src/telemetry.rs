//! Logs and metrics.

use std::{io::IsTerminal, sync::OnceLock};

use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing_subscriber::EnvFilter;
use unionflow_domain::inbound::Reason;
use unionflow_protocol::{close::CloseCode, frame::ResyncReason};

use crate::config::{LogFormat, Settings};

/// Logs to standard error from here on. Called once; later calls change nothing.
pub(crate) fn log(settings: &Settings) {
    let filter = EnvFilter::builder().parse_lossy(&settings.log);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        // Else a line that cannot be written, on a full disk, is complained about on the same full disk: a panic.
        .log_internal_errors(false)
        .with_writer(std::io::stderr)
        // Said on standard error too: if that is gone, saying so panics, and a log must end nothing.
        .log_internal_errors(false)
        .with_ansi(std::io::stderr().is_terminal());
    let _ = match settings.log_format {
        LogFormat::Human => builder.with_target(true).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}

/// The process's metrics: counted from the first call on.
pub(crate) fn metrics() -> &'static PrometheusHandle {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    HANDLE.get_or_init(|| {
        const SECONDS: &[f64] =
            &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0];
        const EVENTS: &[f64] = &[0.0, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0, 1000.0, 10_000.0];
        let builder = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_events".to_owned()), EVENTS)
            });
        let builder = builder.unwrap_or_else(|_| PrometheusBuilder::new());
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        // Another recorder can only be that of a test: its numbers are its own then.
        let _ = metrics::set_global_recorder(recorder);
        describe();
        begin();
        handle
    })
}

fn describe() {
    use metrics::{describe_counter, describe_gauge, describe_histogram};
    describe_counter!("unionflow_http_requests_total", "Requests answered, by method, route and status.");
    describe_histogram!("unionflow_http_request_seconds", "How long requests took, by route.");
    describe_counter!("unionflow_connections_refused_total", "Connections refused at the limit.");
    describe_gauge!("unionflow_gateway_sessions", "WebSockets open.");
    describe_counter!(
        "unionflow_gateway_resumes_total",
        "Sessions that went live, by where what they had missed was read."
    );
    describe_counter!(
        "unionflow_gateway_resyncs_total",
        "Cursors that could not be resumed from, by reason."
    );
    describe_counter!(
        "unionflow_gateway_refused_total",
        "WebSockets refused before the upgrade, by the problem's code."
    );
    describe_counter!("unionflow_gateway_closes_total", "WebSockets closed by the server, by close code.");
    describe_histogram!(
        "unionflow_ack_behind_events",
        "How many events a client was behind when it acknowledged."
    );
    describe_counter!("unionflow_relay_published_total", "Events and states given to the bus.");
    describe_counter!(
        "unionflow_relay_commits_missed_total",
        "Commits that the relay read from the journal instead."
    );
    describe_counter!(
        "unionflow_relay_states_dropped_total",
        "States dropped because the bus took none for too long."
    );
    describe_gauge!("unionflow_outbox_events", "Committed events that are not on the bus yet.");
    describe_gauge!(
        "unionflow_outbox_age_seconds",
        "How long the oldest event has waited that is not on the bus yet."
    );
    describe_counter!("unionflow_hub_duplicates_total", "Records dropped because their seq had passed.");
    describe_counter!(
        "unionflow_hub_events_from_journal_total",
        "Events read from the journal to fill holes."
    );
    describe_counter!("unionflow_inbound_total", "Records of other systems, by what became of them.");
    describe_counter!(
        "unionflow_inbound_keys_dropped_total",
        "Keys of other systems' data that are not in the catalogue and were left out."
    );
    describe_counter!("unionflow_dead_letters_total", "Records that were not taken in, by reason.");
    describe_gauge!("unionflow_bus_up", "Whether a broker of Kafka is there: 1 or 0.");
    describe_gauge!("unionflow_bus_lag_records", "Records on Kafka that this process has not read yet.");
    describe_counter!(
        "unionflow_bus_ignored_total",
        "Records on our topics that were not taken for ours, by reason."
    );
    describe_counter!(
        "unionflow_bus_unreadable_total",
        "Times that a batch on Kafka could not be unpacked: what is behind it is not read."
    );
    describe_gauge!(
        "unionflow_inbound_lag_records",
        "Records of other systems that this process has not read yet."
    );
    describe_counter!("unionflow_checkpoints_signed_total", "Heads of journals that were signed.");
}

/// Every family is there from the first scrape: an alert on what was never counted would else find nothing to compare with.
fn begin() {
    use metrics::{counter, gauge, histogram};
    // Labels that come up anyway, with the first request for what is not there.
    let route = "unmatched";
    counter!("unionflow_http_requests_total", "method" => "GET", "route" => route, "status" => "404")
        .absolute(0);
    // A histogram is there once somebody holds it.
    drop(histogram!("unionflow_http_request_seconds", "route" => route));
    drop(histogram!("unionflow_ack_behind_events"));
    gauge!("unionflow_gateway_sessions").increment(0.0);
    for name in [
        "unionflow_outbox_events",
        "unionflow_outbox_age_seconds",
        "unionflow_bus_up",
        "unionflow_bus_lag_records",
        "unionflow_inbound_lag_records",
    ] {
        gauge!(name).increment(0.0);
    }
    for reason in ["foreign", "epoch", "header", "signature"] {
        counter!("unionflow_bus_ignored_total", "reason" => reason).absolute(0);
    }
    for source in ["ring", "journal", "none"] {
        counter!("unionflow_gateway_resumes_total", "source" => source).absolute(0);
    }
    for reason in ResyncReason::ALL {
        counter!("unionflow_gateway_resyncs_total", "reason" => reason.as_str()).absolute(0);
    }
    counter!("unionflow_gateway_refused_total", "code" => "UNAUTHENTICATED").absolute(0);
    for code in CloseCode::ALL {
        counter!("unionflow_gateway_closes_total", "code" => code.number().to_string()).absolute(0);
    }
    for name in [
        "unionflow_connections_refused_total",
        "unionflow_relay_published_total",
        "unionflow_relay_commits_missed_total",
        "unionflow_relay_states_dropped_total",
        "unionflow_hub_duplicates_total",
        "unionflow_hub_events_from_journal_total",
        "unionflow_bus_unreadable_total",
        "unionflow_inbound_keys_dropped_total",
        "unionflow_checkpoints_signed_total",
    ] {
        counter!(name).absolute(0);
    }
    for outcome in ["taken", "known", "own", "dead_letter"] {
        counter!("unionflow_inbound_total", "outcome" => outcome).absolute(0);
    }
    for reason in Reason::ALL {
        counter!("unionflow_dead_letters_total", "reason" => reason.as_str()).absolute(0);
    }
}
