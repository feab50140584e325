//! Whatever answers: each has its own kind of error, nothing panics, nothing spins, and the client goes on trying.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

use std::{sync::Arc, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_tungstenite::{
    accept_async,
    tungstenite::{Message as Frame, protocol::CloseFrame},
};
use unionflow_client::{Address, ClientError, ConnectionStatus, ErrorKind, FixedToken, RealtimeClient, Tls};

const PATIENCE: Duration = Duration::from_secs(30);

const WELCOME: &str = r#"{"eventType":"SYSTEM_WELCOME","data":{"sessionId":"0199c500-0000-7000-8000-000000000091",
"organizationId":"0199c500-0000-7000-8000-000000000001","epoch":"0199c500-0000-7000-8000-000000000002","headSeq":7,
"resumedFrom":null,"heartbeatSeconds":30,"memberId":"0199c500-0000-7000-8000-000000000012","roles":["MEMBER"],"stats":null},
"organizationId":"0199c500-0000-7000-8000-000000000001","timestamp":"2026-11-22T10:15:30.123Z"}"#;

async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn client(url: &str) -> RealtimeClient {
    RealtimeClient::builder(url.parse().unwrap(), FixedToken::new("t")).seed(1).start()
}

/// The first reason why a client of this address is not connected.
async fn reason(client: &RealtimeClient) -> ClientError {
    let mut statuses = client.statuses();
    client.connect().await;
    let waiting = async {
        loop {
            let status = statuses.next().await.unwrap();
            if let Some(reason) = status.reason() {
                return reason.clone();
            }
        }
    };
    timeout(PATIENCE, waiting).await.unwrap()
}

/// Answers every request with these bytes.
async fn answering(bytes: Vec<u8>) -> String {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(&bytes).await;
        }
    });
    url
}

fn http(status: &str, kind: &str, body: &str) -> Vec<u8> {
    format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n{body}", body.len())
        .into_bytes()
}

#[tokio::test]
async fn an_answer_in_place_of_a_socket_is_told_by_what_it_is() {
    let page = "<html><h1>502 Bad Gateway</h1></html>";
    let problem = |status: u16, code: &str| {
        format!(r#"{{"type":"urn:unionflow:problem:x","title":"Non.","status":{status},"code":"{code}"}}"#)
    };
    let json = "application/problem+json";
    let cases = [
        (http("502 Bad Gateway", "text/html", page), ErrorKind::BadGateway),
        (http("200 OK", "text/html", page), ErrorKind::NotUnionFlow),
        (http("301 Moved", "text/html", page), ErrorKind::NotUnionFlow),
        (http("404 Not Found", "text/html", page), ErrorKind::NotUnionFlow),
        (http("404 Not Found", json, &problem(404, "NOT_FOUND")), ErrorKind::NotAMember),
        (http("403 Forbidden", json, &problem(403, "FOREIGN_ORIGIN")), ErrorKind::Forbidden),
        (http("503 Unavailable", json, &problem(503, "UNAVAILABLE")), ErrorKind::Unavailable),
        (http("503 Unavailable", json, &problem(503, "A_LATER_CODE")), ErrorKind::Unavailable),
        (http("401 Unauthorized", json, &problem(401, "UNAUTHENTICATED")), ErrorKind::SignInRequired),
        (http("101 Switching Protocols", "text/html", ""), ErrorKind::NotUnionFlow),
        (b"SSH-2.0-OpenSSH_9.2\r\n".to_vec(), ErrorKind::NotUnionFlow),
        (vec![0xff; 5000], ErrorKind::NotUnionFlow),
        (Vec::new(), ErrorKind::Broken),
    ];
    for (bytes, kind) in cases {
        let told = String::from_utf8_lossy(&bytes).chars().take(60).collect::<String>();
        let client = client(&answering(bytes).await);
        assert_eq!(reason(&client).await.kind(), kind, "{told}");
        client.close().await;
    }
}

#[tokio::test]
async fn where_nobody_listens_the_server_cannot_be_reached() {
    let (listener, url) = listener().await;
    drop(listener);
    assert_eq!(reason(&client(&url)).await.kind(), ErrorKind::Unreachable);
}

/// A server that opens the socket, sends these, and waits for the client to go; then the same again.
async fn sending(frames: Vec<Frame>) -> String {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            for frame in &frames {
                let _ = socket.send(frame.clone()).await;
            }
            while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        }
    });
    url
}

