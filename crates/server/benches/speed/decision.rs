//! The whole way as a person feels it: `POST …/approve` sent → frame at another person's socket, 20 a second.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use unionflow_protocol::Role;
use unionflow_storage::SystemClock;
use unionflow_testkit::{Person, ServerProcess, Troupe, open_service};

use crate::{
    report::{Report, millis, percentile},
    worlds::binary,
};

const DECISIONS: usize = 300;
const EVERY: Duration = Duration::from_millis(50);

pub(crate) async fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("unionflow.db");
    let service = open_service(database.clone(), Arc::new(SystemClock)).await;
    let troupe = Troupe::found(&service, "Mutuelle Espoir").await;
    service.store().close();
    let server = ServerProcess::start(&binary(), &database, ServerProcess::free_address()).await;
    let address = server.address.to_string();
    let [treasurer, president, secretary] = [Role::Treasurer, Role::President, Role::Secretary];
    let treasurer = Person::sign_in(&address, &troupe, troupe.account(treasurer)).await;
    let president = Person::sign_in(&address, &troupe, troupe.account(president)).await;
    let secretary = Person::sign_in(&address, &troupe, troupe.account(secretary)).await;
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
    server.kill().await;
    let (p50, p99) = (percentile(&mut seen, 0.5), percentile(&mut seen, 0.99));
    let answered = percentile(&mut asked, 0.5);
    report.note(
        "approve → frame at a subscriber, p50 / p99",
        format!("{} / {} (both answer and frame there: {})", millis(p50), millis(p99), millis(answered)),
    );
}
