//! From the commit to the last of 1,000 sockets; beside plain writes of the same frame to 1,000 sockets.

use std::{
    io::Write,
    net::TcpListener,
    time::{Duration, Instant},
};

use unionflow_protocol::Role;
use unionflow_testkit::World;

use crate::{
    clients::{Clients, upgrade, wall},
    report::{Report, millis, percentile},
    worlds::{COUNTED, commits_of, edit_a_member},
};

const SOCKETS: usize = 1_000;
const EVENTS: usize = 400;
const EVERY: Duration = Duration::from_millis(40);

pub(crate) async fn measure(report: &mut Report) {
    let (mut ours, bytes) = through_the_server().await;
    let mut raw = tokio::task::block_in_place(|| plain_writes(bytes));
    let figures = [0.5, 0.99].map(|share| (percentile(&mut ours, share), percentile(&mut raw, share)));
    let [(p50, raw_p50), (p99, raw_p99)] = figures;
    let ratio = p99.as_secs_f64() / raw_p99.as_secs_f64();
    report.note(
        "commit → last of 1,000 sockets, p50",
        format!("{} (plain writes {})", millis(p50), millis(raw_p50)),
    );
    report.row(
        "commit → last of 1,000 sockets, p99",
        format!("{} = {ratio:.2} × plain", millis(p99)),
        format!("{} for plain writes", millis(raw_p99)),
        "≤ 2 ×",
        ratio <= 2.0,
    );
}

/// Times of each event, and how long its frame is.
async fn through_the_server() -> (Vec<Duration>, usize) {
    let world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let address = world.address();
    let upgrade = upgrade(&address, &world.espoir.id.to_string(), &treasurer.token);
    let mut clients = Clients::connect(&address, SOCKETS, COUNTED, Some(&upgrade));
    tokio::task::block_in_place(|| clients.ready());
    let service = world.server().service().clone();
    let commits = commits_of(&service);
    let (mut times, mut bytes) = (Vec::new(), 0);
    for n in 0..EVENTS {
        edit_a_member(&service, &world.espoir, n).await;
        let committed = tokio::task::block_in_place(|| commits.recv()).expect("it was committed");
        let last = tokio::task::block_in_place(|| clients.all_have_it());
        times.push(last.saturating_sub(committed.at));
        bytes = committed.bytes;
        tokio::time::sleep(EVERY).await;
    }
    (times, bytes)
}

/// The least that any server can do: one write of the same bytes per socket.
fn plain_writes(bytes: usize) -> Vec<Duration> {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it is bound").to_string();
    let mut clients = Clients::connect(&address, SOCKETS, COUNTED, None);
    let mut sockets: Vec<_> = (0..SOCKETS)
        .map(|_| {
            let (socket, _) = listener.accept().expect("a client");
            socket.set_nodelay(true).expect("a socket");
            socket.set_nonblocking(true).expect("a socket");
            socket
        })
        .collect();
    clients.ready();
    let mut payload = format!("{{\"eventType\":\"{COUNTED}\",\"data\":\"").into_bytes();
    payload.resize(bytes, b'x');
    let length = u16::try_from(bytes).expect("a small frame").to_be_bytes();
    let frame = [&[0x81, 126, length[0], length[1]], payload.as_slice()].concat();
    let mut times = Vec::new();
    for _ in 0..EVENTS {
        let at = wall();
        for socket in &mut sockets {
            socket.write_all(&frame).expect("room");
        }
        times.push(clients.all_have_it().saturating_sub(at));
        let pause = Instant::now();
        std::thread::sleep(EVERY.saturating_sub(pause.elapsed()));
    }
    times
}
