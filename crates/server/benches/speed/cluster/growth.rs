//! What a gateway's memory depends on: not on how long the journal is, nor on how long Kafka is away.

use std::time::Duration;

use unionflow_components::Database;
use unionflow_protocol::{Role, rest::notification::Broadcast};
use unionflow_service::{Service, notification::broadcast};
use unionflow_testkit::{Person, Troupe};

use super::{Stage, close, lengthen, open_service, processes::Process};
use crate::{
    clients::{Clients, upgrade},
    memory::resident_kib,
    report::Report,
    worlds::{call, submit_one},
};

const SOCKETS: usize = 50;
const COUNTED: &str = "BROADCAST_NOTIFICATION";
const SHORT: u64 = 1_000;
const LONG: u64 = 200_000;
/// Each length so often, in turns; the median counts.
const RUNS: usize = 3;
/// Events while sockets follow, so that whatever is made when it is first needed is there.
const LIVE: usize = 2_000;
const OUTAGE: usize = 50_000;
/// Committed at once.
const TOGETHER: usize = 100;
/// Small, so that it is full before it matters.
const RING: (&str, &str) = ("UNIONFLOW_RING_BYTES", "1048576");
/// More than this is growth: the same process differs by as much from one run to the next.
const SLACK_KIB: u64 = 4 * 1024;

pub(super) async fn measure(report: &mut Report, stage: &mut Stage) {
    let mut seen = [Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        for (events, seen) in [SHORT, LONG].into_iter().zip(&mut seen) {
            let scene = Scene::start(stage, events).await;
            seen.push(scene.resident_kib());
            scene.end().await;
        }
    }
    let [short, long] = seen.map(|mut sizes| {
        sizes.sort_unstable();
        sizes[RUNS / 2]
    });
    report.row(
        "memory of a gateway, 50 sockets, journal of 200,000 events",
        mib(long),
        format!("{} with 1,000 events", mib(short)),
        "≤ 4 MiB more",
        long <= short + SLACK_KIB,
    );
    outage(report, stage).await;
}

async fn outage(report: &mut Report, stage: &mut Stage) {
    let mut scene = Scene::start(stage, SHORT).await;
    let before = scene.resident_kib();
    tokio::task::block_in_place(|| stage.kafka.kill());
    scene.announce(OUTAGE / 5).await;
    let early = scene.resident_kib();
    scene.announce(OUTAGE / 5 * 4).await;
    let after = scene.resident_kib();
    scene.end().await;
    report.row(
        "memory of a gateway after 50,000 events of another process while Kafka is away",
        mib(after),
        format!("{} after 10,000 of them, {} before", mib(early), mib(before)),
        "≤ 4 MiB more than after 10,000",
        after <= early + SLACK_KIB,
    );
}

/// A gateway in a process of its own, sockets that follow, and whoever commits meanwhile in this process.
struct Scene {
    gateway: Process,
    clients: Clients,
    service: Service,
    troupe: Troupe,
    _database: Database,
}

impl Scene {
    async fn start(stage: &Stage, events: u64) -> Self {
        let database = stage.database();
        let service = open_service(&database).await;
        let troupe = Troupe::found(&service, "Mutuelle Espoir").await;
        submit_one(&service, &troupe, 1_000).await;
        lengthen(&database, events);
        // Long published: what waits is another measure.
        let published =
            "UPDATE published SET seq = (SELECT head_seq FROM organization WHERE id = organization_id)";
        tokio::task::block_in_place(|| database.psql(published)).expect("it is noted");
        let gateway = Process::start(stage, &database, true, &[RING]).await;
        let address = gateway.address();
        let secretary = Person::sign_in(&address, &troupe, troupe.account(Role::Secretary)).await;
        let upgrade = upgrade(&address, &troupe.id.to_string(), &secretary.token);
        let mut clients = Clients::connect(&address, SOCKETS, COUNTED, Some(&upgrade));
        tokio::task::block_in_place(|| clients.ready());
        let mut scene = Self { gateway, clients, service, troupe, _database: database };
        scene.announce(LIVE).await;
        scene
    }

    /// So many events, each seen by every socket.
    async fn announce(&mut self, count: usize) {
        for _ in 0..count / TOGETHER {
            let president = self.troupe.account(Role::President);
            let call = call(president, "POST /notifications/broadcast");
            let said = Broadcast {
                organization_id: self.troupe.id,
                message: "Réunion samedi".to_owned(),
                roles: None,
                severity: None,
            };
            let done = self.service.command(self.troupe.id, call, move |tx, call| {
                (0..TOGETHER).try_for_each(|_| broadcast(tx, call, &said).map(drop))
            });
            done.await.expect("no fault").answer.expect("no refusal");
            tokio::task::block_in_place(|| {
                for _ in 0..TOGETHER {
                    self.clients.all_have_it();
                }
            });
        }
        // The last answers are on their way, and what they took is given back.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }

    fn resident_kib(&self) -> u64 {
        resident_kib(self.gateway.server.id())
    }

    async fn end(self) {
        drop(self.clients);
        self.gateway.server.kill().await;
        close(&self.service);
    }
}

fn mib(kib: u64) -> String {
    format!("{:.1} MiB", kib as f64 / 1024.0)
}
