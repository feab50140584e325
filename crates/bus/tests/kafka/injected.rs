//! Faults that a real broker will not do on request: errors in answer to a record that it may have taken.

use std::{sync::Arc, time::Duration};

use rdkafka::{
    mocking::MockCluster,
    producer::DefaultProducerContext,
    types::{RDKafkaApiKey, RDKafkaRespErr},
};
use tokio::time::timeout;
use unionflow_bus::{
    Bus, BusFault,
    kafka::{KafkaBus, Settings},
};
use unionflow_protocol::{Record, Topic, id::OrganizationId};

use crate::{identity, organization, record, until};

type Cluster = MockCluster<'static, DefaultProducerContext>;

const PAGE: u64 = 50;

fn cluster() -> (Cluster, KafkaBus) {
    let cluster = MockCluster::new(1).expect("a cluster");
    for topic in Topic::BUSINESS {
        cluster.create_topic(topic.as_str(), 3, 1).expect("a topic");
    }
    let mut settings = Settings::new(cluster.bootstrap_servers());
    // It knows ends and no times, and does not let topics be made.
    settings.warm_up = Duration::ZERO;
    settings.make_topics = false;
    // A real broker takes nothing behind a request that failed. This one does; so a page is one request.
    settings.more.insert("linger.ms".to_owned(), "100".to_owned());
    (cluster, KafkaBus::new(settings, identity()).expect("settings that can be used"))
}

/// Pages one after the other, each again until it is taken, with these errors in answer to the records of each; the faults.
async fn publish(
    cluster: &Cluster,
    bus: &KafkaBus,
    organization: OrganizationId,
    pages: u64,
    errors: &[RDKafkaRespErr],
) -> Vec<BusFault> {
    let mut faults = Vec::new();
    for first in (1..=pages * PAGE).step_by(usize::try_from(PAGE).expect("small")) {
        let page: Arc<[Record]> = (first..first + PAGE).map(|seq| record(organization, seq)).collect();
        cluster.request_errors(RDKafkaApiKey::Produce, errors);
        while let Err(fault) = bus.publish(page.clone()).await {
            faults.push(fault);
        }
        cluster.clear_request_errors(RDKafkaApiKey::Produce);
    }
    faults
}

async fn nothing_is_lost_with(errors: &[RDKafkaRespErr]) -> Vec<BusFault> {
    let ((cluster, bus), mine) = (cluster(), organization(20));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let pages = 4;
    let publishing = publish(&cluster, &bus, mine, pages, errors);
    let seeing = until(&mut subscription, mine, pages * PAGE);
    let both = timeout(Duration::from_secs(50), async { tokio::join!(publishing, seeing) });
    let (faults, seen) = both.await.expect("it goes on by itself");
    let mut newest = 0;
    for seq in seen.iter().map(|record| record.position.seq().0) {
        assert!(seq <= newest + 1, "{seq} after {newest}");
        newest = newest.max(seq);
    }
    assert_eq!(newest, pages * PAGE);
    faults
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_pass_are_nobodys_business() {
    let faults = nothing_is_lost_with(&[
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS,
        RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND,
    ])
    .await;
    assert_eq!(faults, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_producer_that_breaks_is_replaced_and_nothing_is_lost() {
    // After this librdkafka's producer refuses everything for ever.
    let faults =
        nothing_is_lost_with(&[RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER]).await;
    assert!(!faults.is_empty(), "it did not break");
    assert!(faults.iter().all(|fault| matches!(fault, BusFault::Unavailable(_))), "{faults:?}");
}
