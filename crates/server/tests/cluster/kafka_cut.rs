//! The network between one server and Kafka breaks in every way that we know, one after another, and is mended each time.

use std::time::Duration;

use rand::seq::SliceRandom;
use unionflow_testkit::{ChaosProxy, Way, Weather, how_many};

use crate::scene::{Shape, repeat};

const FAULTS: [Weather; 6] = [
    Weather::BlackHole,
    Weather::OneWay { stays: Way::Down },
    Weather::HalfOpen,
    Weather::Cut,
    Weather::OneWay { stays: Way::Up },
    Weather::Slow { bytes: 64, pause: Duration::from_millis(20) },
];
/// How long it is broken at the longest in the short form.
const SECONDS: u64 = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_cut_off_from_kafka_in_any_way_shows_every_event_and_finds_back() {
    let longest = Duration::from_secs(how_many("UNIONFLOW_FAULT_CUT_SECONDS", SECONDS));
    repeat(
        "kafka-cut",
        async |parts| {
            let proxy = ChaosProxy::at(&parts.by_proxy.to_string(), &parts.kafka.second_servers()).await;
            Shape::of(2, 30).behind(1, proxy)
        },
        async |_, scene| {
            let mut faults = FAULTS;
            faults.shuffle(&mut scene.rng);
            for fault in faults {
                scene.works(5..40).await;
                eprintln!("kafka-cut: {fault:?}");
                scene.network().set(fault);
                scene.bears(longest).await;
                scene.works(5..40).await;
                scene.network().set(Weather::Fine);
                scene.heals().await;
            }
        },
    )
    .await;
}
