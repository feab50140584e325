//! The whole server, put together.

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use axum::{Router, middleware::from_fn_with_state};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use unionflow_api::Api;
use unionflow_auth::{
    password::{Cost, Passwords},
    secret,
};
use unionflow_bus::{Bus, InProcessBus, Inbound, Outlet};
use unionflow_domain::contact::Country;
use unionflow_gateway::{Drain, Gateway};
use unionflow_service::{Service, checkpoints::Signing, inbound::Intake, relay::Relay};
use unionflow_storage::{Clock, Store, StoreFault, Undo};

use crate::{
    admin::Admin,
    config::{ConfigFault, Settings},
    database, files,
    health::{Health, Phase},
    listener::{self, Seats},
    role::{self, ProcessRole},
};

/// Over how long sockets are closed by a server that can no longer answer anything.
const LEAVE_WITHIN: Duration = Duration::from_secs(1);

/// How a server is started.
pub struct Options {
    /// What can be set.
    pub settings: Settings,
    /// A clock that is scripted, by tests and the demonstration; else each store has its own.
    pub clock: Option<Arc<dyn Clock>>,
}

/// A server that runs.
pub struct Server {
    /// Where everything is served.
    pub address: SocketAddr,
    /// Where metrics are.
    pub admin_address: SocketAddr,
    /// The code that founds the first organisation; none once there is one.
    pub setup_code: Option<String>,
    service: Service,
    gateway: Option<Arc<Gateway>>,
    health: Health,
    drain: Drain,
    /// In the order in which they are stopped.
    accepting: (CancellationToken, JoinHandle<()>),
    working: (CancellationToken, Vec<JoinHandle<()>>),
    relaying: Option<(CancellationToken, JoinHandle<()>)>,
    hub: CancellationToken,
    _admin: Admin,
}

/// Why a server does not start: each a sentence that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// The configuration.
    #[error("{0}")]
    Config(#[from] ConfigFault),
    /// The store.
    #[error("{0}")]
    Store(StoreFault),
    /// An address that cannot be listened on.
    #[error(
        "{key}: `{address}` cannot be listened on ({reason}): choose another address, or stop what uses it"
    )]
    Listen {
        /// Which key.
        key: &'static str,
        /// Its value.
        address: String,
        /// Why.
        reason: String,
    },
}

impl Options {
    /// A server with these settings.
    pub fn new(settings: Settings) -> Self {
        Self { settings, clock: None }
    }
}

impl Server {
    /// Starts a server: opens its store, follows the bus, then listens.
    pub async fn start(options: Options) -> Result<Self, StartFault> {
        options.settings.check()?;
        // Before a store is made for it.
        options.settings.try_kafka()?;
        let (database, clock) = (options.settings.database()?, options.clock.clone());
        let store = blocking(move || database.serve(clock)).await.map_err(StartFault::Store)?;
        Self::start_on(store, options).await
    }

    /// Starts a server on a store that is open.
    pub async fn start_on(store: Store, options: Options) -> Result<Self, StartFault> {
        options.settings.check()?;
        let wires = open_bus(&store, &options.settings).await?;
        Self::start_with(store, wires, options).await
    }

    /// Starts a server on a store and a bus.
    pub async fn start_over(store: Store, bus: Arc<dyn Bus>, options: Options) -> Result<Self, StartFault> {
        Self::start_with(store, Wires { bus, foreign: None }, options).await
    }

    async fn start_with(store: Store, wires: Wires, options: Options) -> Result<Self, StartFault> {
        let settings = options.settings;
        let (role, bus) = (settings.role, wires.bus.clone());
        let clock = database::or_the_systems(options.clock);
        settings.check()?;
        crate::telemetry::metrics();
        let listener = bind("listen", &settings.listen).await?;
        let admin_listener = bind("admin_listen", &settings.admin_listen).await?.into_std();
        let admin_listener =
            admin_listener.map_err(|error| refused("admin_listen", &settings.admin_listen, &error))?;
        let address = listener.local_addr().map_err(|error| refused("listen", &settings.listen, &error))?;
        let health = Health::new(store.clone(), bus.clone(), role, tokio::runtime::Handle::current());
        let admin = Admin::start(admin_listener, health.clone());
        let admin = admin.map_err(|error| refused("admin_listen", &settings.admin_listen, &error))?;

        let service = open_service(store.clone(), &settings, address).await.map_err(store_fault)?;
        service.load_ended_sign_ins().await.map_err(store_fault)?;
        let setup_code = setup_code(&service, &settings).await.map_err(store_fault)?;

        let hub = CancellationToken::new();
        let gateway = match role {
            ProcessRole::All | ProcessRole::Gateway => {
                Some(start_gateway(&settings, &service, clock.clone(), bus.clone(), &hub).await)
            }
            ProcessRole::Api => None,
        };
        let relaying = role.has_api().then(|| {
            let stop = CancellationToken::new();
            (stop.clone(), tokio::spawn(Relay::new(store, bus).run(stop)))
        });

        let api = Api::new(service.clone(), clock.clone(), api_config(&settings, setup_code.clone()));
        let working = CancellationToken::new();
        let tasks = work(&settings, &service, &api, wires, clock, &working)?;
        let router = routes(gateway.as_ref(), role, &api).merge(health.clone().router());
        let accepting = CancellationToken::new();
        let serving = tokio::spawn(listener::run(listener, router, seats(&settings), accepting.clone()));
        health.set(Phase::Ready);
        let drain =
            Drain { spread: settings.drain(), leave_within: settings.drain().min(Duration::from_secs(3)) };
        Ok(Self {
            address,
            admin_address: admin.address,
            setup_code,
            service,
            gateway,
            health,
            drain,
            accepting: (accepting, serving),
            working: (working, tasks),
            relaying,
            hub,
            _admin: admin,
        })
    }

