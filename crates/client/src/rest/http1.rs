//! Requests over HTTP/1.1, on the same kind of connection as sockets.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, header};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use unionflow_protocol::{Language, frame::Token};

use crate::{
    address::Address,
    error::{ClientError, ErrorKind},
    tls::Tls,
    transport::{dial, is_problem, retry_after},
};

/// Connections to one server.
pub(super) struct Connections {
    address: Address,
    tls: Tls,
    idle: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

/// What is asked.
pub(super) struct Request<'a> {
    pub(super) method: Method,
    pub(super) path: &'a str,
    pub(super) query: &'a str,
    pub(super) body: Option<(&'a [u8], &'static str)>,
    pub(super) token: Option<Token>,
    pub(super) key: Option<&'a str>,
    pub(super) version: Option<u64>,
    pub(super) language: Language,
    /// On a connection of its own.
    pub(super) is_fresh: bool,
}

/// What is answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) is_problem: bool,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

/// Connections kept for the next request.
const IDLE_MAX: usize = 4;
/// How long a connection may take, and then an answer.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// A file on the slowest network, in bytes a second.
const SLOWEST: u64 = 8 * 1024;
/// An import's report, and more.
const BODY_BYTES: usize = 16 * 1024 * 1024;

impl Connections {
    pub(super) fn new(address: Address, tls: Tls) -> Self {
        Self { address, tls, idle: Mutex::default() }
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }

    pub(super) async fn send(&self, request: Request<'_>) -> Result<Answer, ClientError> {
        let written = self.written(&request)?;
        let kept = if request.is_fresh { None } else { self.kept() };
        let mut sender = match kept {
            Some(sender) => sender,
            None => timeout(CONNECT_WITHIN, self.connect()).await.map_err(|_| ErrorKind::Timeout)??,
        };
        let asked = ask(&mut sender, written);
        let sending = Duration::from_secs(request.body.map_or(0, |(bytes, _)| bytes.len() as u64 / SLOWEST));
        let answer = timeout(ANSWER_WITHIN + sending, asked).await.map_err(|_| ErrorKind::Timeout)??;
        if sender.ready().await.is_ok() {
            let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
            if idle.len() < IDLE_MAX {
                idle.push(sender);
            }
        }
        Ok(answer)
    }

    fn kept(&self) -> Option<SendRequest<Full<Bytes>>> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|sender| sender.is_ready() && !sender.is_closed())
    }

    async fn connect(&self) -> Result<SendRequest<Full<Bytes>>, ClientError> {
        let io = dial(&self.address, &self.tls).await?;
        let (sender, connection) = handshake(TokioIo::new(io)).await.map_err(broken)?;
        // Ends with its sender.
        tokio::spawn(connection);
        Ok(sender)
    }

    fn written(&self, request: &Request<'_>) -> Result<http::Request<Full<Bytes>>, ClientError> {
        let mark = if request.query.is_empty() { "" } else { "?" };
        let target = format!("{}{}{mark}{}", self.address.api_path(), request.path, request.query);
        let mut builder = http::Request::builder()
            .method(request.method.clone())
            .uri(target)
            .header(header::HOST, self.address.authority())
            .header(header::USER_AGENT, concat!("unionflow-client/", env!("CARGO_PKG_VERSION")))
            .header(header::ACCEPT_LANGUAGE, request.language.as_str());
        if let Some(token) = &request.token {
            let bearer = HeaderValue::from_str(&format!("Bearer {}", token.0));
            let mut bearer = bearer.map_err(|_| ClientError::new(ErrorKind::TokenRefused))?;
            bearer.set_sensitive(true);
            builder = builder.header(header::AUTHORIZATION, bearer);
        }
        if let Some(key) = request.key {
            builder = builder.header("idempotency-key", key);
        }
        if let Some(version) = request.version {
            builder = builder.header(header::IF_MATCH, format!("\"{version}\""));
        }
        let body = request.body.map(|(bytes, kind)| {
            builder
                .headers_mut()
                .map(|headers| headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind)));
            Bytes::copy_from_slice(bytes)
        });
        let bad = |error| ClientError::new(ErrorKind::BadRequest).with_source(error);
        builder.body(Full::new(body.unwrap_or_default())).map_err(bad)
    }
}

async fn ask(
    sender: &mut SendRequest<Full<Bytes>>,
    request: http::Request<Full<Bytes>>,
) -> Result<Answer, ClientError> {
    let response = sender.send_request(request).await.map_err(broken)?;
    let (head, body) = response.into_parts();
    let body = Limited::new(body, BODY_BYTES).collect().await.map_err(|error| {
        let kind = if error.is::<LengthLimitError>() { ErrorKind::TooBig } else { ErrorKind::Broken };
        ClientError::new(kind).with_detail(error.to_string())
    })?;
    Ok(Answer {
        status: head.status.as_u16(),
        is_problem: is_problem(&head.headers),
        retry_after: retry_after(&head.headers),
        body: body.to_bytes(),
    })
}

fn broken(error: hyper::Error) -> ClientError {
    let kind = if error.is_parse() { ErrorKind::NotUnionFlow } else { ErrorKind::Broken };
    ClientError::new(kind).with_detail(error.to_string()).with_source(error)
}
