//! The REST API: every route, with the same types as the server's.
//!
//! A command is given an idempotency key when it is first sent, and keeps it over every retry, so that it is done once however
//! often the network breaks. A program that wants to try again later, or after a restart, gives a key of its own:
//! [`RestClient::with_key`].

use std::{
    fmt,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};
use unionflow_protocol::{
    Language,
    frame::Token,
    rest::auth::{Login, Secret, SignedIn},
};

mod account;
mod held_token;
mod http1;
mod query;
mod routes;
#[cfg(test)]
mod tests;

pub use account::Account;
pub use held_token::HeldToken;
pub use query::{ApprovalsQuery, ImportQuery, InOrganization, JournalQuery, MembersQuery, PageQuery};
pub use routes::ROUTES;

use http1::{Answer, Connections, Request};

use crate::{
    address::Address,
    backoff::{Backoff, Jitter},
    error::{ClientError, ErrorKind},
    tls::Tls,
    token::{FixedToken, TokenFault, TokenProvider},
};

/// A client of the REST API; cheap to clone, its connections are shared.
///
/// ```no_run
/// use unionflow_client::rest::{InOrganization, RestClient};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let open = RestClient::new("https://mutuelle.example".parse()?);
/// let account = open.sign_in("awa@mutuelle.example", "…").await?;
/// let rest = open.with_tokens(account);
/// for organization in rest.me().await?.organizations {
///     let stats = rest.read_stats(&InOrganization::of(organization.organization_id)).await?;
///     println!("{}: {} members", organization.name, stats.figures.members.active);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RestClient {
    connections: Arc<Connections>,
    tokens: Option<Arc<dyn TokenProvider>>,
    language: Language,
    key: Option<IdempotencyKey>,
    version: Option<u64>,
}

/// The name of a command: however often it is sent, it is done once.
///
/// ```
/// use unionflow_client::rest::IdempotencyKey;
///
/// assert_ne!(IdempotencyKey::fresh(), IdempotencyKey::fresh());
/// assert!(IdempotencyKey::parse("short").is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// One that nobody used.
    pub fn fresh() -> Self {
        // Each is keyed by the system's randomness; a key names, it is no secret.
        let part = || RandomState::new().hash_one("unionflow");
        Self(format!("{:016x}{:016x}", part(), part()))
    }

    /// One of the program's own, 8 to 200 printable characters.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = unionflow_protocol::limits::IDEMPOTENCY_KEY_BYTES.contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.to_owned()))
    }

    /// As it is sent.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// How a route is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Reads: may be sent as often as it takes.
    Reads,
    /// Changes something once for each key.
    Keyed,
    /// Changes something, and takes no key: sent again only if it surely did not arrive.
    Once,
    /// The same without a sign-in.
    Open,
}

/// One call that is being made up.
struct Call {
    method: http::Method,
    path: String,
    mode: Mode,
    query: String,
    body: Option<(Vec<u8>, &'static str)>,
}

/// Attempts at one call.
const ATTEMPTS: u32 = 5;
/// A server that asks for more patience than this is not waited for: the program is told.
const PATIENCE: Duration = Duration::from_secs(10);

impl RestClient {
    /// A client that is not signed in.
    pub fn new(address: Address) -> Self {
        Self::over(address, Tls::default())
    }

    /// The same that trusts other certificates.
    pub fn over(address: Address, tls: Tls) -> Self {
        let connections = Arc::new(Connections::new(address, tls));
        Self { connections, tokens: None, language: Language::French, key: None, version: None }
    }

    /// Signs in with an e-mail or a phone, and a password: what keeps it signed in is also the token provider of a
    /// [`RealtimeClient`](crate::RealtimeClient).
    pub async fn sign_in(&self, login: &str, password: &str) -> Result<Account, ClientError> {
        let login = Login { login: login.to_owned(), password: Secret(password.to_owned()), session: None };
        Ok(self.account(self.login(&login).await?))
    }

    /// What keeps somebody signed in who was answered this: by `login`, `activate` or `reset_password`.
    pub fn account(&self, signed_in: SignedIn) -> Account {
        Account::new(self.clone().signed_out(), signed_in)
    }

    /// What keeps somebody signed in whose refresh token was kept by the program.
    pub fn account_of(&self, refresh_token: Secret) -> Account {
        Account::resumed(self.clone().signed_out(), refresh_token)
    }

    /// A client for whom these tokens are.
    #[must_use]
    pub fn with_tokens(&self, tokens: impl TokenProvider + 'static) -> Self {
        Self { tokens: Some(Arc::new(tokens)), ..self.clone() }
    }

    /// A client that is a service key, or any one token.
    #[must_use]
    pub fn with_token(&self, token: impl Into<String>) -> Self {
        self.with_tokens(FixedToken::new(token))
    }

    /// A client that is answered in this language.
    #[must_use]
    pub fn in_language(&self, language: Language) -> Self {
        Self { language, ..self.clone() }
    }

    /// For one command: with this key, so that it may be sent again later, or by the program started anew.
    #[must_use]
    pub fn with_key(&self, key: IdempotencyKey) -> Self {
        Self { key: Some(key), ..self.clone() }
    }

    /// For one command: only if the resource is still of this version.
    #[must_use]
    pub fn if_version(&self, version: u64) -> Self {
        Self { version: Some(version), ..self.clone() }
    }

    /// Where the server is.
    pub fn address(&self) -> &Address {
        self.connections.address()
    }

    fn signed_out(mut self) -> Self {
        self.tokens = None;
        self
    }