#[tokio::test]
async fn a_frame_that_cannot_be_has_its_own_kind() {
    let cases = [
        (Frame::text("<html>"), ErrorKind::NotJson),
        (Frame::text(""), ErrorKind::NotJson),
        (Frame::binary(vec![1, 2, 3]), ErrorKind::NotText),
        (Frame::text("x".repeat(10 * 1024 * 1024)), ErrorKind::TooBig),
        (
            Frame::text(
                r#"{"eventType":"SYSTEM_WELCOME","data":{"v":2},"timestamp":"2026-11-22T10:15:30.123Z"}"#,
            ),
            ErrorKind::OtherVersion,
        ),
        (Frame::Close(Some(CloseFrame { code: 4302.into(), reason: "".into() })), ErrorKind::MembershipEnded),
        (Frame::Close(Some(CloseFrame { code: 1011.into(), reason: "".into() })), ErrorKind::Unavailable),
    ];
    for (frame, kind) in cases {
        let client = client(&sending(vec![frame]).await);
        assert_eq!(reason(&client).await.kind(), kind);
        let client = self::client(&sending(vec![Frame::text(WELCOME), cases_garbage()]).await);
        assert_eq!(reason(&client).await.kind(), ErrorKind::NotJson, "in the middle of a session too");
    }
}

fn cases_garbage() -> Frame {
    Frame::text("{\"eventType\":\"SYSTEM_CAUGHT_UP\",\"da")
}

#[tokio::test]
async fn garbage_on_the_wire_breaks_the_protocol_and_nothing_else() {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let mut socket = accept_async(stream).await.unwrap();
            let _ = socket.send(Frame::text(WELCOME)).await;
            let raw: &mut TcpStream = socket.get_mut();
            let _ = raw.write_all(&[0xff, 0x13, 0x37, 0x00, 0xde, 0xad]).await;
            while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        }
    });
    assert_eq!(reason(&client(&url)).await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_server_that_accepts_and_says_nothing_is_given_up_after_ten_seconds() {
    let client = client(&sending(Vec::new()).await);
    let mut statuses = client.statuses();
    client.connect().await;
    // The socket is open once the server has it; then time is made to pass.
    let opened = client_is_greeting(&client);
    timeout(PATIENCE, opened).await.unwrap();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(11)).await;
    tokio::time::resume();
    let said = async {
        loop {
            if let Some(reason) = statuses.next().await.unwrap().reason() {
                return reason.kind();
            }
        }
    };
    let kind = timeout(PATIENCE, said).await.unwrap();
    assert!(matches!(kind, ErrorKind::SaysNothing | ErrorKind::Timeout), "{kind:?}");
}

/// Until the handshake is surely done: other tasks have run many times.
async fn client_is_greeting(client: &RealtimeClient) {
    for _ in 0..2_000 {
        tokio::task::yield_now().await;
    }
    assert!(!client.status().is_connected());
}

#[tokio::test]
async fn attempts_that_fail_wait_longer_and_longer() {
    let client = client(&answering(http("502 Bad Gateway", "text/html", "")).await);
    let mut statuses = client.statuses();
    client.connect().await;
    let mut attempts = Vec::new();
    while attempts.len() < 3 {
        let status = timeout(PATIENCE, statuses.next()).await.unwrap().unwrap();
        if let ConnectionStatus::Waiting { attempt, retry_in, .. } = status {
            assert!(retry_in < Duration::from_secs(1 << (attempt - 1)));
            attempts.push(attempt);
        }
    }
    assert_eq!(attempts, [1, 2, 3]);
}

#[tokio::test]
async fn a_secure_server_is_trusted_by_its_certificate_only() {
    let certified = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(certified.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certified.cert.der().clone()], key)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let (listener, _) = listener().await;
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(stream) = acceptor.accept(stream).await else { continue };
            let mut socket = accept_async(stream).await.unwrap();
            let _ = socket.send(Frame::text(WELCOME)).await;
            while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
        }
    });
    let address: Address = format!("https://localhost:{port}").parse().unwrap();
    let stranger = RealtimeClient::builder(address.clone(), FixedToken::new("t")).start();
    assert_eq!(reason(&stranger).await.kind(), ErrorKind::Tls);

    let tls = Tls::trusting(certified.cert.pem().as_bytes()).unwrap();
    let friend = RealtimeClient::builder(address, FixedToken::new("t")).tls(tls.clone()).start();
    let mut connected = friend.connected();
    friend.connect().await;
    assert_eq!(connected.next().await, Some(false));
    assert_eq!(timeout(PATIENCE, connected.next()).await.unwrap(), Some(true));

    friend.close().await;

    let by_number = format!("https://127.0.0.1:{port}").parse().unwrap();
    let mistaken = RealtimeClient::builder(by_number, FixedToken::new("t")).tls(tls).start();
    assert_eq!(reason(&mistaken).await.kind(), ErrorKind::Tls, "the certificate bears another name");
}
