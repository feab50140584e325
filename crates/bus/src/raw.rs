//! Records that are not events of ours: what other systems send, what could not be taken in, signed heads of journals.
//!
//! They carry no promise of ours and are not looked into here; whoever takes them in parses and judges them.

use std::{future::Future, pin::Pin};

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::mpsc;
use unionflow_protocol::Topic;

use crate::BusFault;

/// The longest value that is handed on, in bytes: what a dead letter keeps. Of a longer one, its beginning.
pub const RAW_VALUE_BYTES_MAX: usize = 256 * 1024;

/// A record as it lies on a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawRecord {
    /// Where.
    pub topic: Topic,
    /// Its key. Records with the same key are in order.
    pub key: Option<Bytes>,
    /// Its headers, in their order; a name may come twice.
    pub headers: Vec<(String, Bytes)>,
    /// Its value; on a compacted topic none removes the key.
    pub value: Option<Bytes>,
}

/// A record that came, and from where: enough to name it, and to say that it is done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// The record; its value is cut at [`RAW_VALUE_BYTES_MAX`].
    pub record: RawRecord,
    /// The value's length before it was cut, in bytes.
    pub value_bytes: usize,
    /// The partition.
    pub partition: i32,
    /// The place in the partition.
    pub offset: i64,
    /// Whether it is an event of ours, of whatever epoch, signed with our key.
    pub is_ours: bool,
}

impl RawRecord {
    /// The first header of this name, if it is a text.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(found, _)| found == name)?;
        std::str::from_utf8(value).ok()
    }
}

impl Received {
    /// From a record as it came, its value apart: of a long one no more is copied than is kept.
    pub(crate) fn new(record: RawRecord, value: Option<&[u8]>, partition: i32, offset: i64) -> Self {
        let kept = value.map(|value| &value[..value.len().min(RAW_VALUE_BYTES_MAX)]);
        let record = RawRecord { value: kept.map(Bytes::copy_from_slice), ..record };
        Self { record, value_bytes: value.map_or(0, <[u8]>::len), partition, offset, is_ours: false }
    }

    /// Whether the end of its value is missing.
    pub fn is_cut(&self) -> bool {
        self.value_bytes > RAW_VALUE_BYTES_MAX
    }
}

/// What other systems send, one by one, shared among the processes that take it in.
///
/// At least once: what was not said to be done before its taker died, or before another process took over its partition,
/// comes again, there. Records of one partition come in order.
pub trait Inbound: Send + 'static {
    /// The next one. Waits while there is none or the brokers are away; `None` when there will never be another.
    /// Cancel-safe.
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Received>> + Send + '_>>;

    /// This one, and all before it in its partition, need not come again: they are in the store, or are dead letters. It is
    /// noted at the brokers a moment later, so that a process that dies at once may see it again.
    fn commit(&mut self, done: &Received);
}

/// Takes records that are not events.
pub trait Outlet: Send + Sync + 'static {
    /// Done when the bus has taken responsibility for it. A broker that is away is a fault within a few seconds.
    fn send(&self, record: RawRecord) -> Sending<'_, BusFault>;

    /// All of them, those with the same key in their order. Done when the bus has taken responsibility for all.
    fn send_all(&self, records: Vec<RawRecord>) -> Sending<'_, NotAll> {
        Box::pin(async move {
            for (taken, record) in records.into_iter().enumerate() {
                self.send(record).await.map_err(|fault| NotAll { taken, fault })?;
            }
            Ok(())
        })
    }
}

/// What becomes of records that are being sent.
pub type Sending<'a, E> = Pin<Box<dyn Future<Output = Result<(), E>> + Send + 'a>>;

/// Not all of several records were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotAll {
    /// So many were, from the first. Of the others some may have been.
    pub taken: usize,
    /// Why not the next one, or another that the bus had packed together with it.
    pub fault: BusFault,
}

/// An inbound for tests: what its sender puts in, and nothing shared.
pub struct InboundInMemory {
    records: mpsc::UnboundedReceiver<RawRecord>,
    next: i64,
    done: mpsc::UnboundedSender<i64>,
}

/// The other end of an [`InboundInMemory`].
pub struct InboundSender {
    records: mpsc::UnboundedSender<RawRecord>,
    done: mpsc::UnboundedReceiver<i64>,
}

impl InboundInMemory {
    /// An empty one. It ends when the sender is dropped.
    pub fn new() -> (InboundSender, Self) {
        let (records, received) = mpsc::unbounded_channel();
        let (done, told) = mpsc::unbounded_channel();
        (InboundSender { records, done: told }, Self { records: received, next: 0, done })
    }
}

impl InboundSender {
    /// Puts one in.
    pub fn put(&self, record: RawRecord) {
        // Whoever took them may have gone: then nobody waits for it.
        let _ = self.records.send(record);
    }

    /// The offset that is said to be done next; `None` when the inbound is gone.
    pub async fn done(&mut self) -> Option<i64> {
        self.done.recv().await
    }
}

impl Inbound for InboundInMemory {
    fn next(&mut self) -> Pin<Box<dyn Future<Output = Option<Received>> + Send + '_>> {
        Box::pin(async move {
            let record = self.records.recv().await?;
            let offset = self.next;
            self.next += 1;
            let value = record.value.clone();
            Some(Received::new(record, value.as_deref(), 0, offset))
        })
    }

    fn commit(&mut self, done: &Received) {
        let _ = self.done.send(done.offset);
    }
}

/// An outlet for tests: it keeps what it was given.
#[derive(Default)]
pub struct OutletInMemory(Mutex<Vec<RawRecord>>);

impl OutletInMemory {
    /// All that it was given since it was asked last.
    pub fn take(&self) -> Vec<RawRecord> {
        std::mem::take(&mut self.0.lock())
    }
}

impl Outlet for OutletInMemory {
    fn send(&self, record: RawRecord) -> Sending<'_, BusFault> {
        self.0.lock().push(record);
        Box::pin(async { Ok(()) })
    }
}
