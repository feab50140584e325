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
pub(crate) struct Socket(Arc<Mutex<Wire>>);

pub(crate) struct Wire {
    pub(crate) to_client: VecDeque<u8>,
    pub(crate) to_server: Vec<u8>,
    room: usize,
    /// The client has gone; the server does not know yet.
    pub(crate) cut: bool,
    /// The network still takes bytes for a client that has gone.
    swallows: bool,
    /// The server has closed: what is in `to_client` is the last.
    pub(crate) ended: bool,
    /// Close codes that there is a reason for.
    pub(crate) excuses: BTreeSet<u16>,
}

impl Socket {
    pub(crate) fn with_room(room: usize, swallows: bool) -> Self {
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

    pub(crate) fn wire(&self) -> MutexGuard<'_, Wire> {
        self.0.lock()
    }

    pub(crate) fn excuse(&self, code: CloseCode) {
        self.wire().excuses.insert(code.number());
    }

    pub(crate) fn client_sends(&self, opcode: u8, payload: &[u8]) {
        self.wire().to_server.extend(masked(0x80 | opcode, payload));
    }
}

/// A frame as clients send it: masked.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x1d, 0x7e, 0x03, 0xa9];
    let mut frame = vec![first];
    match u16::try_from(payload.len()).expect("a short frame") {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length => {
            frame.push(0x80 | 126);
            frame.extend(length.to_be_bytes());
        }
    }
    frame.extend(mask);
    frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
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
