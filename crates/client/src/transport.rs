//! Bytes to and from a server: TCP, TLS, and the WebSocket on them.

use std::{error::Error as _, io, time::Duration};

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, client_async_with_config,
    tungstenite::{
        Error, Message, Utf8Bytes,
        client::IntoClientRequest,
        error::{CapacityError, ProtocolError},
        handshake::client::Response,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use unionflow_protocol::{limits, problem::Problem};

use crate::{
    address::Address,
    error::{ClientError, ErrorKind},
    session::{Opening, Refusal},
    tls::Tls,
};

/// Whatever bytes go over.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A connection to a server.
pub(crate) type Io = Box<dyn Duplex>;

/// The largest frame that is taken: an event, or a welcome with the newest figures, several times over.
pub(crate) const FRAME_BYTES: usize = 4 * limits::EVENT_BYTES;
/// What is read at a time: one for each connection, so small.
const READ_BYTES: usize = 4 * 1024;
/// How long writing a frame may take: ours are small, so a link that does not take one is dead.
const WRITE_WITHIN: Duration = Duration::from_secs(5);
/// Addresses of a name that are tried, and for how long each.
const ADDRESSES_MAX: usize = 4;
const ADDRESS_WITHIN: Duration = Duration::from_secs(4);
const GOOD_BYE_WITHIN: Duration = Duration::from_secs(2);

/// Connects to a server.
pub(crate) async fn dial(address: &Address, tls: &Tls) -> Result<Io, ClientError> {
    let stream = connect(address).await.map_err(|error| {
        let detail = error.to_string();
        ClientError::new(ErrorKind::Unreachable).with_detail(detail).with_source(error)
    })?;
    if !address.is_secure() {
        return Ok(Box::new(stream));
    }
    let (connector, name) = tls.prepare(address.host()).await?;
    let secured = connector.connect(name, stream).await;
    secured.map(|secured| Box::new(secured) as Io).map_err(|error| {
        let detail = error.to_string();
        ClientError::new(ErrorKind::Tls).with_detail(detail).with_source(error)
    })
}

/// One address after the other, none for long: on many a network the first, of IPv6, leads nowhere.
async fn connect(address: &Address) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::NotFound);
    for found in lookup_host((address.host(), address.port())).await?.take(ADDRESSES_MAX) {
        match timeout(ADDRESS_WITHIN, TcpStream::connect(found)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

/// An open WebSocket.
pub(crate) struct Socket(WebSocketStream<Io>);

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    Text(Utf8Bytes),
    Binary,
    Closed(u16),
    Failed(ClientError),
}

/// Why there is no socket.
#[derive(Debug)]
pub(crate) enum NotOpened {
    Refused(Refusal),
    Failed(ClientError),
}

impl From<ClientError> for NotOpened {
    fn from(error: ClientError) -> Self {
        Self::Failed(error)
    }
}

impl Socket {
    /// Opens a socket. The token goes into a header, never into the URL.
    pub(crate) async fn open(address: &Address, tls: &Tls, opening: &Opening) -> Result<Self, NotOpened> {
        let query = opening.query();
        let mark = if query.is_empty() { "" } else { "?" };
        let url = format!("{}{mark}{query}", address.socket_url());
        let protocol = |error: Error| ClientError::new(ErrorKind::Protocol).with_source(error);
        let mut request = url.into_client_request().map_err(protocol)?;
        let bearer = HeaderValue::from_str(&format!("Bearer {}", opening.token.0));
        let mut bearer = bearer.map_err(|_| ClientError::new(ErrorKind::TokenRefused))?;
        bearer.set_sensitive(true);
        request.headers_mut().insert(http::header::AUTHORIZATION, bearer);
        let io = dial(address, tls).await?;
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BYTES)
            .write_buffer_size(0)
            .max_write_buffer_size(4 * limits::CLIENT_FRAME_BYTES)
            .max_message_size(Some(FRAME_BYTES))
            .max_frame_size(Some(FRAME_BYTES));
        match client_async_with_config(request, io, Some(config)).await {
            Ok((stream, _)) => Ok(Self(stream)),
            Err(Error::Http(response)) => Err(NotOpened::Refused(refusal(&response))),
            Err(error @ Error::Protocol(ProtocolError::HandshakeIncomplete)) => {
                Err(ClientError::new(ErrorKind::Broken).with_source(error).into())
            }
            Err(error @ (Error::Protocol(_) | Error::HttpFormat(_) | Error::Utf8(_))) => {
                let detail = error.to_string();
                let error = ClientError::new(ErrorKind::NotUnionFlow).with_source(error);
                Err(error.with_detail(detail).into())
            }
            Err(error) => Err(failed(error).into()),
        }
    }

    /// What comes next. Cancel-safe: a frame is taken whole or not at all.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            return match self.0.next().await {
                Some(Ok(Message::Text(text))) => Incoming::Text(text),
                Some(Ok(Message::Binary(_))) => Incoming::Binary,
                Some(Ok(Message::Close(close))) => {
                    Incoming::Closed(close.map_or(1005, |close| close.code.into()))
                }
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                Some(Err(error)) => Incoming::Failed(failed(error)),
                None => Incoming::Closed(1006),
            };
        }
    }

    /// Writes a frame.
    pub(crate) async fn send(&mut self, text: String) -> Result<(), ClientError> {
        match timeout(WRITE_WITHIN, self.0.send(Message::text(text))).await {
            Ok(sent) => sent.map_err(failed),
            Err(_) => Err(ErrorKind::DeadLink.into()),
        }
    }

    /// Says good-bye, and lets go of whoever does not answer.
    pub(crate) async fn close(mut self) {
        let good_bye = CloseFrame { code: CloseCode::Normal, reason: Utf8Bytes::default() };
        let _ = timeout(GOOD_BYE_WITHIN, self.0.close(Some(good_bye))).await;
    }
}

fn failed(error: Error) -> ClientError {
    let kind = match &error {
        Error::Capacity(CapacityError::MessageTooLong { .. } | CapacityError::TooManyHeaders) => {
            ErrorKind::TooBig
        }
        Error::Utf8(_) => ErrorKind::NotText,
        Error::Protocol(_) | Error::Http(_) | Error::HttpFormat(_) => ErrorKind::Protocol,
        Error::Tls(_) => ErrorKind::Tls,
        _ => ErrorKind::Broken,
    };
    let detail = error.to_string();
    let source = error.source().map(ToString::to_string).unwrap_or_default();
    let detail = if detail.contains(&source) { detail } else { format!("{detail}: {source}") };
    ClientError::new(kind).with_detail(detail).with_source(error)
}

fn refusal(response: &Response) -> Refusal {
    let problem = response.body().as_deref().and_then(|body| serde_json::from_slice::<Problem>(body).ok());
    Refusal {
        status: response.status().as_u16(),
        code: problem.map(|problem| problem.code),
        is_problem: is_problem(response.headers()),
        retry_after: retry_after(response.headers()),
    }
}

/// Whether the answer is a problem of ours: else a proxy, or another program, has answered.
pub(crate) fn is_problem(headers: &http::HeaderMap) -> bool {
    let kind = headers.get(http::header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("application/problem+json"))
}

/// `Retry-After`, in seconds; dates are not said by our server.
pub(crate) fn retry_after(headers: &http::HeaderMap) -> Option<Duration> {
    let seconds = headers.get(http::header::RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
