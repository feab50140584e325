//! Clients of librdkafka say goodbye on a thread of their own.

use std::{ops::Deref, thread};

/// A client that blocks nobody when it is let go: it says goodbye to its brokers, which takes a moment, and for ever where
/// they are gone. It is a thread of the system's, because a runtime that ends waits for its own.
pub(super) struct Apart<T: Send + 'static>(Option<T>);

impl<T: Send + 'static> Apart<T> {
    pub(super) fn new(client: T) -> Self {
        Self(Some(client))
    }
}

impl<T: Send + 'static> Deref for Apart<T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.0.as_ref().expect("taken out only by drop")
    }
}

impl<T: Send + 'static> Drop for Apart<T> {
    fn drop(&mut self) {
        let client = self.0.take();
        // Without a thread to be had it is let go here.
        let _ = thread::Builder::new().name("kafka-goodbye".to_owned()).spawn(move || drop(client));
    }
}
