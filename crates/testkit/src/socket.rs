//! A client's end of `/ws/dashboard`, close to the wire, so that tests see every frame.

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    net::{TcpSocket, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, client_async,
    tungstenite::{
        Error, Message,
        client::IntoClientRequest,
        handshake::client::{Request, Response},
        http::{HeaderName, HeaderValue},
    },
};

use crate::PATIENCE;

/// An open socket.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// The sub-protocol that the server chose.
    pub protocol: Option<String>,
    /// The journal's incarnation, from the welcome.
    pub epoch: String,
    /// Complete up to here.
    pub cursor: u64,
    /// Pongs of the WebSocket's own that came.
    pub pongs: usize,
}

/// A frame of the server.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// The bytes, as text.
    pub text: String,
    /// The same as JSON.
    pub value: Value,
}

/// A socket that was refused before the upgrade.
#[derive(Debug, Clone, PartialEq)]
pub struct Refused {
    /// The HTTP status; 0 where there was no answer.
    pub status: u16,
    /// The problem.
    pub problem: Value,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u64>,
}

/// How a socket ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Closed {
    /// The close code; 1006 where the connection just broke.
    pub code: u16,
}

impl Frame {
    fn parse(text: &str) -> Self {
        let value = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        Self { text: text.to_owned(), value }
    }

    /// `eventType`
    pub fn event_type(&self) -> &str {
        self.value["eventType"].as_str().unwrap_or_default()
    }

    /// `seq` of a fact.
    pub fn seq(&self) -> Option<u64> {
        self.value["seq"].as_u64()
    }

    /// `data`
    pub fn data(&self) -> &Value {
        &self.value["data"]
    }

    /// Whether it is a fact or a state, and not about the session itself.
    pub fn is_event(&self) -> bool {
        !self.event_type().starts_with("SYSTEM_")
    }
}

/// What the end of a narrow socket holds unread.
const HELD: u32 = 4 * 1024;

async fn open(
    request: Request,
    narrow: bool,
) -> Result<(WebSocketStream<MaybeTlsStream<TcpStream>>, Response), Error> {
    let address = request.uri().authority().and_then(|authority| authority.as_str().parse().ok());
    let socket = TcpSocket::new_v4()?;
    if narrow {
        socket.set_recv_buffer_size(HELD)?;
    }
    let stream = socket.connect(address.expect("an address of a test")).await?;
    stream.set_nodelay(true)?;
    client_async(request, MaybeTlsStream::Plain(stream)).await
}

impl Socket {
    /// Connects to a URL with headers.
    pub async fn connect(url: &str, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        Self::connect_as(url, headers, false).await
    }

    /// The same with an end that holds little unread, so that the server soon notices that nobody reads.
    pub async fn connect_narrow(url: &str, headers: &[(&str, &str)]) -> Result<Self, Refused> {
        Self::connect_as(url, headers, true).await
    }

    async fn connect_as(url: &str, headers: &[(&str, &str)], narrow: bool) -> Result<Self, Refused> {
        let mut request = url.into_client_request().expect("a URL of a test");
        for (name, value) in headers {
            let name = HeaderName::from_bytes(name.as_bytes()).expect("a header of a test");
            request.headers_mut().insert(name, HeaderValue::from_str(value).expect("a header of a test"));
        }
        let connecting = timeout(PATIENCE, open(request, narrow)).await.expect("an answer in time");
        let (stream, response) = connecting.map_err(|error| match error {
            Error::Http(response) => {
                let problem = response.body().as_deref().and_then(|body| serde_json::from_slice(body).ok());
                let retry_after = response.headers().get("retry-after");
                let retry_after = retry_after.and_then(|value| value.to_str().ok()?.parse().ok());
                let status = response.status().as_u16();
                Refused { status, problem: problem.unwrap_or_default(), retry_after }
            }
            other => Refused { status: 0, problem: Value::String(other.to_string()), retry_after: None },
        })?;
        let protocol = response.headers().get("sec-websocket-protocol");
        let protocol = protocol.and_then(|value| value.to_str().ok()).map(str::to_owned);
        Ok(Self { stream, protocol, epoch: String::new(), cursor: 0, pongs: 0 })
    }

