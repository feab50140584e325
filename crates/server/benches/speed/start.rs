//! From the start of the process to its first answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use unionflow_storage::SystemClock;
use unionflow_testkit::{ServerProcess, Troupe, open_service};

use crate::{
    report::{Report, millis, percentile},
    worlds::binary,
};

const RUNS: usize = 15;

pub(crate) async fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let database = folder.path().join("unionflow.db");
    let service = open_service(database.clone(), std::sync::Arc::new(SystemClock)).await;
    Troupe::found(&service, "Mutuelle Espoir").await;
    service.store().close();
    let mut ours: Vec<Duration> = (0..RUNS).map(|_| first_answer(&database)).collect();
    let mut nothing: Vec<Duration> = (0..RUNS).map(|_| version()).collect();
    let (ours, nothing) = (percentile(&mut ours, 0.5), percentile(&mut nothing, 0.5));
    report.row(
        "start to first answer, median of 15",
        millis(ours),
        format!("{} for `unionflow --version`", millis(nothing)),
        "≤ 150 ms",
        ours <= Duration::from_millis(150),
    );
}

fn first_answer(database: &Path) -> Duration {
    let address = ServerProcess::free_address();
    let begun = Instant::now();
    let mut child = Command::new(binary())
        .args(["serve", "--listen", &address.to_string(), "--admin-listen", "127.0.0.1:0", "--log", "error"])
        .env("DATABASE_URL", format!("sqlite:{}", database.display()))
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    while !answers(address) {
        std::thread::sleep(Duration::from_micros(500));
    }
    let took = begun.elapsed();
    child.kill().expect("it runs");
    child.wait().expect("it ends");
    took
}

fn answers(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect(address) else { return false };
    let request = b"GET /api/v1/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    let mut answer = [0; 12];
    stream.write_all(request).is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer.starts_with(b"HTTP/1.1 401")
}

fn version() -> Duration {
    let begun = Instant::now();
    let done = Command::new(binary()).arg("--version").stdout(Stdio::null()).status();
    assert!(done.expect("it starts").success());
    begun.elapsed()
}
