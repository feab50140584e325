//! The whole way as a person feels it: `POST …/approve` sent → frame at another person's socket, 20 a second.

use std::time::{Duration, Instant};

use unionflow_protocol::Role;

use crate::{
    report::{Report, millis, percentile},
    worlds::Alone,
};

const DECISIONS: usize = 300;
const EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn measure(report: &mut Report) {
    let alone = Alone::start().await;
    let [treasurer, president, secretary] = [Role::Treasurer, Role::President, Role::Secretary];
    let treasurer = alone.signed_in(treasurer).await;
    let president = alone.signed_in(president).await;
    let secretary = alone.signed_in(secretary).await;
    let mut socket = secretary.connect("").await.expect("it connects");
    socket.until("SYSTEM_CAUGHT_UP").await;
    let (mut seen, mut asked) = (Vec::new(), Vec::new());
    for _ in 0..DECISIONS {
        let request = treasurer.submit(25_000).await;
        socket.until("APPROVAL_PENDING").await;
        tokio::time::sleep(EVERY).await;
        let begun = Instant::now();
        let (answer, _) = tokio::join!(president.approve(&request), async {
            socket.until("APPROVAL_APPROVED").await;
            seen.push(begun.elapsed());
        });
        asked.push(begun.elapsed());
        answer.expect(200);
    }
    alone.end().await;
    let (p50, p99) = (percentile(&mut seen, 0.5), percentile(&mut seen, 0.99));
    let answered = percentile(&mut asked, 0.5);
    report.note(
        "approve → frame at a subscriber, p50 / p99",
        format!("{} / {} (both answer and frame there: {})", millis(p50), millis(p99), millis(answered)),
    );
}
