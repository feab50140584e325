//! The broker stands still, holding its connections, and goes on.

use std::time::Duration;

use unionflow_testkit::{how_many, lasts};

use crate::scene::{Shape, repeat};

/// How long it stands still in the short form.
const SECONDS: u64 = 4;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_stands_still_and_goes_on_costs_nobody_an_event() {
    let pause = Duration::from_secs(how_many("UNIONFLOW_FAULT_PAUSE_SECONDS", SECONDS));
    repeat(
        "broker-paused",
        async |_| Shape::of(2, 30),
        async |parts, scene| {
            scene.works(5..60).await;
            scene.bears(Duration::from_millis(20)).await;
            parts.kafka.pause();
            lasts(pause).await;
            scene.works(5..30).await;
            parts.kafka.resume();
            scene.heals().await;
        },
    )
    .await;
}
