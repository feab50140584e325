//! PostgreSQL stops in order, or at once, and is started again, under load.

use std::time::Duration;

use tokio::task::block_in_place;

use crate::scene::{Shape, repeat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_restarted_under_load_keeps_what_was_answered_and_servers_find_it_again() {
    repeat(
        "postgres-restarted",
        async |_| Shape::of(2, 30),
        async |parts, scene| {
            for n in 0..2 {
                scene.works(5..60).await;
                scene.bears(Duration::from_millis(20)).await;
                block_in_place(|| match n {
                    0 => parts.postgres.kill(),
                    _ => parts.postgres.stop(),
                });
                scene.bears(Duration::from_secs(3)).await;
                block_in_place(|| parts.postgres.start_again()).expect("it starts again");
                scene.heals().await;
            }
        },
    )
    .await;
}