    /// The next frame, or how the socket ended. Cancel-safe: a frame is taken whole or not at all.
    pub async fn next(&mut self) -> Result<Frame, Closed> {
        loop {
            let message = timeout(PATIENCE, self.stream.next()).await.expect("a frame in time");
            match message {
                Some(Ok(Message::Text(text))) => {
                    let frame = Frame::parse(&text);
                    self.follow(&frame);
                    return Ok(frame);
                }
                Some(Ok(Message::Close(close))) => {
                    return Err(Closed { code: close.map_or(1005, |close| close.code.into()) });
                }
                Some(Ok(Message::Pong(_))) => self.pongs += 1,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Err(Closed { code: 1006 }),
            }
        }
    }

    fn follow(&mut self, frame: &Frame) {
        let data = frame.data();
        match frame.event_type() {
            "SYSTEM_WELCOME" => {
                data["epoch"].as_str().unwrap_or_default().clone_into(&mut self.epoch);
                self.cursor = data["resumedFrom"].as_u64().unwrap_or(0);
            }
            "SYSTEM_CAUGHT_UP" | "SYSTEM_PONG" => self.cursor = data["seq"].as_u64().unwrap_or(self.cursor),
            _ => self.cursor = frame.seq().unwrap_or(self.cursor),
        }
    }

    /// The next frame.
    pub async fn frame(&mut self) -> Frame {
        self.next().await.unwrap_or_else(|closed| panic!("still open, not {closed:?}"))
    }

    /// All frames up to, and with, the first of this type.
    pub async fn until(&mut self, event_type: &str) -> Vec<Frame> {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(closed) => panic!("{event_type} before {closed:?}; saw {frames:#?}"),
            }
            if frames.last().is_some_and(|frame| frame.event_type() == event_type) {
                return frames;
            }
        }
    }

    /// Everything this session sees until the server promises that it is complete up to `seq`; without pongs.
    pub async fn sees_until(&mut self, seq: u64) -> Vec<Frame> {
        let mut seen = Vec::new();
        while self.cursor < seq {
            self.say("ping").await;
            let frames = self.until("SYSTEM_PONG").await;
            seen.extend(frames.into_iter().filter(|frame| frame.event_type() != "SYSTEM_PONG"));
            if self.cursor < seq {
                // Nothing came: whatever comes next, or a moment, and asked again.
                let moment = std::time::Duration::from_millis(60);
                if let Ok(next) = timeout(moment, self.next()).await {
                    seen.push(
                        next.unwrap_or_else(|closed| panic!("still open, not {closed:?}; saw {seen:#?}")),
                    );
                }
            }
        }
        seen
    }

    /// The facts and states among [`Socket::sees_until`].
    pub async fn events_until(&mut self, seq: u64) -> Vec<Frame> {
        self.sees_until(seq).await.into_iter().filter(Frame::is_event).collect()
    }

    /// How the socket ends, with what comes before.
    pub async fn closes(&mut self) -> (Vec<Frame>, Closed) {
        let mut frames = Vec::new();
        loop {
            match self.next().await {
                Ok(frame) => frames.push(frame),
                Err(closed) => return (frames, closed),
            }
        }
    }

    /// Sends a text frame.
    pub async fn say(&mut self, text: &str) {
        // A socket that is closing may refuse: what the server said last is still to be read.
        let _ = self.stream.send(Message::text(text.to_owned())).await;
    }

    /// Sends any message.
    pub async fn send(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// The query that resumes where this socket is.
    pub fn resume(&self) -> String {
        format!("&after={}&epoch={}", self.cursor, self.epoch)
    }
}
