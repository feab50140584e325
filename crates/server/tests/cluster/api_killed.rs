//! The process that takes commands and publishes is killed between commit and publish: another of its kind takes over, while
//! clients sit on processes that do neither.

use std::time::Duration;

use tokio::{
    task::block_in_place,
    time::{interval, timeout},
};
use unionflow_testkit::PATIENCE;

use crate::scene::{Scene, Shape, repeat};

const LEASE: &str =
    "SELECT holder FROM lease WHERE name = 'relay' AND until > extract(epoch FROM now()) * 1000";

/// Which of the two processes publishes: the one that holds the relay's lease.
struct Publisher {
    at: usize,
    lease: String,
}

fn holder(scene: &Scene) -> String {
    block_in_place(|| scene.database.psql(LEASE)).expect("it answers").trim().to_owned()
}

impl Publisher {
    /// Of two, the one that came first.
    async fn first(scene: &Scene) -> Self {
        let mut none = Self { at: 1, lease: String::new() };
        none.passes_on(scene).await;
        none
    }

    /// Looks whether it is the other one now.
    fn look(&mut self, scene: &Scene) {
        let lease = holder(scene);
        if !lease.is_empty() && lease != self.lease {
            *self = Self { at: 1 - self.at, lease };
        }
    }

    /// Once it is the other one.
    async fn passes_on(&mut self, scene: &Scene) {
        let (before, mut look) = (self.at, interval(Duration::from_millis(50)));
        let looking = async {
            while self.at == before {
                look.tick().await;
                self.look(scene);
            }
        };
        timeout(PATIENCE, looking).await.expect("another process takes over");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_publishes_is_killed_between_commit_and_publish_and_another_goes_on() {
    repeat(
        "api-killed",
        async |_| Shape::split(2, 2, 30),
        async |parts, scene| {
            let mut publisher = Publisher::first(scene).await;
            // At a moment that may lie anywhere; then at one when nothing that is answered can have been published.
            for is_certain in [false, true] {
                scene.works(3..40).await;
                if is_certain {
                    block_in_place(|| parts.kafka.kill());
                    scene.works(3..20).await;
                    publisher.look(scene);
                    assert!(scene.outbox() > 0, "what was answered since waits in the outbox");
                }
                let (killed, moment) = (publisher.at, scene.moment(Duration::from_millis(8)));
                scene.servers[killed].kill_after(moment).await;
                if is_certain {
                    block_in_place(|| parts.kafka.start_again()).expect("it starts again");
                }
                scene.works(3..20).await;
                publisher.passes_on(scene).await;
                scene.servers[killed].start().await;
                scene.heals().await;
            }
        },
    )
    .await;
}
