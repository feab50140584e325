//! What breaks around several `unionflow serve` processes over one PostgreSQL and one Kafka: people work and clients follow
//! all the while, each as good ones do, and in the end everybody has seen each event that was for them once and in order.
//!
//! Each scenario has a short form here and a long one, `cargo xtask soak NAME`: `UNIONFLOW_FAULT_RUNS` says how many runs,
//! `UNIONFLOW_FAULT_SEED` which seed comes first. What breaks, where, when and for how long is drawn from the seed, which is
//! printed when a run fails. Each ends with a line of the table of faults.

mod api_killed;
mod broker_killed;
mod broker_paused;
mod client;
mod gateways_killed;
mod kafka_cut;
mod postgres_restarted;
mod report;
mod restored;
mod scene;
mod server;
mod stage;
mod wrong_clock;
