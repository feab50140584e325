//! Many sockets in a process of their own, read as cheaply as can be: frames are counted and timed, not understood.
//!
//! The same process reads our server and the baseline, so that what it costs itself is in both.

use std::{
    cell::RefCell,
    io::{BufRead, BufReader},
    process::{Child, ChildStdout, Command, Stdio},
    rc::Rc,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    task::LocalSet,
};

/// The first argument of a process that plays the clients.
pub(crate) const ROLE: &str = "play-clients";

/// What a frame begins with that is counted.
const PREFIX: usize = 128;

/// The clients, as whoever measures sees them.
pub(crate) struct Clients {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Clients {
    /// Starts so many sockets; returns once all of them are open and caught up. Without `upgrade` they just read.
    pub(crate) fn connect(address: &str, count: usize, counted: &str, upgrade: Option<&str>) -> Self {
        let mut child = Command::new(std::env::current_exe().expect("this program"))
            .args([ROLE, address, &count.to_string(), counted, upgrade.unwrap_or("")])
            .stdout(Stdio::piped())
            .stdin(Stdio::null())
            .spawn()
            .expect("it starts");
        let lines = BufReader::new(child.stdout.take().expect("piped"));
        Self { child, lines }
    }

    /// Waits until all sockets are open and caught up.
    pub(crate) fn ready(&mut self) {
        assert_eq!(self.line(), "ready");
    }

    /// When the last socket had the next counted frame.
    pub(crate) fn all_have_it(&mut self) -> Duration {
        Duration::from_nanos(self.line().parse().expect("a time"))
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).expect("the clients speak");
        line.trim().to_owned()
    }
}

impl Drop for Clients {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The time that both processes share.
pub(crate) fn wall() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Counts, over all sockets.
struct Tally {
    count: usize,
    caught_up: usize,
    /// Sockets that have each counted frame.
    have: Vec<usize>,
}

impl Tally {
    fn caught_up(&mut self) {
        self.caught_up += 1;
        if self.caught_up == self.count {
            println!("ready");
        }
    }

    fn counted(&mut self, n: usize) {
        if self.have.len() <= n {
            self.have.resize(n + 1, 0);
        }
        self.have[n] += 1;
        if self.have[n] == self.count {
            println!("{}", wall().as_nanos());
        }
    }
}

/// Plays the clients until killed.
pub(crate) fn run(arguments: &[String]) {
    let [address, count, counted, upgrade] = arguments else { panic!("four arguments") };
    let count = count.parse().expect("a number");
    let tally = Rc::new(RefCell::new(Tally { count, caught_up: 0, have: Vec::new() }));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    LocalSet::new().block_on(&runtime, async {
        let mut sockets = Vec::new();
        for _ in 0..count {
            let mut stream = TcpStream::connect(address).await.expect("it connects");
            stream.set_nodelay(true).expect("a socket");
            if upgrade.is_empty() {
                tally.borrow_mut().caught_up();
            } else {
                stream.write_all(upgrade.as_bytes()).await.expect("it writes");
            }
            let reader = Reader {
                stream,
                tally: tally.clone(),
                counted: format!("\"eventType\":\"{counted}\"").into_bytes(),
                is_upgraded: upgrade.is_empty(),
                seen: 0,
            };
            sockets.push(tokio::task::spawn_local(reader.read()));
        }
        for socket in sockets {
            socket.await.expect("a socket ends well");
        }
    });
}

struct Reader {
    stream: TcpStream,
    tally: Rc<RefCell<Tally>>,
    counted: Vec<u8>,
    is_upgraded: bool,
    seen: usize,
}

impl Reader {
    async fn read(mut self) {
        let mut bytes = Vec::new();
        loop {
            let mut chunk = [0; 4096];
            let count = match self.stream.read(&mut chunk).await {
                Ok(0) | Err(_) => return,
                Ok(count) => count,
            };
            bytes.extend_from_slice(&chunk[..count]);
            if !self.is_upgraded {
                let Some(end) = find(&bytes, b"\r\n\r\n") else { continue };
                assert!(bytes.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&bytes));
                bytes.drain(..end + 4);
                self.is_upgraded = true;
            }
            let mut at = 0;
            while let Some((header, length)) = frame(&bytes[at..]) {
                let payload = &bytes[at + header..at + header + length];
                self.take(&payload[..payload.len().min(PREFIX)]);
                at += header + length;
            }
            bytes.drain(..at);
            if bytes.is_empty() {
                bytes = Vec::new();
            }
        }
    }

    fn take(&mut self, beginning: &[u8]) {
        if find(beginning, &self.counted).is_some() {
            self.tally.borrow_mut().counted(self.seen);
            self.seen += 1;
        } else if find(beginning, b"SYSTEM_CAUGHT_UP").is_some() {
            self.tally.borrow_mut().caught_up();
        }
    }
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// The lengths of header and payload of a server's frame, if it is there whole.
fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let (header, length) = match *bytes.get(1)? {
        126 => (4, usize::from(u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]))),
        127 => (10, usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?),
        short => (2, usize::from(short)),
    };
    (bytes.len() >= header + length).then_some((header, length))
}

/// The request that opens a WebSocket.
pub(crate) fn upgrade(address: &str, organization: &str, token: &str) -> String {
    format!(
        "GET /ws/dashboard?organizationId={organization} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\n\
         Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
         Authorization: Bearer {token}\r\n\r\n"
    )
}
