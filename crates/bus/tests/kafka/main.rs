//! Kafka passes the suite of all buses on a real broker, and what is its own: forged records, faults of the broker, topics.

use std::{sync::Arc, time::Duration};

use tokio::time::{interval, timeout};
use unionflow_bus::{
    Bus, Standing, Subscription, bus_conformance,
    kafka::{Identity, KafkaBus, Settings},
};
use unionflow_components::Kafka;
use unionflow_protocol::{
    Audience, Position, Record, RoleSet, Seq, Timestamp, Topic,
    id::{AggregateId, Epoch, EventId, OrganizationId},
};
use uuid::Uuid;

mod crowded;
mod faults;
mod forged;
mod inbound;
mod injected;
mod poison;
mod rights;
mod secure;
mod settings;
mod shelf;
mod topics;

const EPOCH: u128 = 0x0199_c500_0000_7000_8000_0000_0000_0001;

fn identity() -> Identity {
    Identity { epoch: Epoch::from_uuid(Uuid::from_u128(EPOCH)), key: b"a key of the store".to_vec() }
}

fn bus(servers: &str, identity: Identity) -> KafkaBus {
    KafkaBus::new(Settings::new(servers), identity).expect("settings that can be used")
}

async fn broker() -> Kafka {
    tokio::task::spawn_blocking(Kafka::start).await.expect("it ran").expect("Kafka starts")
}

async fn shared() -> String {
    tokio::task::spawn_blocking(Kafka::shared).await.expect("it ran").expect("Kafka starts")
}

async fn fresh() -> Arc<dyn Bus> {
    Arc::new(bus(&shared().await, identity()))
}

bus_conformance!(fresh);

fn organization(n: u128) -> OrganizationId {
    OrganizationId::from_uuid(Uuid::from_u128(u128::from(std::process::id()) << 64 | n))
}

fn record(organization_id: OrganizationId, seq: u64) -> Record {
    let id = organization_id.uuid().as_u128() ^ (u128::from(seq) << 96);
    Record {
        organization_id,
        position: Position::Fact(Seq(seq)),
        event_id: EventId::from_uuid(Uuid::from_u128(id)),
        event_type: "APPROVAL_APPROVED".into(),
        topic: Topic::Approvals,
        audience: Audience::roles(RoleSet::OFFICERS),
        key: AggregateId::from_uuid(Uuid::from_u128(7)),
        timestamp: Timestamp::from_millis(1_800_000_000_000),
        trace_parent: None,
        inbound: false,
        value: format!("{{\"seq\":{seq}}}").into(),
    }
}

/// Waits until it stands so.
async fn stands(bus: &KafkaBus, is_so: impl Fn(Standing) -> bool, what: &str) {
    let mut look = interval(Duration::from_millis(50));
    let looking = async {
        while !is_so(bus.standing()) {
            look.tick().await;
        }
    };
    let stood = timeout(Duration::from_secs(45), looking).await;
    assert!(stood.is_ok(), "{what}: {:?}", bus.standing());
}

/// What comes of one organisation, until a `seq` comes.
async fn until(subscription: &mut Subscription, organization: OrganizationId, last: u64) -> Vec<Record> {
    let mut seen = Vec::new();
    loop {
        let records = subscription.next().await.expect("the bus is there");
        for record in records.iter().filter(|record| record.organization_id == organization) {
            seen.push(record.clone());
            if record.position.seq() == Seq(last) {
                return seen;
            }
        }
    }
}
