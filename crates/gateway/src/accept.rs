//! The way in: who is it, where does the page come from, member of what; then the upgrade.

use std::{
    collections::HashMap,
    io::IoSlice,
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::Response,
    routing::any,
};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use socket2::SockRef;
use tokio::{net::TcpStream, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use unionflow_auth::{
    Authenticator, Denied, access::BadToken, random, secret::SecretHash, service_key::is_meant,
};
use unionflow_bus::Bus;
use unionflow_domain::{hint::Hint, trace};
use unionflow_protocol::{
    Seq,
    close::CloseCode,
    frame::{Control, ControlFrame, ErrorFrame, OrganizationChoice},
    id::{PersonId, SessionId, SignInId},
    problem::ErrorCode,
};
use unionflow_storage::{Clock, Scope, Store};

use crate::{
    config::{Config, FOLLOW_WITHIN},
    connection::{self, Connection},
    frame::Frame,
    http_stream::HttpStream,
    hub::{Drain, Hub, Subscribing},
    session::{Identity, Joined, Now, Session, Wanted},
    snapshot::{self, NotJoined},
    transport::{Transport, Wrote},
};

mod refused;

pub use refused::Refused;

/// Where sockets connect.
pub const PATH: &str = "/ws/dashboard";

/// The sub-protocol that is answered.
const PROTOCOL: &str = "unionflow.v1";
/// The sub-protocol that a browser gives its token in.
const BEARER_PROTOCOL: &str = "bearer.";
const SIGN_INS_EVERY: Duration = Duration::from_secs(1);
/// Nobody who is sent away comes back sooner.
const RETURN_AFTER: Duration = Duration::from_millis(250);

/// Everything that holds sockets.
pub struct Gateway {
    config: Config,
    store: Store,
    clock: Arc<dyn Clock>,
    authenticator: Arc<Authenticator>,
    hub: Hub,
    sockets: Mutex<Sockets>,
    tasks: TaskTracker,
    /// How clients are sent away, once they are.
    draining: OnceLock<Drain>,
}

#[derive(Default)]
struct Sockets {
    open: HashMap<SessionId, Weak<Connection>>,
    per_person: HashMap<PersonId, usize>,
}

/// Who asks, by whatever credential.
#[derive(Debug, Clone, Copy)]
struct Caller {
    identity: Identity,
    sign_in_id: SignInId,
}

impl Gateway {
    /// Starts the hub on a bus: it listens first, so that nothing published from then on is missed. A bus that does not answer
    /// soon is followed later: until then the journals are read.
    pub async fn start(
        config: Config,
        store: Store,
        clock: Arc<dyn Clock>,
        authenticator: Arc<Authenticator>,
        bus: Arc<dyn Bus>,
        stop: CancellationToken,
    ) -> Arc<Self> {
        let mut following: Subscribing = Box::pin({
            let bus = bus.clone();
            async move { bus.subscribe().await }
        });
        let subscribed = tokio::time::timeout(FOLLOW_WITHIN, &mut following).await.ok();
        let (hub, shards) = Hub::start(&store, &clock, config.ring_bytes, &stop);
        let tasks = TaskTracker::new();
        for shard in shards {
            tasks.spawn(shard);
        }
        if !bus.standing().is_local {
            let shortest = hub.clone().take_shortest_way(store.commits());
            tasks.spawn(stop.clone().run_until_cancelled_owned(shortest));
        }
        tasks.spawn(stop.clone().run_until_cancelled_owned(hub.clone().hear(store.wakes())));
        let following = hub.clone().follow(bus, subscribed, following);
        tasks.spawn(stop.clone().run_until_cancelled_owned(following));
        let draining = OnceLock::new();
        let sockets = Mutex::new(Sockets::default());
        let gateway = Arc::new(Self { config, store, clock, authenticator, hub, sockets, tasks, draining });
        gateway.tasks.spawn(watch_sign_ins(Arc::downgrade(&gateway), stop));
        gateway
    }

    /// The route of the sockets.
    pub fn router(self: &Arc<Self>) -> Router {
        Router::new().route(PATH, any(accept)).with_state(self.clone())
    }

    /// Sockets that are open.
    pub fn open_sockets(&self) -> usize {
        self.sockets.lock().open.len()
    }

    /// Sends every client away, each with another delay, and closes the sockets one after the other.
    pub async fn drain(&self, drain: Drain) {
        let _ = self.draining.set(drain);
        let connections: Vec<Arc<Connection>> =
            self.sockets.lock().open.values().filter_map(Weak::upgrade).collect();
        let count = u32::try_from(connections.len()).unwrap_or(u32::MAX).max(1);
        let (now, begun) = (self.now(), Instant::now());
        for (i, connection) in (0u32..).zip(&connections) {
            // Spread evenly: nobody comes back together with everybody.
            let retry_after = RETURN_AFTER + drain.spread * i / count;
            connection.drain_at(now, retry_after, drain.leave_within * i / count);
        }
        drop(connections);
        let latest = begun + drain.leave_within + Duration::from_secs(1);
        while self.open_sockets() > 0 && Instant::now() < latest {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        self.tasks.close();
    }

    pub(crate) fn now(&self) -> Now {
        Now { steady: Instant::now(), wall: self.clock.now() }
    }

    pub(crate) fn hub(&self) -> &Hub {
        &self.hub
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    pub(crate) fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// Who asks: one of three credentials. Never a token in the address, which ends up in logs.
    async fn identify(&self, headers: &HeaderMap, ticket: Option<String>) -> Result<Caller, Refused> {
        if let Some(token) = bearer(headers) {
            // Whatever it is worth: no key opens a socket.
            if is_meant(token) {
                return Err(ErrorCode::PersonRequired.into());
            }
            let access = self.authenticator.check(token, self.clock.now()).map_err(denied_code)?;
            let identity = Identity { person_id: access.person_id, token_ends: access.expires_at };
            return Ok(Caller { identity, sign_in_id: access.sign_in_id });
        }
        let ticket = ticket.ok_or(ErrorCode::Unauthenticated)?;
        let hash = *SecretHash::of(&ticket).as_bytes();
        // Made-up tickets cost a read and no turn of the writer: whoever sends them is nobody yet.
        let known = self.store.read(move |reader| Ok(reader.has_ticket(&hash)?)).await;
        if !known.map_err(|undo| Refused::later(undo.code()))? {
            return Err(ErrorCode::Unauthenticated.into());
        }
        let taken = self
            .store
            .write(Scope::Server, move |tx| {
                let now = tx.now();
                Ok(tx.take_ticket(&hash)?.filter(|ticket| now < ticket.expires_at))
            })
            .await
            .map_err(|undo| Refused::later(undo.code()))?;
        let ticket = taken.filter(|ticket| !self.authenticator.is_ended(ticket.sign_in_id));
        let ticket = ticket.ok_or(ErrorCode::Unauthenticated)?;
        let identity = Identity { person_id: ticket.person_id, token_ends: ticket.access_expires_at };
        Ok(Caller { identity, sign_in_id: ticket.sign_in_id })
    }

    /// Whether a page of this origin may connect: none given (no browser), our own host, or one that is configured.
    fn allows_origin(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let own = origin.split_once("://").is_some_and(|(_, authority)| Some(authority) == host);
        own || self.config.allowed_origins.iter().any(|allowed| allowed == origin)
    }

    fn admit(self: &Arc<Self>, person: PersonId) -> Result<Seat, Refused> {
        if let Some(drain) = self.draining.get() {
            let [part] = random::bytes();
            return Err(Refused::until(ErrorCode::Draining, drain.spread * u32::from(part) / 256));
        }
        let mut sockets = self.sockets.lock();
        if sockets.open.len() >= self.config.sessions {
            return Err(Refused::later(ErrorCode::Unavailable));
        }
        let open = sockets.per_person.entry(person).or_insert(0);
        if *open >= self.config.sessions_per_person {
            return Err(Refused::later(ErrorCode::TooManySessions));
        }
        *open += 1;
        drop(sockets);
        Ok(Seat { gateway: self.clone(), person, session: None })
    }
}

/// A place among the open sockets; given back when dropped.
struct Seat {
    gateway: Arc<Gateway>,
    person: PersonId,
    session: Option<SessionId>,
}

impl Seat {
    fn take(&mut self, session: SessionId, connection: &Arc<Connection>) {
        self.gateway.sockets.lock().open.insert(session, Arc::downgrade(connection));
        self.session = Some(session);
        metrics::gauge!("unionflow_gateway_sessions").increment(1.0);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let sockets = &mut *self.gateway.sockets.lock();
        if let Some(session) = self.session.take() {
            sockets.open.remove(&session);
            metrics::gauge!("unionflow_gateway_sessions").decrement(1.0);
        }
        if let Some(open) = sockets.per_person.get_mut(&self.person) {
            *open -= 1;
            if *open == 0 {
                sockets.per_person.remove(&self.person);
            }
        }
    }
}

/// Everything is refused here, before the upgrade, with a problem that says why; only what can be said on a socket is left
/// for later.
async fn accept(State(gateway): State<Arc<Gateway>>, mut request: Request) -> Response {
    let headers = request.headers().clone();
    match prepare(&gateway, &mut request, &headers).await {
        Ok(prepared) => {
            let key = headers.get(header::SEC_WEBSOCKET_KEY).map_or(&[][..], HeaderValue::as_bytes);
            let accept = tungstenite::handshake::derive_accept_key(key);
            gateway.tasks.spawn(upgrade(gateway.clone(), prepared));
            switching_protocols(&accept, offers_protocol(&headers))
        }
        Err(refused) => {
            let given = headers.get("traceparent").and_then(|value| value.to_str().ok());
            let parent = trace::parent(given, random::bytes);
            let code = refused.code.as_str();
            metrics::counter!("unionflow_gateway_refused_total", "code" => code).increment(1);
            tracing::debug!(trace = trace::id(&parent), code, "a socket is refused");
            let mut response = refused.respond(&headers, trace::id(&parent));
            if let Ok(parent) = HeaderValue::from_str(&parent) {
                response.headers_mut().insert(HeaderName::from_static("traceresponse"), parent);
            }
            response
        }
    }
}

struct Prepared {
    seat: Seat,
    caller: Caller,
    joined: Result<Joined, Vec<OrganizationChoice>>,
    on_upgrade: OnUpgrade,
}

async fn prepare(
    gateway: &Arc<Gateway>,
    request: &mut Request,
    headers: &HeaderMap,
) -> Result<Prepared, Refused> {
    check_handshake(request.method(), headers)?;
    let (wanted, ticket) = read_query(request.uri().query().unwrap_or(""))?;
    if !gateway.allows_origin(headers) {
        return Err(ErrorCode::ForeignOrigin.into());
    }
    let caller = gateway.identify(headers, ticket).await?;
    refuse_unknown(request.uri().query().unwrap_or(""))?;
    let seat = gateway.admit(caller.identity.person_id)?;
    let joined = match snapshot::join(&gateway.store, caller.identity.person_id, wanted).await {
        Ok(joined) => Ok(joined),
        Err(NotJoined::Choose(choices)) if !choices.is_empty() => Err(choices),
        Err(NotJoined::Choose(_) | NotJoined::NotAMember) => return Err(ErrorCode::NotFound.into()),
        Err(NotJoined::Unavailable(code)) => return Err(Refused::later(code)),
    };
    let on_upgrade = request.extensions_mut().remove::<OnUpgrade>().ok_or(ErrorCode::InvalidRequest)?;
    Ok(Prepared { seat, caller, joined, on_upgrade })
}

/// What RFC 6455 asks of a handshake.
fn check_handshake(method: &Method, headers: &HeaderMap) -> Result<(), Refused> {
    let has = |name: HeaderName, word: &str| {
        let value = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or("");
        value.split(',').any(|part| part.trim().eq_ignore_ascii_case(word))
    };
    let key = headers.get(header::SEC_WEBSOCKET_KEY).is_some_and(|key| key.len() == 24);
    let upgrade =
        method == Method::GET && has(header::CONNECTION, "upgrade") && has(header::UPGRADE, "websocket");
    match (upgrade, key && has(header::SEC_WEBSOCKET_VERSION, "13")) {
        (true, true) => Ok(()),
        (false, _) => Err(Refused::at("Upgrade", Hint::Handshake)),
        (true, false) => Err(Refused::at("Sec-WebSocket-Version", Hint::Handshake)),
    }
}

/// A cursor by another name would be a connection without a replay, and nobody told.
fn refuse_unknown(query: &str) -> Result<(), Refused> {
    let known = ["organizationId", "after", "epoch", "ticket"];
    match form_urlencoded::parse(query.as_bytes()).find(|(name, _)| !known.contains(&name.as_ref())) {
        Some((name, _)) => Err(Refused::at(name.into_owned(), Hint::DoesNotExist)),
        None => Ok(()),
    }
}

pub(crate) fn read_query(query: &str) -> Result<(Wanted, Option<String>), Refused> {
    let mut wanted = Wanted { organization_id: None, after: None, epoch: None };
    let mut ticket = None;
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match name.as_ref() {
            "organizationId" => {
                let id = value.parse().map_err(|_| Refused::at("organizationId", Hint::Uuid))?;
                wanted.organization_id = Some(id);
            }
            "after" => {
                let seq = value.parse().map_err(|_| Refused::at("after", Hint::WholeNumber))?;
                wanted.after = Some(Seq(seq));
            }
            "epoch" => {
                let epoch = value.parse().map_err(|_| Refused::at("epoch", Hint::Uuid))?;
                wanted.epoch = Some(epoch);
            }
            "ticket" => ticket = Some(value.into_owned()),
            _ => {}
        }
    }
    Ok((wanted, ticket))
}

fn offered(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    let values = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    values.filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

fn offers_protocol(headers: &HeaderMap) -> bool {
    offered(headers).any(|protocol| protocol == PROTOCOL || protocol.starts_with(BEARER_PROTOCOL))
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let authorization = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let from_header = authorization.and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    });
    from_header.or_else(|| offered(headers).find_map(|protocol| protocol.strip_prefix(BEARER_PROTOCOL)))
}

fn switching_protocols(accept: &str, with_protocol: bool) -> Response {
    let mut response = Response::builder()
        .status(StatusCode::SWITCHING_PROTOCOLS)
        .header(header::CONNECTION, "upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_ACCEPT, accept);
    if with_protocol {
        response = response.header(header::SEC_WEBSOCKET_PROTOCOL, PROTOCOL);
    }
    response.body(Body::empty()).expect("fixed header names and a base64 value")
}

async fn upgrade(gateway: Arc<Gateway>, prepared: Prepared) {
    let Prepared { mut seat, caller, joined, on_upgrade } = prepared;
    let Ok(upgraded) = on_upgrade.await else { return };
    let Ok(parts) = upgraded.downcast::<TokioIo<HttpStream>>() else {
        tracing::error!("the socket is no `HttpStream`: serve the gateway with HTTP/1.1 upgrades");
        return;
    };
    let stream = parts.io.into_inner().into_inner();
    let _ = stream.set_nodelay(true);
    // Else the kernel keeps megabytes for a client that does not read, beside the queue that is bounded here.
    let _ = SockRef::from(&stream).set_send_buffer_size(gateway.config.queue_bytes);
    let now = gateway.now();
    let joined = match joined {
        Ok(joined) => joined,
        Err(choices) => return say_choices(&stream, choices, now).await,
    };
    let id = SessionId::from_uuid(gateway.store.ids().uuid(now.wall));
    let session = Session::new(id, caller.identity, joined, now);
    let connection = Connection::new(stream, session, caller.sign_in_id, gateway.config.queue_bytes);
    seat.take(id, &connection);
    if let Some(drain) = gateway.draining.get() {
        // Let in before, and open only after the others were told: the id's last byte is random, and spreads them too.
        let part = u32::from(id.as_bytes()[15]);
        connection.drain_at(now, RETURN_AFTER + drain.spread * part / 256, Duration::ZERO);
    }
    connection::run(&connection, gateway, &parts.read_buf).await;
    drop(seat);
    connection::hear_out(&connection).await;
}

/// A person of several organisations named none: they are listed, and the socket is closed with 4301.
async fn say_choices(stream: &TcpStream, choices: Vec<OrganizationChoice>, now: Now) {
    let error = ErrorFrame {
        code: ErrorCode::OrganizationRequired,
        detail: "connect with organizationId=, one of `choices`".to_owned(),
        choices,
    };
    let frame = ControlFrame { control: Control::Error(error), organization_id: None, timestamp: now.wall };
    let mut bytes = Frame::text(&frame.encode(), None).bytes().to_vec();
    bytes.extend(Frame::close(CloseCode::BadRequest).bytes());
    let mut written = 0;
    let write = async {
        while written < bytes.len() {
            match Transport::try_write(stream, &[IoSlice::new(&bytes[written..])]) {
                Wrote::Bytes(count) => written += count,
                Wrote::WouldBlock => stream.writable().await.map_or((), |()| ()),
                Wrote::Closed => return,
            }
        }
        // The client answers with its own close; then the connection can go without a reset.
        let _ = stream.readable().await;
    };
    let _ = tokio::time::timeout(crate::config::GOOD_BYE, write).await;
}

/// Sockets of sign-ins that were ended are closed within a second.
async fn watch_sign_ins(gateway: Weak<Gateway>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(SIGN_INS_EVERY);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => {}
        }
        let Some(gateway) = gateway.upgrade() else { return };
        let connections: Vec<Arc<Connection>> =
            gateway.sockets.lock().open.values().filter_map(Weak::upgrade).collect();
        for connection in connections {
            connection.end_if(|sign_in| gateway.authenticator.is_ended(sign_in));
        }
    }
}

/// What a refused token is called.
pub(crate) fn denied_code(denied: Denied) -> ErrorCode {
    match denied {
        Denied::Token(BadToken::Invalid) => ErrorCode::Unauthenticated,
        Denied::Token(BadToken::Expired) => ErrorCode::TokenExpired,
        Denied::Ended => ErrorCode::SessionEnded,
    }
}
