//! Somebody who is signed in, and what the server answers them.

use std::sync::atomic::{AtomicU64, Ordering};

use reqwest::{Client, Method, header::HeaderMap};
use serde_json::{Value, json};
use unionflow_protocol::id::OrganizationId;

use crate::{
    cast::{Account, Troupe},
    socket::{Refused, Socket},
    world::login_body,
};

/// Somebody who is signed in.
#[derive(Clone)]
pub struct Person {
    /// Who.
    pub account: Account,
    /// Where they act.
    pub organization: OrganizationId,
    /// The access token.
    pub token: String,
    /// The refresh token.
    pub refresh_token: String,
    /// `127.0.0.1:PORT`
    pub address: String,
    client: Client,
}

/// An answer of the server.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The JSON; null where there was none.
    pub body: Value,
    /// The bytes as they came.
    pub text: String,
}

/// A request that is being made up.
pub struct Ask<'a> {
    person: &'a Person,
    method: Method,
    path: String,
    body: Option<String>,
    headers: Vec<(&'static str, String)>,
}

static NEXT_KEY: AtomicU64 = AtomicU64::new(1);

impl Person {
    /// Signs somebody in.
    pub async fn sign_in(address: &str, troupe: &Troupe, account: &Account) -> Self {
        let mut person = Self::stranger(address, troupe, account);
        let answer = person.ask(Method::POST, "/auth/login").json(&login_body(account)).send().await;
        let signed_in = answer.expect(200);
        let text = |key: &str| signed_in[key].as_str().unwrap_or_default().to_owned();
        (person.token, person.refresh_token) = (text("accessToken"), text("refreshToken"));
        person
    }

    /// Somebody who is not signed in.
    pub fn stranger(address: &str, troupe: &Troupe, account: &Account) -> Self {
        Self {
            account: account.clone(),
            organization: troupe.id,
            token: String::new(),
            refresh_token: String::new(),
            address: address.to_owned(),
            client: Client::new(),
        }
    }

    /// A key that nobody used.
    pub fn fresh_key() -> String {
        format!("test-key-{:08}", NEXT_KEY.fetch_add(1, Ordering::Relaxed))
    }

    /// The same person, who asks the server at another address.
    #[must_use]
    pub fn at(&self, address: &str) -> Self {
        Self { address: address.to_owned(), ..self.clone() }
    }