    async fn run<T: DeserializeOwned>(&self, call: Call) -> Result<T, ClientError> {
        let key = (call.mode == Mode::Keyed).then(|| self.key.clone().unwrap_or_else(IdempotencyKey::fresh));
        let seed = RandomState::new().hash_one(&call.path);
        let mut backoff = Backoff::new(Jitter::seeded(seed));
        let mut is_refused = false;
        loop {
            let token = self.token(call.mode, is_refused).await?;
            let error = match self.connections.send(self.request(&call, key.as_ref(), token)).await {
                Ok(answer) if answer.is_good() => return answer.read(),
                Ok(answer) => answer.fault(),
                Err(error) => error,
            };
            let expired = error.status() == Some(401) && call.mode != Mode::Open && !is_refused;
            if expired && self.tokens.is_some() {
                is_refused = true;
                continue;
            }
            let wait = backoff.next_wait().min(Duration::from_secs(4));
            let wait = error.retry_after().map_or(wait, |least| least.saturating_add(wait / 4));
            if backoff.attempts() >= ATTEMPTS || wait > PATIENCE || !may_retry(call.mode, &error) {
                return Err(error);
            }
            tokio::time::sleep(wait).await;
        }
    }

    async fn token(&self, mode: Mode, is_refused: bool) -> Result<Option<Token>, ClientError> {
        let Some(tokens) = self.tokens.as_ref().filter(|_| mode != Mode::Open) else { return Ok(None) };
        match tokens.token(is_refused).await {
            Ok(access) => Ok(Some(access.token)),
            Err(TokenFault::SignInRequired) => Err(ErrorKind::SignInRequired.into()),
            Err(TokenFault::Failed(error)) => Err(error),
            Err(TokenFault::Unavailable(why)) => {
                Err(ClientError::new(ErrorKind::TokenUnavailable).with_detail(why))
            }
        }
    }

    fn request<'a>(
        &self,
        call: &'a Call,
        key: Option<&'a IdempotencyKey>,
        token: Option<Token>,
    ) -> Request<'a> {
        Request {
            method: call.method.clone(),
            path: &call.path,
            query: &call.query,
            body: call.body.as_ref().map(|(bytes, kind)| (bytes.as_slice(), *kind)),
            token,
            key: key.map(IdempotencyKey::as_str),
            version: self.version,
            language: self.language,
            // What was sent on a connection that the server has just given up may or may not have arrived.
            is_fresh: matches!(call.mode, Mode::Once | Mode::Open),
        }
    }
}

/// Whether sending again does no harm, and may help.
fn may_retry(mode: Mode, error: &ClientError) -> bool {
    match error.kind() {
        // Nothing has arrived.
        ErrorKind::Unreachable => true,
        // It may have arrived.
        ErrorKind::Broken
        | ErrorKind::Timeout
        | ErrorKind::BadGateway
        | ErrorKind::Unavailable
        | ErrorKind::Busy => matches!(mode, Mode::Reads | Mode::Keyed),
        // Our server says so before it does anything.
        ErrorKind::Refused => matches!(error.status(), Some(429 | 503)),
        _ => false,
    }
}

impl Call {
    fn new(method: http::Method, path: &str, mode: Mode) -> Self {
        Self { method, path: path.to_owned(), mode, query: String::new(), body: None }
    }

    /// Fills the next `{…}` of the path: ids and codes, which need no escaping.
    fn place(&mut self, value: &impl fmt::Display) {
        let open = self.path.find('{').unwrap_or(self.path.len());
        let end = self.path.find('}').map_or(self.path.len(), |close| close + 1);
        self.path.replace_range(open..end, &value.to_string());
    }

    fn query(&mut self, query: &impl Serialize) -> Result<(), ClientError> {
        let bad = |error| ClientError::new(ErrorKind::BadRequest).with_source(error);
        self.query = serde_urlencoded::to_string(query).map_err(bad)?;
        Ok(())
    }

    fn json(&mut self, body: &impl Serialize) -> Result<(), ClientError> {
        let bad = |error| ClientError::new(ErrorKind::BadRequest).with_source(error);
        self.body = Some((serde_json::to_vec(body).map_err(bad)?, "application/json"));
        Ok(())
    }
}

impl Answer {
    fn is_good(&self) -> bool {
        (200..300).contains(&self.status)
    }

    fn read<T: DeserializeOwned>(self) -> Result<T, ClientError> {
        let bytes = if self.body.is_empty() { b"null" } else { &self.body[..] };
        serde_json::from_slice(bytes).map_err(|error| {
            let kind = if error.is_data() { ErrorKind::OtherVersion } else { ErrorKind::NotJson };
            ClientError::new(kind).with_status(self.status).with_detail(error.to_string()).with_source(error)
        })
    }

    /// What an answer says that is no success: a problem of ours, or somebody else's page.
    fn fault(self) -> ClientError {
        let error = |kind| ClientError::new(kind).with_status(self.status).with_retry_after(self.retry_after);
        if self.is_problem {
            return match serde_json::from_slice(&self.body) {
                Ok(problem) => error(ErrorKind::Refused).with_problem(problem),
                // A code that this version does not know.
                Err(unknown) => error(ErrorKind::Refused).with_source(unknown),
            };
        }
        error(match self.status {
            502 | 504 => ErrorKind::BadGateway,
            503 => ErrorKind::Unavailable,
            429 => ErrorKind::Busy,
            _ => ErrorKind::NotUnionFlow,
        })
    }
}

impl fmt::Debug for RestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RestClient").field("address", self.address()).finish_non_exhaustive()
    }
}
