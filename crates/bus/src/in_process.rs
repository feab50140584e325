//! The embedded default: everything in one process.

use std::{future::Future, pin::Pin, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::mpsc;
use unionflow_protocol::Record;

use crate::{Bus, BusFault, Subscription};

/// Hands records to subscribers in this process. It keeps nothing: what a gateway missed, it reads from the journal.
#[derive(Default)]
pub struct InProcessBus {
    subscribers: Mutex<Vec<mpsc::Sender<Arc<[Record]>>>>,
    /// One publisher at a time, so that every subscriber sees one order.
    publishing: tokio::sync::Mutex<()>,
}

/// Batches that wait for one subscriber before publishing waits.
const QUEUED: usize = 1024;

impl Bus for InProcessBus {
    fn publish(
        &self,
        records: Arc<[Record]>,
    ) -> Pin<Box<dyn Future<Output = Result<(), BusFault>> + Send + '_>> {
        Box::pin(async move {
            let _one = self.publishing.lock().await;
            let subscribers = self.subscribers.lock().clone();
            for subscriber in &subscribers {
                // An error means that this subscriber is gone: its loss is nobody else's.
                let _ = subscriber.send(records.clone()).await;
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
