//! The broker is killed and started again, under load.

use std::time::Duration;

use tokio::task::block_in_place;

use crate::scene::{Shape, repeat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_and_comes_back_costs_nobody_an_event() {
    repeat(
        "broker-killed",
        async |_| Shape::of(2, 30),
        async |parts, scene| {
            scene.works(5..60).await;
            scene.bears(Duration::from_millis(20)).await;
            block_in_place(|| parts.kafka.kill());
            scene.works(5..100).await;
            block_in_place(|| parts.kafka.start_again()).expect("it starts again");
            scene.heals().await;
        },
    )
    .await;
}
