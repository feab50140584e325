//! The process that publishes is killed between commit and publish, as often as it takes: another takes over.

use std::time::Duration;

use tokio::{
    task::block_in_place,
    time::{interval, timeout},
};
use unionflow_testkit::PATIENCE;

use crate::scene::{Scene, Shape, repeat};

const LEASE: &str =
    "SELECT holder FROM lease WHERE name = 'relay' AND until > extract(epoch FROM now()) * 1000";

/// Who holds the relay's lease, once it is another.
async fn publisher(scene: &Scene, before: &str) -> String {
    let mut look = interval(Duration::from_millis(50));
    let looking = async {
        loop {
            look.tick().await;
            let holder = block_in_place(|| scene.database.psql(LEASE)).expect("it answers");
            if !holder.trim().is_empty() && holder.trim() != before {
                return holder.trim().to_owned();
            }
        }
    };
    timeout(PATIENCE, looking).await.expect("another process takes over")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_publishes_is_killed_between_commit_and_publish_and_another_goes_on() {
    repeat(
        "api-killed",
        async |_| Shape::of(2, 30),
        async |_, scene| {
            // Of two, the one that came first publishes; then the other, which has been there longer.
            let mut holder = publisher(scene, "").await;
            for n in 0..2 {
                scene.works(3..40).await;
                let moment = scene.moment(Duration::from_millis(8));
                scene.servers[n % 2].kill_after(moment).await;
                scene.works(3..20).await;
                holder = publisher(scene, &holder).await;
                scene.servers[n % 2].start().await;
                scene.heals().await;
            }
        },
    )
    .await;
}
