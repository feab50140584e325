//! Bounded queues between the connection and whoever reads: what each has taken, and what happens when one is slow.
//!
//! While a queue is full, nothing more is read from the socket; whoever has not made room after [`PATIENCE`] is told that it fell
//! behind, and the others go on without waiting for it again.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    task::{Context, Poll, Waker},
    time::Duration,
};

use futures_util::{Stream, StreamExt, stream};
use tokio::sync::{Notify, watch};

use crate::{cursor::Cursor, message::Message};

/// How long the connection waits for a slow reader.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Messages that wait for one reader, if nothing else was said.
pub const CAPACITY: usize = 256;

/// What a client is told, in order. Reading on confirms what was read before: only then may the cursor that is kept move past
/// it, so a program that stops in the middle of something is told it again.
///
/// ```no_run
/// # async fn example(client: unionflow_client::RealtimeClient) {
/// use unionflow_client::Message;
///
/// let mut events = client.events();
/// while let Some(message) = events.recv().await {
///     match message {
///         Message::Event(delivery) => println!("{:?}", delivery.event),
///         Message::ResyncRequired(_) | Message::FellBehind { .. } => println!("fetch everything anew"),
///         Message::RightsChanged(changed) => println!("forget {:?}", changed.forget),
///         other => println!("{other:?}"),
///     }
/// }
/// # }
/// ```
#[derive(Debug)]
pub struct EventStream {
    queue: Arc<Queue>,
}

/// What a value is now, and each time that it changes; a reader that is slow misses some, and never the newest.
pub(crate) fn changes<T: Clone + Send + Sync + 'static>(
    receiver: watch::Receiver<T>,
) -> impl Stream<Item = T> + Send + use<T> {
    stream::unfold((receiver, true), |(mut receiver, is_first)| async move {
        if !is_first {
            receiver.changed().await.ok()?;
        }
        let value = receiver.borrow_and_update().clone();
        Some((value, (receiver, false)))
    })
}

/// All readers.
#[derive(Debug, Default)]
pub(crate) struct Streams {
    readers: Mutex<Readers>,
}

#[derive(Debug, Default)]
struct Readers {
    queues: Vec<Weak<Queue>>,
    /// Complete up to here, if everything in the queues is taken.
    complete: Option<Cursor>,
    /// Taken by all, when there last was anybody.
    confirmed: Option<Cursor>,
    had_any: bool,
    is_closed: bool,
}

#[derive(Debug)]
struct Queue {
    capacity: usize,
    inner: Mutex<Inner>,
    room: Notify,
}

#[derive(Debug, Default)]
struct Inner {
    messages: VecDeque<(Message, Option<Cursor>)>,
    /// Complete up to here once the queue is empty.
    complete: Option<Cursor>,
    /// What was taken last leads up to here; confirmed by reading on.
    taken: Option<Cursor>,
    confirmed: Option<Cursor>,
    /// All that waits is that it fell behind: until that is read, nobody waits for this reader again.
    is_behind: bool,
    is_closed: bool,
    waker: Option<Waker>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that is done under these locks can leave them half done.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl EventStream {
    /// The next message; `None` once the client is closed and everything was read. Cancel-safe.
    pub async fn recv(&mut self) -> Option<Message> {
        self.next().await
    }

    /// What was read so far is done with: without this, the last message counts only once the next is asked for.
    pub fn confirm(&self) {
        lock(&self.queue.inner).confirm();
    }
}

impl Stream for EventStream {
    type Item = Message;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Message>> {
        let mut inner = lock(&self.queue.inner);
        inner.confirm();
        let Some((message, cursor)) = inner.messages.pop_front() else {
            if inner.is_closed {
                return Poll::Ready(None);
            }
            inner.confirmed = inner.complete;
            inner.waker = Some(context.waker().clone());
            return Poll::Pending;
        };
        inner.taken = cursor;
        inner.is_behind = false;
        if inner.messages.is_empty() {
            inner.messages.shrink_to(16);
        }
        drop(inner);
        self.queue.room.notify_one();
        Poll::Ready(Some(message))
    }
}

impl Drop for EventStream {
    fn drop(&mut self) {
        lock(&self.queue.inner).is_closed = true;
        self.queue.room.notify_one();
    }
}

impl Inner {
    fn take(&mut self, messages: &[Message], complete: Option<Cursor>) {
        if let Some((Message::FellBehind { missed }, cursor)) =
            self.messages.front_mut().filter(|_| self.is_behind)
        {
            *missed += messages.len() as u64;
            *cursor = complete;
            return;
        }
        let (before, last) = (self.complete, messages.len());
        // Whatever lies within leads only to where the queue was before.
        let leads_to = |n: usize| if n + 1 == last { complete } else { before };
        self.messages.extend(messages.iter().cloned().enumerate().map(|(n, message)| (message, leads_to(n))));
    }