    /// The use cases, for whoever starts a server in its own process.
    pub fn service(&self) -> &Service {
        &self.service
    }

    /// WebSockets open.
    pub fn open_sockets(&self) -> usize {
        self.gateway.as_ref().map_or(0, |gateway| gateway.open_sockets())
    }

    /// Waits until the database is another one than this server began on: then there is nothing left that it could do.
    pub async fn superseded(&self) -> StoreFault {
        self.service.store().superseded().await
    }

    /// Stops where the store is of no more use: sockets are sent away, and nothing else is waited for.
    pub async fn leave(self) {
        self.health.set(Phase::Draining);
        if let Some(gateway) = &self.gateway {
            gateway
                .drain(Drain { leave_within: self.drain.leave_within.min(LEAVE_WITHIN), ..self.drain })
                .await;
        }
        self.accepting.0.cancel();
        self.working.0.cancel();
        if let Some((stop, _)) = &self.relaying {
            stop.cancel();
        }
        self.hub.cancel();
    }

    /// Stops: not ready, sockets sent away with paced delays, no new connections, answers finished, the outbox emptied, the
    /// store made durable.
    pub async fn stop(self) {
        self.health.set(Phase::Draining);
        // Still accepting: a load balancer that asks is told `draining`, and a new socket when to come back.
        if let Some(gateway) = &self.gateway {
            gateway.drain(self.drain).await;
        }
        self.accepting.0.cancel();
        report("listener", self.accepting.1.await);
        self.working.0.cancel();
        for task in self.working.1 {
            report("background work", task.await);
        }
        if let Some((stop, relay)) = self.relaying {
            stop.cancel();
            report("relay", relay.await);
        }
        self.hub.cancel();
        let store = self.service.store().clone();
        blocking(move || store.close()).await;
    }
}

/// What a server hears and tells by.
struct Wires {
    bus: Arc<dyn Bus>,
    /// Where there are others to hear from, and to tell what is no event of ours.
    foreign: Option<Foreign>,
}

/// What other systems send, and where goes what they may read: what could not be taken in, and signed heads.
struct Foreign {
    inbound: Box<dyn Inbound>,
    outlet: Arc<dyn Outlet>,
}

async fn start_gateway(
    settings: &Settings,
    service: &Service,
    clock: Arc<dyn Clock>,
    bus: Arc<dyn Bus>,
    stop: &CancellationToken,
) -> Arc<Gateway> {
    let (store, authenticator) = (service.store().clone(), service.authenticator().clone());
    Gateway::start(gateway_config(settings), store, clock, authenticator, bus, stop.clone()).await
}

/// What goes on in the background, by the process's role.
fn work(
    settings: &Settings,
    service: &Service,
    api: &Arc<Api>,
    wires: Wires,
    clock: Arc<dyn Clock>,
    stop: &CancellationToken,
) -> Result<Vec<JoinHandle<()>>, ConfigFault> {
    let mut tasks = vec![tokio::spawn(forget_quiet(api.clone(), stop.clone()))];
    let (sweeping, told) = (service.clone(), stop.clone());
    if !settings.role.has_api() {
        tasks.push(tokio::spawn(async move { sweeping.run_watcher(told).await }));
        return Ok(tasks);
    }
    tasks.push(tokio::spawn(async move { sweeping.run_sweeper(told).await }));
    let Wires { bus, foreign: Some(Foreign { inbound, outlet }) } = wires else { return Ok(tasks) };
    let intake =
        Intake::new(service.store().clone(), settings.inbound_rules()?, inbound, outlet.clone(), clock);
    tasks.push(tokio::spawn(intake.run(stop.clone())));
    let every = Duration::from_secs(u64::from(settings.checkpoint_minutes) * 60);
    let (service, told) = (service.clone(), stop.clone());
    let signing = Signing { bus, outlet, every };
    tasks.push(tokio::spawn(async move { service.run_checkpoints(signing, told).await }));
    Ok(tasks)
}

/// What is served, by the process's role; health apart.
fn routes(gateway: Option<&Arc<Gateway>>, role: ProcessRole, api: &Arc<Api>) -> Router {
    let sockets = match gateway {
        Some(gateway) => {
            gateway.router().layer(from_fn_with_state(api.clone(), unionflow_api::count_refused))
        }
        None => role::sockets_are_elsewhere(),
    };
    if role.has_api() {
        unionflow_api::router(api).merge(sockets)
    } else {
        role::the_rest_is_elsewhere().merge(sockets)
    }
}

