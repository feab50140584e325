//! A network that breaks: a TCP proxy on loopback that can cut, hold back and slow down.

use std::{net::SocketAddr, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpSocket, TcpStream},
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

/// A proxy between clients and a server.
pub struct ChaosProxy {
    address: SocketAddr,
    weather: watch::Sender<Weather>,
    accepting: JoinHandle<()>,
}

impl ChaosProxy {
    /// A proxy before this address.
    pub async fn before(target: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
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
        if *weather.borrow() == Weather::Cut {
            continue;
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
    tokio::select! {
        () = one_way(&mut from_client, &mut to_server, up) => {}
        () = one_way(&mut from_server, &mut to_client, down) => {}
        _ = weather.wait_for(|weather| *weather == Weather::Cut) => {}
    }
}

async fn one_way(
    from: &mut (impl AsyncReadExt + Unpin),
    to: &mut (impl AsyncWriteExt + Unpin),
    mut weather: watch::Receiver<Weather>,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let now = *weather.borrow_and_update();
        if now == Weather::BlackHole {
            if weather.changed().await.is_err() {
                return;
            }
            continue;
        }
        let (most, pause) = match now {
            Weather::Slow { bytes, pause } => (bytes.clamp(1, buffer.len()), Some(pause)),
            Weather::Fine | Weather::Cut | Weather::BlackHole => (buffer.len(), None),
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