    fn fall_behind(&mut self) {
        let missed = self.messages.len() as u64;
        self.messages = VecDeque::new();
        self.messages.push_back((Message::FellBehind { missed }, self.complete));
        self.is_behind = true;
    }

    fn confirm(&mut self) {
        if let Some(taken) = self.taken.take() {
            self.confirmed = Some(taken);
        }
    }
}

impl Queue {
    fn is_full(&self) -> bool {
        let inner = lock(&self.inner);
        !inner.is_closed && !inner.is_behind && inner.messages.len() >= self.capacity
    }

    async fn has_room(&self) {
        while self.is_full() {
            self.room.notified().await;
        }
    }
}

impl Streams {
    /// A new reader, who is told what comes from now on.
    pub(crate) fn subscribe(&self, capacity: usize) -> EventStream {
        let mut readers = lock(&self.readers);
        let inner = Inner {
            complete: readers.complete,
            confirmed: readers.complete,
            is_closed: readers.is_closed,
            ..Inner::default()
        };
        let queue =
            Arc::new(Queue { capacity: capacity.max(1), inner: Mutex::new(inner), room: Notify::new() });
        readers.queues.push(Arc::downgrade(&queue));
        readers.had_any = true;
        EventStream { queue }
    }

    /// Tells everybody; once they have taken it, they are complete up to the cursor.
    pub(crate) fn tell(&self, messages: &mut Vec<Message>, complete: Option<Cursor>) {
        let mut readers = lock(&self.readers);
        readers.complete = complete;
        for queue in readers.open() {
            let mut inner = lock(&queue.inner);
            inner.take(messages, complete);
            inner.complete = complete;
            if inner.messages.is_empty() && inner.waker.is_some() {
                // Somebody waits, and there is nothing to see: no need to wake.
                inner.confirmed = complete;
            } else if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
        messages.clear();
    }

    /// Whether somebody's queue is full.
    pub(crate) fn are_full(&self) -> bool {
        lock(&self.readers).open().any(|queue| queue.is_full())
    }

    /// Waits until nobody's queue is full.
    pub(crate) async fn have_room(&self) {
        let queues: Vec<_> = lock(&self.readers).open().collect();
        for queue in queues {
            queue.has_room().await;
        }
    }

    /// Empties the queues that are full: their readers are told that they fell behind.
    pub(crate) fn leave_behind(&self) {
        for queue in lock(&self.readers).open() {
            if !queue.is_full() {
                continue;
            }
            lock(&queue.inner).fall_behind();
        }
    }

    /// What everybody has done with: where a program that is started again may go on. Without readers, where the last one was;
    /// where there never was one, everything counts as done with.
    pub(crate) fn confirmed(&self) -> Option<Cursor> {
        let mut readers = lock(&self.readers);
        if !readers.had_any {
            return readers.complete;
        }
        let all: Vec<Option<Cursor>> = readers.open().map(|queue| lock(&queue.inner).confirmed).collect();
        let place = |cursor: &Option<Cursor>| cursor.map(|cursor| (cursor.organization_id, cursor.epoch));
        // Where one reader is already in another journal, places cannot be compared: the last that held for all, holds.
        if let Some(least) = all.iter().min_by_key(|cursor| cursor.map(|cursor| cursor.seq))
            && all.iter().all(|cursor| place(cursor) == place(least))
        {
            readers.confirmed = *least;
        }
        readers.confirmed
    }

    /// Nothing more will be told.
    pub(crate) fn close(&self) {
        let mut readers = lock(&self.readers);
        readers.is_closed = true;
        for queue in readers.open() {
            let mut inner = lock(&queue.inner);
            inner.is_closed = true;
            if let Some(waker) = inner.waker.take() {
                waker.wake();
            }
        }
    }
}

impl Readers {
    fn open(&mut self) -> impl Iterator<Item = Arc<Queue>> + use<'_> {
        self.queues.retain(|queue| queue.strong_count() > 0);
        self.queues.iter().filter_map(Weak::upgrade)
    }
}

#[cfg(test)]
mod tests;
