//! Two of three processes that hold the sockets are killed at random while two hundred clients follow, and started again.
//! Commands are taken by a process of another role.

use std::time::Duration;

use rand::seq::SliceRandom;

use crate::scene::{Shape, repeat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_of_three_gateways_are_killed_while_two_hundred_clients_follow_and_none_misses_an_event() {
    repeat(
        "gateways-killed",
        async |_| Shape::split(1, 3, 200),
        async |_, scene| {
            for _ in 0..2 {
                // The first server is the one that takes commands.
                let mut gateways = [1, 2, 3];
                gateways.shuffle(&mut scene.rng);
                let [first, second, _] = gateways;
                scene.works(3..40).await;
                let moment = scene.moment(Duration::from_millis(20));
                scene.servers[first].kill_after(moment).await;
                let moment = scene.moment(Duration::from_secs(1));
                scene.servers[second].kill_after(moment).await;
                scene.works(3..30).await;
                scene.servers[first].start().await;
                scene.works(1..10).await;
                scene.servers[second].start().await;
                scene.heals().await;
            }
        },
    )
    .await;
}
