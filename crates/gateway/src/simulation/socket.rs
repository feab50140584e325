//! A socket that takes as many bytes as there is room for, and can be cut between any two of them.

use std::{
    collections::{BTreeSet, VecDeque},
    io::IoSlice,
    sync::Arc,
};

use parking_lot::{Mutex, MutexGuard};
use unionflow_protocol::close::CloseCode;

use crate::transport::{Transport, Wrote};

/// Both ends of a socket.
#[derive(Clone)]
pub(super) struct Socket(Arc<Mutex<Wire>>);

pub(super) struct Wire {
    pub(super) to_client: VecDeque<u8>,
    pub(super) to_server: Vec<u8>,
    room: usize,
    /// The client has gone; the server does not know yet.
    pub(super) cut: bool,
    /// The network still takes bytes for a client that has gone.
    swallows: bool,
    /// The server has closed: what is in `to_client` is the last.
    pub(super) ended: bool,
    /// Close codes that there is a reason for.
    pub(super) excuses: BTreeSet<u16>,
}

impl Socket {
    pub(super) fn with_room(room: usize, swallows: bool) -> Self {
        Self(Arc::new(Mutex::new(Wire {
            to_client: VecDeque::new(),
            to_server: Vec::new(),
            room,
            cut: false,
            swallows,
            ended: false,
            excuses: BTreeSet::new(),
        })))
    }

    pub(super) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock()
    }

    pub(super) fn excuse(&self, code: CloseCode) {
        self.wire().excuses.insert(code.number());
    }

    /// A masked frame, as clients send them.
    pub(super) fn client_sends(&self, opcode: u8, payload: &[u8]) {
        let mask = [0x1d, 0x7e, 0x03, 0xa9];
        let wire = &mut *self.wire();
        let length = u8::try_from(payload.len()).unwrap_or(u8::MAX);
        wire.to_server.push(0x80 | opcode);
        if length < 126 {
            wire.to_server.push(0x80 | length);
        } else {
            wire.to_server.push(0x80 | 126);
            let length = u16::try_from(payload.len()).expect("a short frame");
            wire.to_server.extend(length.to_be_bytes());
        }
        wire.to_server.extend(mask);
        wire.to_server.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    }
}

impl Transport for Socket {
    fn try_write(&self, slices: &[IoSlice<'_>]) -> Wrote {
        let wire = &mut *self.wire();
        let all: usize = slices.iter().map(|slice| slice.len()).sum();
        if wire.cut || wire.ended {
            return if wire.swallows && !wire.ended { Wrote::Bytes(all) } else { Wrote::Closed };
        }
        let room = wire.room.saturating_sub(wire.to_client.len());
        if room < all {
            wire.excuses.insert(CloseCode::SlowConsumer.number());
        }
        if room == 0 {
            return Wrote::WouldBlock;
        }
        wire.to_client.extend(slices.iter().flat_map(|slice| slice.iter()).take(room));
        Wrote::Bytes(room.min(all))
    }
}