#[cfg(feature = "kafka")]
async fn open_bus(store: &Store, settings: &Settings) -> Result<Wires, StartFault> {
    use unionflow_bus::kafka::{Identity, KafkaBus};

    if !settings.has_kafka() {
        return Ok(in_process(settings));
    }
    let key = unionflow_service::record_key(store).await.map_err(store_fault)?;
    let bus = KafkaBus::new(settings.kafka()?, Identity { epoch: store.epoch(), key });
    let refused = |fault| crate::config::refused_by_kafka(&fault);
    let bus = bus.map_err(refused)?;
    // A member of the group that takes nothing in would hold up whatever it is given.
    let foreign = if settings.role.has_api() {
        let inbound = bus.inbound(&settings.inbound_topics()).map_err(refused)?;
        Some(Foreign { inbound: Box::new(inbound), outlet: Arc::new(bus.outlet()) })
    } else {
        None
    };
    let bus = Arc::new(bus);
    bus.watch();
    Ok(Wires { bus, foreign })
}

#[cfg(not(feature = "kafka"))]
async fn open_bus(_: &Store, settings: &Settings) -> Result<Wires, StartFault> {
    Ok(in_process(settings))
}

fn in_process(settings: &Settings) -> Wires {
    if settings.role == ProcessRole::Gateway {
        tracing::warn!(
            "a gateway without Kafka hears of events from the database alone: figures come with the next event, read marks \
             with the next connection"
        );
    }
    Wires { bus: Arc::new(InProcessBus::default()), foreign: None }
}

fn report(what: &str, ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "{what} did not end well");
    }
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

async fn bind(key: &'static str, address: &str) -> Result<TcpListener, StartFault> {
    TcpListener::bind(address).await.map_err(|error| refused(key, address, &error))
}

fn refused(key: &'static str, address: &str, error: &std::io::Error) -> StartFault {
    StartFault::Listen { key, address: address.to_owned(), reason: error.to_string() }
}

fn store_fault(undo: Undo) -> StartFault {
    StartFault::Store(match undo {
        Undo::Fault(fault) => fault,
        Undo::Refused(refusal) => StoreFault::Malformed(refusal.code.to_string()),
    })
}

/// The service on a store, as a server and the commands beside it open it.
pub(crate) async fn open_service(
    store: Store,
    settings: &Settings,
    address: SocketAddr,
) -> Result<Service, Undo> {
    let passwords = Passwords::new(Cost { memory_kib: settings.password_memory_kib, ..Cost::STANDARD });
    let public_url =
        if settings.public_url.is_empty() { format!("http://{address}") } else { settings.public_url() };
    let settings = unionflow_service::Settings {
        allow_new_organizations: settings.allow_new_organizations,
        public_url,
        country: settings.country.parse().unwrap_or(Country::CI),
        access_token_lifetime: Duration::from_secs(u64::from(settings.access_token_minutes) * 60),
        sign_ins_per_minute: settings.sign_ins_per_minute,
    };
    Service::open(store, passwords, settings).await
}

/// The founding code, while there is no organisation.
async fn setup_code(service: &Service, settings: &Settings) -> Result<Option<String>, Undo> {
    if !settings.role.has_api() || service.read(|reader| Ok(reader.is_founded()?)).await? {
        return Ok(None);
    }
    let given = (!settings.setup_code.is_empty()).then(|| settings.setup_code.clone());
    Ok(Some(given.unwrap_or_else(secret::code)))
}

fn seats(settings: &Settings) -> Arc<Seats> {
    Seats::new(
        files::within(settings.connections),
        settings.connections_per_address,
        trusted_proxies(settings),
    )
}

fn trusted_proxies(settings: &Settings) -> Vec<IpAddr> {
    settings.trusted_proxies.iter().filter_map(|proxy| proxy.parse().ok()).collect()
}

fn gateway_config(settings: &Settings) -> unionflow_gateway::Config {
    unionflow_gateway::Config {
        allowed_origins: settings.allowed_origins.clone(),
        sessions_per_person: settings.sessions_per_person,
        sessions: files::within(settings.sessions),
        ring_bytes: settings.ring_bytes,
        queue_bytes: settings.queue_bytes,
    }
}

fn api_config(settings: &Settings, setup_code: Option<String>) -> unionflow_api::Config {
    unionflow_api::Config {
        requests_per_second: settings.requests_per_second,
        burst: settings.requests_burst,
        anonymous_requests_per_second: settings.anonymous_requests_per_second,
        trusted_proxies: trusted_proxies(settings),
        allowed_origins: settings.allowed_origins.clone(),
        https: settings.public_url.starts_with("https://"),
        setup_code,
    }
}

async fn forget_quiet(api: Arc<Api>, stop: CancellationToken) {
    let mut tick = tokio::time::interval(Duration::from_secs(60));
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = tick.tick() => api.forget_quiet(),
        }
    }
}
