//! A backup is restored while records of what was done since are still in the topics, under places that are given anew.

use std::time::Duration;

use tokio::task::block_in_place;

use crate::scene::{Shape, repeat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_nobody_is_shown_what_was_undone_and_every_client_fetches_anew() {
    repeat(
        "restored",
        async |_| Shape::of(2, 30),
        async |_, scene| {
            scene.works(5..60).await;
            scene.rests().await;
            let (backup, memory) = (scene.folder().join("backup"), scene.memory());
            block_in_place(|| scene.database.dump(&backup)).expect("it is copied");
            scene.goes_on();
            scene.works(20..100).await;
            scene.rests().await;
            scene.notes_journals().await;
            for server in &mut scene.servers {
                server.kill_after(Duration::ZERO).await;
            }
            block_in_place(|| scene.database.restore(&backup)).expect("it is restored");
            scene.forgets_since(memory);
            for server in &mut scene.servers {
                server.start().await;
            }
            scene.goes_on();
            scene.heals().await;
        },
    )
    .await;
}
