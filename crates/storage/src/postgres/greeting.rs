//! How a connection comes about: its hosts are tried in turn, it is encrypted, and the driver signs in. From there on the
//! conversation is [`Wire`]'s.

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    pin::Pin,
    task::{Context, Poll},
};

use futures_util::future::{Ready, ready};
use rand::seq::SliceRandom;
use socket2::{SockRef, TcpKeepalive};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf},
    net::{TcpStream, UnixStream, lookup_host},
    time::timeout,
};
use tokio_postgres::{
    Config, NoTls,
    config::{Host, LoadBalanceHosts, SslMode, SslNegotiation, TargetSessionAttrs},
    tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream},
};

use super::{
    address::Target,
    wire::{Trouble, Wire},
};

/// A socket, encrypted or not.
pub(super) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Where a server listens.
enum At {
    Address(SocketAddr),
    File(PathBuf),
}

/// What the server answers that is ready to encrypt.
const ENCRYPTS: u8 = b'S';

/// Connects to the first host that lets us in and is what the address asks for.
pub(super) async fn greet(target: &Target) -> Result<Wire, Trouble> {
    let config = &target.config;
    let mut hosts: Vec<usize> = (0..config.get_hosts().len().max(config.get_hostaddrs().len())).collect();
    if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        hosts.shuffle(&mut rand::rng());
    }
    let mut trouble = Trouble::Silent;
    for host in hosts {
        match greet_host(target, host).await {
            Ok(wire) => return Ok(wire),
            Err(one) => trouble = one,
        }
    }
    Err(trouble)
}

async fn greet_host(target: &Target, place: usize) -> Result<Wire, Trouble> {
    let config = &target.config;
    let host = config.get_hosts().get(place);
    let ports = config.get_ports();
    let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let (name, mut sockets) = match (host, config.get_hostaddrs().get(place)) {
        (Some(Host::Unix(folder)), _) => ("", vec![At::File(folder.join(format!(".s.PGSQL.{port}")))]),
        (Some(Host::Tcp(name)), Some(address)) => (name.as_str(), vec![At::Address((*address, port).into())]),
        (Some(Host::Tcp(name)), None) => {
            let found = lookup_host((name.as_str(), port)).await?;
            (name.as_str(), found.map(At::Address).collect())
        }
        (None, Some(address)) => ("", vec![At::Address((*address, port).into())]),
        (None, None) => ("", Vec::new()),
    };
    if config.get_load_balance_hosts() == LoadBalanceHosts::Random {
        sockets.shuffle(&mut rand::rng());
    }
    let mut trouble = io::Error::from(io::ErrorKind::AddrNotAvailable).into();
    for at in sockets {
        match greet_at(target, name, &at).await {
            Ok(wire) => return Ok(wire),
            Err(one) => trouble = one,
        }
    }
    Err(trouble)
}

async fn greet_at(target: &Target, name: &str, at: &At) -> Result<Wire, Trouble> {
    let config = &target.config;
    let socket = connect(config, at).await?;
    let mut wire = Wire::new(sign_in(target, name, socket).await?);
    let wanted = match config.get_target_session_attrs() {
        TargetSessionAttrs::ReadWrite => "off",
        TargetSessionAttrs::ReadOnly => "on",
        _ => return Ok(wire),
    };
    if wire.texts("SHOW transaction_read_only").await?.first().is_some_and(|found| found == wanted) {
        return Ok(wire);
    }
    let found = if wanted == "off" { "only reads" } else { "writes" };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, format!("the server {found}")).into())
}

async fn connect(config: &Config, at: &At) -> Result<Box<dyn Stream>, io::Error> {
    let connecting = async {
        Ok::<Box<dyn Stream>, io::Error>(match at {
            At::Address(address) => Box::new(keep_alive(config, TcpStream::connect(address).await?)?),
            At::File(path) => Box::new(UnixStream::connect(path).await?),
        })
    };
    match config.get_connect_timeout() {
        Some(patience) => timeout(*patience, connecting).await.map_err(|_| io::ErrorKind::TimedOut)?,
        None => connecting.await,
    }
}

fn keep_alive(config: &Config, socket: TcpStream) -> Result<TcpStream, io::Error> {
    socket.set_nodelay(true)?;
    let options = SockRef::from(&socket);
    #[cfg(target_os = "linux")]
    options.set_tcp_user_timeout(config.get_tcp_user_timeout().copied())?;
    if config.get_keepalives() {
        let mut keepalive = TcpKeepalive::new().with_time(config.get_keepalives_idle());
        if let Some(interval) = config.get_keepalives_interval() {
            keepalive = keepalive.with_interval(interval);
        }
        if let Some(retries) = config.get_keepalives_retries() {
            keepalive = keepalive.with_retries(retries);
        }
        options.set_tcp_keepalive(&keepalive)?;
    }
    Ok(socket)
}

/// Encrypts the socket as the address says, and lets the driver sign in: it speaks as long as it takes, and hands the socket back.
async fn sign_in(
    target: &Target,
    name: &str,
    mut socket: Box<dyn Stream>,
) -> Result<Box<dyn Stream>, Trouble> {
    let mut config = target.config.clone();
    if !is_encrypted(&config, &mut socket).await? {
        config.ssl_mode(SslMode::Disable);
        drop(config.connect_raw(&mut socket, NoTls).await?);
        return Ok(socket);
    }
    let tls = |error: io::Error| Trouble::Tls(error.to_string());
    let connector = target.connector.0.clone();
    let connect = MakeTlsConnect::<Box<dyn Stream>>::make_tls_connect(&mut { connector }, name);
    let mut encrypted = connect.expect("it never fails").connect(socket).await.map_err(tls)?;
    // It is encrypted already: the driver only binds its sign-in to that.
    config.ssl_mode(SslMode::Require).ssl_negotiation(SslNegotiation::Direct);
    drop(config.connect_raw(&mut encrypted, Encrypted).await?);
    Ok(Box::new(encrypted))
}

async fn is_encrypted(config: &Config, socket: &mut Box<dyn Stream>) -> Result<bool, Trouble> {
    match (config.get_ssl_mode(), config.get_ssl_negotiation()) {
        (SslMode::Disable, _) => return Ok(false),
        (SslMode::Require, SslNegotiation::Direct) => return Ok(true),
        _ => {}
    }
    let mut request = bytes::BytesMut::new();
    postgres_protocol::message::frontend::ssl_request(&mut request);
    socket.write_all(&request).await?;
    let encrypts = socket.read_u8().await? == ENCRYPTS;
    if !encrypts && config.get_ssl_mode() == SslMode::Require {
        return Err(Trouble::Tls("the server does not support TLS".to_owned()));
    }
    Ok(encrypts)
}

/// Takes a stream as it is.
struct Encrypted;

/// A stream that is encrypted already, lent to the driver.
struct Lent<'a, S>(&'a mut S);

impl<'a, S: TlsStream + Unpin> TlsConnect<&'a mut S> for Encrypted {
    type Stream = Lent<'a, S>;
    type Error = io::Error;
    type Future = Ready<Result<Lent<'a, S>, io::Error>>;

    fn connect(self, stream: &'a mut S) -> Self::Future {
        ready(Ok(Lent(stream)))
    }
}

impl<S: TlsStream + Unpin> TlsStream for Lent<'_, S> {
    fn channel_binding(&self) -> ChannelBinding {
        self.0.channel_binding()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Lent<'_, S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        to: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_read(context, to)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Lent<'_, S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0).poll_shutdown(context)
    }
}
