//! The network between one server and Kafka breaks in one of many ways, and is mended.

use std::time::Duration;

use rand::seq::IndexedRandom;
use unionflow_testkit::{ChaosProxy, Way, Weather};

use crate::scene::{Shape, repeat};

const FAULTS: [Weather; 6] = [
    Weather::Cut,
    Weather::BlackHole,
    Weather::OneWay { stays: Way::Up },
    Weather::OneWay { stays: Way::Down },
    Weather::HalfOpen,
    Weather::Slow { bytes: 64, pause: Duration::from_millis(20) },
];
const LONGEST: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_cut_off_from_kafka_in_any_way_shows_every_event_and_finds_back() {
    repeat(
        "kafka-cut",
        async |parts, _| {
            let proxy = ChaosProxy::at(&parts.by_proxy.to_string(), &parts.kafka.second_servers()).await;
            Shape::of(2, 30).behind(1, proxy)
        },
        async |_, scene| {
            let faults: Vec<Weather> = FAULTS.sample(&mut scene.rng, 2).copied().collect();
            for fault in faults {
                scene.works(5..40).await;
                eprintln!("kafka-cut: {fault:?}");
                scene.network().set(fault);
                scene.bears(LONGEST).await;
                scene.works(5..40).await;
                scene.network().set(Weather::Fine);
                scene.heals().await;
            }
        },
    )
    .await;
}
