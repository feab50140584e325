//! What only several processes on one database show. Here each is a store of its own.

use std::time::Duration;

use tokio::{sync::Barrier, task::JoinSet, time::timeout};
use unionflow_components::Postgres;
use unionflow_protocol::{Seq, Timestamp, View};
use unionflow_storage::{
    Scope, StoreFault, Undo,
    conformance::{found, join, join_in},
    tables::access::{KeyPurpose, SecretKey},
};

use super::{open, verify};

const PATIENCE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_processes_on_one_organisation_lose_no_update_and_leave_no_gap() {
    let database = Postgres::database().unwrap();
    let stores = [open(database.url()).unwrap(), open(database.url()).unwrap()];
    let organization = found(&stores[0]).await;
    let mut running = JoinSet::new();
    for n in 0..200 {
        let store = stores[n % 2].clone();
        running.spawn(async move { join(&store, organization).await.unwrap() });
    }
    let mut seqs = running.join_all().await;
    seqs.sort_unstable();
    assert_eq!(seqs, (2..=201).map(Seq).collect::<Vec<_>>());
    assert_eq!(verify(&stores[1], organization).await, Ok(201));
    let figures =
        stores[0].read(move |reader| Ok(reader.load_figures(organization)?)).await.unwrap().unwrap();
    assert_eq!(figures.stats(View::Officers, false).members.active, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_made_where_there_is_none_is_made_by_one_process_only() {
    let database = Postgres::database().unwrap();
    let stores = [open(database.url()).unwrap(), open(database.url()).unwrap()];
    let begin = std::sync::Arc::new(Barrier::new(20));
    let mut running = JoinSet::new();
    for n in 0..20_u8 {
        let (store, begin) = (stores[usize::from(n % 2)].clone(), begin.clone());
        running.spawn(async move {
            begin.wait().await;
            let made = store.write(Scope::Server, move |tx| {
                if tx.load_keys(KeyPurpose::Refresh)?.is_empty() {
                    let (kid, secret, created_at) = (format!("{n}"), vec![n], tx.now());
                    tx.insert_key(KeyPurpose::Refresh, &SecretKey { kid, secret, created_at })?;
                }
                Ok(())
            });
            made.await.unwrap();
        });
    }
    running.join_all().await;
    let keys = stores[0].read(|reader| Ok(reader.load_keys(KeyPurpose::Refresh)?)).await.unwrap();
    assert_eq!(keys.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_waits_too_long_for_another_process_is_told_to_come_back_and_holds_up_no_other() {
    let database = Postgres::database().unwrap();
    let (one, other) = (open(database.url()).unwrap(), open(database.url()).unwrap());
    let (held, free) = (found(&one).await, found(&one).await);
    let (began, go_on) =
        (std::sync::Arc::new(tokio::sync::Notify::new()), std::sync::Arc::new(std::sync::Barrier::new(2)));
    let holding = {
        let (one, began, go_on) = (one.clone(), began.clone(), go_on.clone());
        tokio::spawn(async move {
            let unit = one.write(Scope::Organization(held), move |tx| {
                began.notify_one();
                go_on.wait();
                join_in(tx)
            });
            unit.await
        })
    };
    began.notified().await;
    let (waits, passes) = timeout(PATIENCE, async { tokio::join!(join(&other, held), join(&other, free)) })
        .await
        .expect("nobody waits for ever");
    assert_eq!((waits, passes), (Err(Undo::Fault(StoreFault::Busy)), Ok(Seq(2))));
    tokio::task::spawn_blocking(move || go_on.wait()).await.unwrap();
    assert_eq!(holding.await.unwrap(), Ok(Seq(2)));
    assert_eq!(join(&other, held).await, Ok(Seq(3)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_is_the_database_servers() {
    let database = Postgres::database().unwrap();
    let store = open(database.url()).unwrap();
    let server = || -> Timestamp {
        let millis = database.psql("SELECT floor(extract(epoch FROM clock_timestamp()) * 1000)::bigint");
        Timestamp::from_millis(millis.unwrap().trim().parse().unwrap())
    };
    let before = server();
    let organization = found(&store).await;
    let written = store.write(Scope::Organization(organization), |tx| Ok(tx.now())).await.unwrap();
    let read = store.read(|reader| Ok(reader.now())).await.unwrap();
    assert!(before <= written && written <= read && read <= server());
}
