//! Follows the demonstration's own socket as its treasurer, and prints each frame as one line.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt, StreamExt};
use tokio::{net::TcpStream, time::MissedTickBehavior};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};
use unionflow_protocol::{
    Language,
    limits::HEARTBEAT,
    rest::auth::{Login, Secret},
};
use unionflow_service::{Service, auth::Origin};

use crate::out::outln;

use super::{
    Stage,
    cast::Actor,
    telling::{Cursor, Teller},
};

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// How long to wait before connecting again.
const BACK_OFF: Duration = Duration::from_secs(1);

/// Prints frames until the task is ended.
pub(crate) async fn follow(
    service: Service,
    address: SocketAddr,
    stage: &Stage,
    treasurer: &Actor,
    language: Language,
) {
    let mut teller = Teller::new(service.clone(), stage.organization, language);
    let mut session = Session { service, login: treasurer.clone(), refresh_token: None };
    let mut cursor = Cursor::default();
    loop {
        let url = format!("ws://{address}/ws/dashboard?organizationId={}{cursor}", stage.organization);
        match session.connect(&url).await {
            Ok((socket, token_lives)) => {
                listen(socket, &mut session, &mut teller, &mut cursor, token_lives / 2).await;
            }
            Err(error) => tracing::debug!(%error, "not connected"),
        }
        tokio::time::sleep(BACK_OFF).await;
    }
}

/// The treasurer, signed in.
struct Session {
    service: Service,
    login: Actor,
    refresh_token: Option<Secret>,
}

impl Session {
    /// A fresh access token, and how long it lives.
    async fn token(&mut self) -> Result<(String, Duration), String> {
        let origin = Origin { address: "demo".to_owned(), device: "unionflow demo".to_owned() };
        let signed_in = match self.refresh_token.take() {
            Some(token) => self.service.refresh(&token.0).await,
            None => {
                let login = Login {
                    login: self.login.login.clone(),
                    password: Secret(self.login.password.clone()),
                    session: None,
                };
                self.service.login(login, origin).await
            }
        };
        let signed_in = signed_in.map_err(|undo| undo.to_string())?;
        self.refresh_token = signed_in.refresh_token;
        Ok((signed_in.access_token.0, Duration::from_secs(signed_in.expires_in.into())))
    }

    async fn connect(&mut self, url: &str) -> Result<(Socket, Duration), String> {
        let (token, lives) = self.token().await?;
        let mut request = url.into_client_request().map_err(|error| error.to_string())?;
        let bearer = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|error| error.to_string())?;
        request.headers_mut().insert("Authorization", bearer);
        let (socket, _) = connect_async(request).await.map_err(|error| error.to_string())?;
        Ok((socket, lives))
    }
}

/// One connection: prints what comes, pings, and renews the token while it is good.
async fn listen(
    mut socket: Socket,
    session: &mut Session,
    teller: &mut Teller,
    cursor: &mut Cursor,
    renew_every: Duration,
) {
    let mut ping = tokio::time::interval(HEARTBEAT);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut renew = tokio::time::interval_at(tokio::time::Instant::now() + renew_every, renew_every);
    loop {
        let said = tokio::select! {
            frame = socket.next() => match frame {
                Some(Ok(Message::Text(text))) => {
                    cursor.advance(&text);
                    if let Some(line) = teller.line(&text).await {
                        outln!("{line}");
                    }
                    continue;
                }
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            _ = ping.tick() => r#"{"type":"ping"}"#.to_owned(),
            _ = renew.tick() => match session.token().await {
                Ok((token, _)) => serde_json::json!({ "type": "authenticate", "token": token }).to_string(),
                Err(_) => return,
            },
        };
        if socket.send(Message::text(said)).await.is_err() {
            return;
        }
    }
}
