//! From the commit to a frame in the same process: with Kafka between it and the other processes, and without.

use std::{
    sync::mpsc::Receiver,
    time::{Duration, Instant},
};

use unionflow_components::Database;
use unionflow_protocol::Role;
use unionflow_server::{Options, Server};
use unionflow_testkit::{Person, Troupe};

use super::{Stage, close, open_service};
use crate::{
    clients::{Clients, upgrade},
    report::{Report, millis, percentile},
    worlds::{COUNTED, Committed, commits_of, edit_a_member},
};

const PAIRS: usize = 600;
/// Before anything counts.
const WARM_UP: usize = 50;
const EVERY: Duration = Duration::from_millis(25);

pub(super) async fn measure(report: &mut Report, stage: &Stage) {
    let mut scenes = [Scene::start(stage, false).await, Scene::start(stage, true).await];
    for n in 0..WARM_UP + PAIRS {
        if n == WARM_UP {
            scenes.iter_mut().for_each(|scene| scene.times.clear());
        }
        // Each goes first as often as the other.
        for i in [n % 2, 1 - n % 2] {
            scenes[i].one().await;
        }
    }
    let [without, with] =
        scenes.each_mut().map(|scene| [0.5, 0.99].map(|share| percentile(&mut scene.times, share)));
    let ratio = |i: usize| with[i].as_secs_f64() / without[i].as_secs_f64();
    report.row(
        "commit → frame in the same process with Kafka, p50",
        format!("{} = {:.2} × embedded bus", millis(with[0]), ratio(0)),
        format!("{} with the embedded bus on the same PostgreSQL", millis(without[0])),
        "≤ 1.2 ×",
        ratio(0) <= 1.2,
    );
    report.note(
        "commit → frame in the same process with Kafka, p99",
        format!("{} = {:.2} × embedded bus ({})", millis(with[1]), ratio(1), millis(without[1])),
    );
    for scene in scenes {
        scene.end().await;
    }
}

/// A server on a database of its own, and one socket.
struct Scene {
    server: Server,
    troupe: Troupe,
    clients: Clients,
    commits: Receiver<Committed>,
    edited: usize,
    times: Vec<Duration>,
    _database: Database,
}

impl Scene {
    async fn start(stage: &Stage, has_kafka: bool) -> Self {
        let database = stage.database();
        let service = open_service(&database).await;
        let troupe = Troupe::found(&service, "Mutuelle Espoir").await;
        close(&service);
        let options = Options::new(stage.settings(&database, has_kafka));
        let server = Server::start(options).await.unwrap_or_else(|fault| panic!("{fault}"));
        let address = server.address.to_string();
        let treasurer = Person::sign_in(&address, &troupe, troupe.account(Role::Treasurer)).await;
        let upgrade = upgrade(&address, &troupe.id.to_string(), &treasurer.token);
        let mut clients = Clients::connect(&address, 1, COUNTED, Some(&upgrade));
        tokio::task::block_in_place(|| clients.ready());
        let commits = commits_of(server.service());
        Self { server, troupe, clients, commits, edited: 0, times: Vec::new(), _database: database }
    }

    /// One event: committed, and seen.
    async fn one(&mut self) {
        let begun = Instant::now();
        edit_a_member(self.server.service(), &self.troupe, self.edited).await;
        self.edited += 1;
        let committed = tokio::task::block_in_place(|| self.commits.recv()).expect("it was committed");
        let seen = tokio::task::block_in_place(|| self.clients.all_have_it());
        self.times.push(seen.saturating_sub(committed.at));
        tokio::time::sleep(EVERY.saturating_sub(begun.elapsed())).await;
    }

    async fn end(self) {
        drop(self.clients);
        self.server.stop().await;
    }
}