    /// A request below `/api/v1`, with a fresh idempotency key where it is a command.
    pub fn ask(&self, method: Method, path: &str) -> Ask<'_> {
        let mut headers = Vec::new();
        if method != Method::GET {
            headers.push(("idempotency-key", Self::fresh_key()));
        }
        Ask { person: self, method, path: path.to_owned(), body: None, headers }
    }

    /// `GET`
    pub async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    /// `POST`
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::POST, path).json(body).send().await
    }

    /// `PATCH`
    pub async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::PATCH, path).json(body).send().await
    }

    /// `PUT`
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        self.ask(Method::PUT, path).json(body).send().await
    }

    /// `DELETE`
    pub async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path).send().await
    }

    /// The body of a request for an expense from the cash box.
    pub fn expense(&self, amount: i64) -> Value {
        json!({
            "organizationId": self.organization, "transactionType": "EXPENSE", "amount": amount, "currency": "XOF",
            "purpose": "Achat de fournitures"
        })
    }

    /// Asks for an expense; the request.
    pub async fn submit(&self, amount: i64) -> Value {
        self.post("/finance/approvals", &self.expense(amount)).await.expect(201)
    }

    /// Votes for a request.
    pub async fn approve(&self, approval: &Value) -> Answer {
        self.post(&format!("/finance/approvals/{}/approve", id(approval)), &json!({})).await
    }

    /// Votes for a request as it was when it was seen so.
    pub async fn approve_seen(&self, seen: &Value) -> Answer {
        let body = json!({"contentHash": seen["contentHash"]});
        self.post(&format!("/finance/approvals/{}/approve", id(seen)), &body).await
    }

    /// Changes the amount of a request.
    pub async fn edit(&self, approval: &Value, amount: i64) -> Answer {
        self.patch(&format!("/finance/approvals/{}", id(approval)), &json!({"amount": amount})).await
    }

    /// Carries a request out.
    pub async fn execute(&self, approval: &Value) -> Answer {
        self.post(&format!("/finance/approvals/{}/execute", id(approval)), &json!({})).await
    }

    /// The newest event of the organisation, as the server answers it.
    pub async fn head(&self) -> u64 {
        let stats = self.get(&format!("/dashboard/stats?organizationId={}", self.organization)).await;
        stats.expect(200)["asOfSeq"].as_u64().expect("every answer says asOfSeq")
    }

    /// A socket on the person's organisation; `more` is added to the query: `&after=…&epoch=…`.
    pub async fn connect(&self, more: &str) -> Result<Socket, Refused> {
        self.connect_at(&self.address, more).await
    }

    /// A socket by way of another address, such as a proxy's.
    pub async fn connect_at(&self, address: &str, more: &str) -> Result<Socket, Refused> {
        Socket::connect(&self.socket_url(address, more), &[("authorization", &self.bearer())]).await
    }

    /// A socket whose end holds little unread.
    pub async fn connect_narrow(&self, more: &str) -> Result<Socket, Refused> {
        Socket::connect_narrow(&self.socket_url(&self.address, more), &[("authorization", &self.bearer())])
            .await
    }

    fn socket_url(&self, address: &str, more: &str) -> String {
        format!("ws://{address}/ws/dashboard?organizationId={}{more}", self.organization)
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token)
    }
}

impl Ask<'_> {
    /// With a JSON body.
    #[must_use]
    pub fn json(self, body: &Value) -> Self {
        self.text(body.to_string())
    }

    /// With these bytes as a body that says it is JSON.
    #[must_use]
    pub fn text(mut self, body: impl Into<String>) -> Self {
        self.body = Some(body.into());
        self.header("content-type", "application/json")
    }

    /// With a header, in place of the one of that name.
    #[must_use]
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    /// With this idempotency key.
    #[must_use]
    pub fn key(self, key: &str) -> Self {
        self.header("idempotency-key", key)
    }

    /// Without an idempotency key.
    #[must_use]
    pub fn without_key(mut self) -> Self {
        self.headers.retain(|(known, _)| *known != "idempotency-key");
        self
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        self.try_send().await.unwrap_or_else(|error| panic!("the server answers: {error}"))
    }

    /// Sends it; an error if the server is not there, or goes away before it has answered.
    pub async fn try_send(self) -> Result<Answer, reqwest::Error> {
        let url = match self.path.starts_with("/api/") || self.path.starts_with("/openapi") {
            true => format!("http://{}{}", self.person.address, self.path),
            false => format!("http://{}/api/v1{}", self.person.address, self.path),
        };
        let mut request = self.person.client.request(self.method, url);
        if !self.person.token.is_empty() && !self.headers.iter().any(|(name, _)| *name == "authorization") {
            request = request.bearer_auth(&self.person.token);
        }
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        if let Some(body) = self.body {
            request = request.body(body);
        }
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Answer { status, headers, body, text })
    }
}

impl Answer {
    /// The body, if the status is this one.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    /// The body, if it is a problem of this status and code.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Value {
        assert_eq!((self.status, self.body["code"].as_str()), (status, Some(code)), "{}", self.text);
        assert_eq!(self.headers["content-type"], "application/problem+json");
        self.body
    }

    /// The stable code of a problem.
    pub fn code(&self) -> &str {
        self.body["code"].as_str().unwrap_or_default()
    }

    /// Whether it is kept from an earlier call.
    pub fn is_replayed(&self) -> bool {
        self.headers.contains_key("idempotency-replayed")
    }
}

fn id(resource: &Value) -> &str {
    resource["id"].as_str().expect("a resource has an id")
}
