//! An import of 10,000 members, and what the commands of another organisation feel of it.

use std::{
    fmt::Write,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use unionflow_protocol::Language;
use unionflow_service::{Service, approval::submit::submit, member::import::Wanted};
use unionflow_storage::SystemClock;
use unionflow_testkit::{Troupe, open_service};

use crate::{
    report::{Report, millis, percentile},
    worlds::{call, expense, treasurer},
};

const ROWS: usize = 10_000;
/// Between two commands of the other organisation.
const PAUSE: Duration = Duration::from_millis(5);

pub(crate) async fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let service = open_service(folder.path().join("unionflow.db"), Arc::new(SystemClock)).await;
    let (busy, other) =
        (Troupe::found(&service, "Grande Mutuelle").await, Troupe::found(&service, "Petite Union").await);
    let mut before = commands_while(&service, &other, tokio::time::sleep(Duration::from_secs(2))).await.1;
    let wanted =
        Wanted { organization_id: busy.id, dry_run: false, skip_errors: false, language: Language::French };
    let importing = {
        let service = service.clone();
        async move {
            let begun = Instant::now();
            let done =
                service.import_members(None, file().into_bytes(), wanted, |_| ()).await.expect("imported");
            assert_eq!(done.created as usize, ROWS);
            begun.elapsed()
        }
    };
    let (took, mut during) = commands_while(&service, &other, importing).await;
    service.store().close();
    report.row(
        "10,000 members imported",
        format!("{:.2} s", took.as_secs_f64()),
        "–".to_owned(),
        "≤ 3 s",
        took <= Duration::from_secs(3),
    );
    let (calm, p99) = (percentile(&mut before, 0.99), percentile(&mut during, 0.99));
    report.row(
        "another organisation's commands meanwhile, p99",
        format!("{} of {}", millis(p99), during.len()),
        format!("{} without an import", millis(calm)),
        "≤ 50 ms",
        p99 <= Duration::from_millis(50),
    );
}

/// Submits until the work is done; what the work gave, and how long each submission took.
async fn commands_while<T>(
    service: &Service,
    troupe: &Troupe,
    work: impl Future<Output = T>,
) -> (T, Vec<Duration>) {
    let stop = Arc::new(AtomicBool::new(false));
    let client = {
        let (service, troupe, stop) = (service.clone(), troupe.clone(), stop.clone());
        tokio::spawn(async move {
            let (account, mut times) = (treasurer(&troupe), Vec::new());
            while !stop.load(Ordering::Relaxed) {
                let (wanted, begun) = (expense(troupe.id, 25_000), Instant::now());
                let call = call(&account, "POST /finance/approvals");
                let done = service.command(troupe.id, call, move |tx, call| submit(tx, call, &wanted)).await;
                done.expect("no fault").answer.expect("no refusal");
                times.push(begun.elapsed());
                tokio::time::sleep(PAUSE).await;
            }
            times
        })
    };
    let done = work.await;
    stop.store(true, Ordering::Relaxed);
    (done, client.await.expect("a client ends well"))
}

/// A Galette export of made-up people.
fn file() -> String {
    let mut file = String::from("nom_adh;prenom_adh;gsm_adh;email_adh;date_crea_adh;num_adh\r\n");
    for n in 0..ROWS {
        let day = n % 28 + 1;
        write!(
            file,
            "Exemple{n};Awa;+22507{:08};awa{n}@exemple.test;{day:02}/03/2024;{}\r\n",
            10_000_000 + n,
            5_000 + n
        )
        .expect("memory");
    }
    file
}
