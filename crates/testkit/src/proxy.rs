//! A network that breaks: a TCP proxy on loopback that can cut, hold back, slow down, and forget one end.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpSocket, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Passes everything on.
    Fine,
    /// Takes bytes and passes none on: connections look alive and are not.
    BlackHole,
    /// Takes bytes both ways, and passes only those of the other way on.
    OneWay {
        /// The way on which they stay.
        stays: Way,
    },
    /// Has let the server's end of each connection go and not the client's: whoever is there hears nothing any more, for good.
    HalfOpen,
    /// Passes a few bytes on at a time, with a pause after each.
    Slow {
        /// Bytes at a time.
        bytes: usize,
        /// The pause.
        pause: Duration,
    },
    /// Refuses connections, and has cut those there were.
    Cut,
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// To the server.
    Up,
    /// To the client.
    Down,
}

impl Weather {
    /// Whether bytes stay where they are on this way.
    fn holds(self, way: Way) -> bool {
        self == Self::BlackHole || self == Self::OneWay { stays: way }
    }
}

/// A proxy between clients and a server.
pub struct ChaosProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl ChaosProxy {
    /// A proxy before this address.
    pub async fn before(target: &str) -> Self {
        Self::at("127.0.0.1:0", target).await
    }

    /// A proxy at one address before another.
    pub async fn at(address: &str, target: &str) -> Self {
        let listener = TcpListener::bind(address).await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let (weather, seen) = watch::channel(Weather::Fine);
        let accepting = tokio::spawn(accept(listener, target.to_owned(), seen));
        Self { address, weather, accepting }
    }

    /// Where clients connect: `127.0.0.1:PORT`.
    pub fn address(&self) -> String {
        self.address.to_string()
    }

    /// Changes the weather, for open connections too.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for ChaosProxy {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, target: String, weather: watch::Receiver<Weather>) {
    loop {
        let Ok((client, _)) = listener.accept().await else { return };
        let now = *weather.borrow();
        match now {
            Weather::Cut => continue,
            Weather::HalfOpen => {
                tokio::spawn(hear_nothing(client.into_split()));
                continue;
            }
            _ => {}
        }
        let Ok(server) = connect(&target).await else { continue };
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        tokio::spawn(carry(client, server, weather.clone()));
    }
}

/// What the network holds on its way is little, so that a server notices a client that does not read.
const HELD: u32 = 16 * 1024;

async fn connect(target: &str) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.set_recv_buffer_size(HELD)?;
    socket.connect(target.parse().map_err(std::io::Error::other)?).await
}

/// Carries both ways until either end goes, or the weather cuts.
async fn carry(client: TcpStream, server: TcpStream, mut weather: watch::Receiver<Weather>) {
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let (up, down) = (weather.clone(), weather.clone());
    let ends = |weather: &Weather| matches!(weather, Weather::Cut | Weather::HalfOpen);
    let half_open = tokio::select! {
        () = one_way(&mut from_client, &mut to_server, up, Way::Up) => false,
        () = one_way(&mut from_server, &mut to_client, down, Way::Down) => false,
        ended = weather.wait_for(ends) => ended.is_ok_and(|weather| *weather == Weather::HalfOpen),
    };
    drop((from_server, to_server));
    if half_open {
        hear_nothing((from_client, to_client)).await;
    }
}

/// Takes whatever a client says until it goes.
async fn hear_nothing((mut from, _to): (OwnedReadHalf, OwnedWriteHalf)) {
    let mut buffer = vec![0; 16 * 1024];
    while from.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

async fn one_way(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut weather: watch::Receiver<Weather>,
    way: Way,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let now = *weather.borrow_and_update();
        if now.holds(way) {
            if weather.changed().await.is_err() {
                return;
            }
            continue;
        }
        let (most, pause) = match now {
            Weather::Slow { bytes, pause } => (bytes.clamp(1, buffer.len()), Some(pause)),
            _ => (buffer.len(), None),
        };
        let read = tokio::select! {
            read = from.read(&mut buffer[..most]) => read,
            _ = weather.changed() => continue,
        };
        let Ok(count @ 1..) = read else { return };
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
    }
}
