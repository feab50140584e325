//! The embedded default: everything in one process.

use std::{future::Future, pin::Pin, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use unionflow_protocol::Record;

use crate::{Bus, BusFault, Delivered, Place, Subscription};

/// Hands records to subscribers in this process. It keeps nothing: what a gateway missed, it reads from the journal.
#[derive(Default)]
pub struct InProcessBus {
    subscribers: Mutex<Vec<mpsc::Sender<Arc<[Delivered]>>>>,
    /// One publisher at a time, so that every subscriber sees one order.
    next_offset: tokio::sync::Mutex<u64>,
}

/// Batches that wait for one subscriber before publishing waits.
const QUEUED: usize = 1024;

impl Bus for InProcessBus {
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        Box::pin(async move {
            let mut next_offset = self.next_offset.lock().await;
            let deliveries: Arc<[Delivered]> = records
                .iter()
                .cloned()
                .zip(*next_offset..)
                .map(|(record, offset)| Delivered { record, place: Place { partition: 0, offset } })
                .collect();
            *next_offset += records.len() as u64;
            let subscribers = self.subscribers.lock().clone();
            for subscriber in &subscribers {
                // An error means that this subscriber is gone: its loss is nobody else's.
                let _ = subscriber.send(deliveries.clone()).await;
            }
            self.subscribers.lock().retain(|subscriber| !subscriber.is_closed());
            Ok(())
        })
    }

    fn subscribe(&self) -> Pin<Box<dyn Future<Output = Result<Subscription, BusFault>> + Send + '_>> {
        let (sender, receiver) = mpsc::channel(QUEUED);
        self.subscribers.lock().push(sender);
        Box::pin(async move { Ok(Subscription::new(receiver)) })
    }
}
