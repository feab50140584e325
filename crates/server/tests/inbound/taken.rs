//! Facts that are taken in.

use serde_json::{Value, json};
use unionflow_protocol::Topic;

use crate::scene::{Scene, foreign, live, paid};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_events_of_the_first_system_reach_the_treasurers_screen_once_and_change_nothing() {
    let scene = Scene::open(|settings| settings.kafka_ingest_business_topics = true).await;
    let treasurer = scene.treasurer().await;
    let mut screen = live(&treasurer).await;
    let stats = async || {
        treasurer.get(&format!("/dashboard/stats?organizationId={}", scene.espoir.id)).await.expect(200)
    };
    let before = stats().await;
    // On their own topic, as the first system's services did, and on the one for others; what is ours lies there too.
    treasurer.submit(75_000).await;
    scene
        .send(Topic::Contributions, &[], paid(&json!({"amount": 75000.0, "currency": "XOF", "nom": "Awa"})))
        .await;
    let caisse = [("ce_source", "caisse"), ("ce_id", "reçu 1"), ("ce_specversion", "1.0")];
    for _ in 0..2 {
        scene.send(Topic::Inbound, &caisse, paid(&json!({"amount": 500, "currency": "XOF"}))).await;
    }
    scene.send(Topic::Inbound, &[], paid(&json!({"amount": 7}))).await;
    let books = scene.until_told(3).await;
    let mut amounts: Vec<Value> = foreign(&books).iter().map(|data| data["amount"].clone()).collect();
    amounts.sort_by_key(Value::as_i64);
    assert_eq!(amounts, [7, 500, 75_000]);
    let last = books.journal.last().expect("entries").seq();
    let seen = screen.events_until(last).await;
    let shown: Vec<_> = seen.iter().filter(|frame| frame.event_type() == "CONTRIBUTION_PAID").collect();
    assert_eq!(shown.len(), 3, "{seen:?}");
    assert!(shown.iter().all(|frame| frame.value["origin"] == "inbound" && frame.data()["nom"].is_null()));
    assert_eq!(seen.iter().filter(|frame| frame.event_type() == "APPROVAL_PENDING").count(), 1);
    let after = stats().await;
    assert_eq!(after["contributions"], before["contributions"]);
    assert_eq!((&after["balance"], &after["members"]), (&before["balance"], &before["members"]));
    let (_, letters) = scene.run(&["dead-letters", "list"]).await;
    assert!(letters.contains("All that came was taken in"), "{letters}");
    books.hold();
    scene.verify().await;
}
