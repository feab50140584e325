//! A backup is put back while clients hold what came after it: they are told to begin anew, and then all is well.

use serde_json::json;
use unionflow_protocol::Role;
use unionflow_testkit::{Frame, World};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_every_old_cursor_is_a_resync_and_then_all_goes_on() {
    let mut world = World::start().await;
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let (mut behind, mut ahead) = (world.socket(&treasurer).await, world.socket(&president).await);
    let kept = treasurer.submit(1_000).await;
    behind.sees_until(kept["asOfSeq"].as_u64().unwrap()).await;
    let backup = world.backup();
    let lost = treasurer.submit(2_000).await;
    ahead.sees_until(lost["asOfSeq"].as_u64().unwrap()).await;
    assert!(ahead.cursor > behind.cursor);

    world.restore(&backup).await;
    // Whoever was signed out after the backup is not signed in again by it.
    for old in [&treasurer, &president] {
        old.get("/me").await.expect(401);
    }
    let (treasurer, president) = (world.espoir(Role::Treasurer).await, world.espoir(Role::President).await);
    let head = treasurer.head().await;
    assert_eq!(head, kept["asOfSeq"].as_u64().unwrap(), "what came after the backup is gone");
    for old in [&mut behind, &mut ahead] {
        assert_eq!(old.closes().await.1.code, 1012);
        let mut socket = treasurer.connect(&old.resume()).await.unwrap();
        let frames = socket.until("SYSTEM_CAUGHT_UP").await;
        let kinds: Vec<&str> = frames.iter().map(Frame::event_type).collect();
        assert_eq!(kinds, ["SYSTEM_WELCOME", "SYSTEM_RESYNC_REQUIRED", "SYSTEM_CAUGHT_UP"]);
        assert_eq!(frames[1].data()["reason"], "OTHER_EPOCH");
        assert_eq!(frames[1].data()["headSeq"], json!(treasurer.head().await));
        assert_eq!(frames[1].data()["epoch"], json!(socket.epoch));
        assert_ne!(socket.epoch, old.epoch);

        // From the snapshots of the new epoch it goes on, live and by resume.
        let list = treasurer
            .get(&format!("/finance/approvals?organizationId={}", world.espoir.id))
            .await
            .expect(200);
        assert_eq!((&list["epoch"], list["items"][0]["id"] == lost["id"]), (&json!(socket.epoch), false));
        let next = treasurer.submit(3_000).await;
        socket.until("APPROVAL_PENDING").await;
        let mut again = treasurer.connect(&socket.resume()).await.unwrap();
        let frames = again.until("SYSTEM_CAUGHT_UP").await;
        assert!(!frames.iter().any(|frame| frame.event_type() == "SYSTEM_RESYNC_REQUIRED"), "{frames:?}");
        president.approve(&next).await.expect(200);
        again.until("APPROVAL_APPROVED").await;
    }
    world.books().await.hold();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_of_one_moment() {
    let mut world = World::start().await;
    let treasurer = world.espoir(Role::Treasurer).await;
    let busy = treasurer.clone();
    let load = tokio::spawn(async move {
        let mut last = 0;
        for amount in 1..=120 {
            last = busy.submit(amount).await["asOfSeq"].as_u64().unwrap();
        }
        last
    });
    let begin = treasurer.head().await;
    while treasurer.head().await < begin + 20 {
        tokio::task::yield_now().await;
    }
    let backup = world.backup();
    let last = load.await.unwrap();
    world.restore(&backup).await;
    let books = world.books().await;
    books.hold();
    let head = books.journal.last().unwrap().seq();
    assert!((begin + 20..=last).contains(&head), "{begin} {head} {last}");
}
