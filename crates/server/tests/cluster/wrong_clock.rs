//! The clocks of two servers are ten minutes wrong, one ahead and one behind: the database's own is the one that counts.
//!
//! They run in this process, each on a clock of its own: what makes a whole process see another time holds librdkafka up.

use std::time::Duration;

use crate::scene::{Shape, repeat};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_whose_clocks_are_ten_minutes_wrong_work_with_the_others_as_if_they_were_right() {
    repeat(
        "wrong-clock",
        async |_| Shape::of(3, 30).wrong_by(1, 10).wrong_by(2, -10),
        async |_, scene| {
            scene.works(10..40).await;
            // Those that are wrong are left alone: one of them publishes, and both are signed in at.
            let moment = scene.moment(Duration::from_millis(20));
            scene.servers[0].kill_after(moment).await;
            scene.works(10..40).await;
            let again = usize::try_from(scene.draw(1..3)).expect("one or two");
            scene.servers[again].kill_after(Duration::ZERO).await;
            scene.servers[0].start().await;
            scene.servers[again].start().await;
            scene.heals().await;
            scene.works(10..40).await;
        },
    )
    .await;
}
