//! A request's body that is heard out, even where the answer does not depend on it.
//!
//! A connection that is closed while its client still sends is reset, and the answer is lost with it: a treasurer whose file
//! is too long would read that the network failed. So what a handler left unread is read and thrown away, for a while, beside
//! the answer. Known as a lingering close: nginx's `lingering_close`.

use std::{
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::body::{Body, Bytes, HttpBody};
use futures_util::StreamExt;
use hyper::body::{Frame, SizeHint};
use tokio::{runtime::Handle, time::timeout};

/// How long a client is listened to after it was answered.
const LINGER_FOR: Duration = Duration::from_secs(10);
/// Bytes that are thrown away before the connection is given up: twice the longest upload.
const LINGER_BYTES: usize = 64 * 1024 * 1024;

/// A body that reads on when it is dropped before its end.
pub(crate) struct Lingering(Body);

impl Lingering {
    pub(crate) fn new(body: Body) -> Self {
        Self(body)
    }
}

impl HttpBody for Lingering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = Pin::new(&mut self.0).poll_frame(context);
        if matches!(frame, Poll::Ready(None | Some(Err(_)))) {
            self.0 = Body::empty();
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        // Without a runtime there is no connection either.
        if !self.is_end_stream()
            && let Ok(runtime) = Handle::try_current()
        {
            let rest = std::mem::replace(&mut self.0, Body::empty());
            drop(runtime.spawn(async move { timeout(LINGER_FOR, throw_away(rest)).await }));
        }
    }
}

async fn throw_away(rest: Body) {
    let mut frames = rest.into_data_stream();
    let mut heard = 0;
    while let Some(Ok(bytes)) = frames.next().await {
        heard += bytes.len();
        if heard > LINGER_BYTES {
            return;
        }
    }
}
