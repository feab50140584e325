//! What is under a session: something that takes bytes now, or says that it cannot.

use std::io::{ErrorKind, IoSlice};

use tokio::net::TcpStream;

/// How a try to write ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrote {
    /// So many bytes were taken: all of them, or some.
    Bytes(usize),
    /// None can be taken now; readiness will say when.
    WouldBlock,
    /// The peer is gone.
    Closed,
}

/// Takes bytes without waiting, so that the hub never wakes a task per subscriber and event.
pub(crate) trait Transport: Send + Sync + 'static {
    /// Writes as much as can be taken at once.
    fn try_write(&self, slices: &[IoSlice<'_>]) -> Wrote;
}

impl Transport for TcpStream {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> Wrote {
        loop {
            return match self.try_write_vectored(slices) {
                Ok(0) => Wrote::Closed,
                Ok(written) => Wrote::Bytes(written),
                Err(error) if error.kind() == ErrorKind::WouldBlock => Wrote::WouldBlock,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(_) => Wrote::Closed,
            };
        }
    }
}
