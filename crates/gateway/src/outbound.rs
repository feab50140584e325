//! What waits for one socket: bounded, states conflated, freed when its client is too slow.

use std::{collections::VecDeque, io::IoSlice};

use unionflow_protocol::close::CloseCode;

use crate::{
    config::QUEUE_FRAMES,
    frame::{Frame, SharedFrame},
    transport::{Transport, Wrote},
};

/// Frames that wait for a socket that could not take them.
#[derive(Debug)]
pub(crate) struct Outbound {
    queue: VecDeque<SharedFrame>,
    /// Bytes of the first frame that were written already.
    written: usize,
    bytes: usize,
    bytes_max: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// A close frame is queued: nothing follows it.
    Closing,
    /// The peer is gone.
    Gone,
}

/// How a frame was taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// The socket has it.
    Written,
    /// It waits; the socket's readiness sends it.
    Queued,
    /// The queue was full: it was freed, and a close with 4100 takes its place. The client resumes.
    SlowConsumer,
    /// The socket is closing or gone: the frame was dropped with it.
    Closed,
}

/// Slices given to one system call.
const SLICES: usize = 32;

impl Outbound {
    /// An empty queue that may hold so many bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self { queue: VecDeque::new(), written: 0, bytes: 0, bytes_max, state: State::Open }
    }

    /// Sends a frame. Never waits.
    pub(crate) fn send(&mut self, transport: &impl Transport, frame: SharedFrame) -> Sent {
        if self.state != State::Open {
            return Sent::Closed;
        }
        if self.queue.is_empty() {
            match transport.try_write(&[IoSlice::new(frame.bytes())]) {
                Wrote::Bytes(written) if written == frame.bytes().len() => return Sent::Written,
                Wrote::Bytes(written) => self.written = written,
                Wrote::WouldBlock => {}
                Wrote::Closed => return self.gone(),
            }
            self.bytes = frame.bytes().len();
            self.queue.push_back(frame);
            return Sent::Queued;
        }
        self.queue(frame)
    }

    fn queue(&mut self, frame: SharedFrame) -> Sent {
        if let Some(key) = &frame.state {
            // Not the first: a part of it may be written.
            let older = (1..self.queue.len()).find(|i| self.queue[*i].state.as_ref() == Some(key));
            if let Some(removed) = older.and_then(|i| self.queue.remove(i)) {
                self.bytes -= removed.bytes().len();
            }
        }
        if self.queue.len() >= QUEUE_FRAMES || self.bytes + frame.bytes().len() > self.bytes_max {
            self.close(CloseCode::SlowConsumer);
            return Sent::SlowConsumer;
        }
        self.bytes += frame.bytes().len();
        self.queue.push_back(frame);
        Sent::Queued
    }

    /// Writes what waits, as far as the socket takes it.
    pub(crate) fn flush(&mut self, transport: &impl Transport) {
        while !self.queue.is_empty() {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let mut count = 0;
            for (slice, frame) in slices.iter_mut().zip(&self.queue) {
                let from = if count == 0 { self.written } else { 0 };
                *slice = IoSlice::new(&frame.bytes()[from..]);
                count += 1;
            }
            match transport.try_write(&slices[..count]) {
                Wrote::Bytes(written) => self.advance(written),
                Wrote::WouldBlock => return,
                Wrote::Closed => {
                    self.gone();
                    return;
                }
            }
        }
    }

    fn advance(&mut self, written: usize) {
        let mut left = self.written + written;
        while let Some(first) = self.queue.front() {
            if left < first.bytes().len() {
                break;
            }
            left -= first.bytes().len();
            self.bytes -= first.bytes().len();
            self.queue.pop_front();
        }
        self.written = left;
    }

    /// Ends the stream with a close frame, behind what waits; for a slow consumer, in place of it.
    pub(crate) fn close(&mut self, code: CloseCode) {
        if self.state != State::Open {
            return;
        }
        if code == CloseCode::SlowConsumer {
            // A frame begun must be finished, or the peer could not read the close.
            self.queue.truncate(usize::from(self.written > 0));
            self.bytes = self.queue.front().map_or(0, |frame| frame.bytes().len());
        }
        self.end_with(Frame::close(code));
    }

    /// Ends the stream with a close frame that is framed already: the echo of the peer's.
    pub(crate) fn end_with(&mut self, frame: SharedFrame) {
        if self.state == State::Open {
            self.bytes += frame.bytes().len();
            self.queue.push_back(frame);
            self.state = State::Closing;
        }
    }

    fn gone(&mut self) -> Sent {
        self.queue = VecDeque::new();
        (self.written, self.bytes, self.state) = (0, 0, State::Gone);
        Sent::Closed
    }

    /// Bytes that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.bytes - self.written
    }

    /// Whether frames can still be sent.
    pub(crate) fn is_open(&self) -> bool {
        self.state == State::Open
    }

    /// Whether nothing more will be written: the close was sent, or the peer is gone.
    pub(crate) fn is_done(&self) -> bool {
        match self.state {
            State::Open => false,
            State::Closing => self.queue.is_empty(),
            State::Gone => true,
        }
    }

    /// Gives the memory of an empty queue back.
    pub(crate) fn shrink(&mut self) {
        if self.queue.is_empty() {
            self.queue = VecDeque::new();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frame::StateKey;
    use parking_lot::Mutex;
    use proptest::prelude::*;
    use unionflow_protocol::{Audience, View};

    /// A socket that takes as many bytes as it is allowed.
    #[derive(Default)]
    struct Narrow(Mutex<(usize, Vec<u8>)>);

    impl Narrow {
        fn allow(&self, bytes: usize) {
            self.0.lock().0 += bytes;
        }
        fn received(&self) -> Vec<u8> {
            self.0.lock().1.clone()
        }
    }

    impl Transport for Narrow {
        fn try_write(&self, slices: &[IoSlice<'_>]) -> Wrote {
            let mut socket = self.0.lock();
            let all: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            let taken = socket.0.min(all.len());
            if taken == 0 {
                return Wrote::WouldBlock;
            }
            socket.0 -= taken;
            socket.1.extend(&all[..taken]);
            Wrote::Bytes(taken)
        }
    }

    fn state(n: u32, view: View) -> SharedFrame {
        let key = StateKey { event_type: "KPI_UPDATE".into(), audience: Audience::view(view) };
        Frame::text(format!("state {view} {n}").as_bytes(), Some(key))
    }

    proptest! {
        /// However the socket takes its bytes, the peer receives the frames whole and in order.
        #[test]
        fn frames_arrive_whole_and_in_order(steps in proptest::collection::vec((0usize..40, any::<bool>()), 1..60)) {
            let (socket, mut outbound) = (Narrow::default(), Outbound::new(1 << 20));
            let mut expected: Vec<u8> = Vec::new();
            for (n, (allowed, send)) in steps.into_iter().enumerate() {
                socket.allow(allowed);
                if send {
                    let frame = Frame::text(format!("event {n}").as_bytes(), None);
                    expected.extend(frame.bytes());
                    outbound.send(&socket, frame);
                } else {
                    outbound.flush(&socket);
                }
            }
            socket.allow(1 << 20);
            outbound.flush(&socket);
            prop_assert_eq!(socket.received(), expected);
            prop_assert_eq!(outbound.waiting(), 0);
        }
    }

    /// One thing that happens to a queue.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Fact { size: usize },
        Figures(View),
        Room(usize),
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1usize..300).prop_map(|size| Step::Fact { size }),
            2 => any::<bool>().prop_map(|first| Step::Figures(if first { View::Officers } else { View::Members })),
            2 => (0usize..500).prop_map(Step::Room),
        ]
    }

    /// The payloads of whole frames; `Err` if the bytes end within one.
    fn payloads(mut bytes: &[u8]) -> Result<Vec<String>, &[u8]> {
        let mut payloads = Vec::new();
        while let [_, length, ..] = *bytes {
            let (begin, length) = match length {
                126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
                length => (2, usize::from(length)),
            };
            let payload = bytes.get(begin..begin + length).ok_or(bytes)?;
            payloads.push(String::from_utf8_lossy(payload).into_owned());
            bytes = &bytes[begin + length..];
        }
        Ok(payloads)
    }

    proptest! {
        /// However fast or slow the peer: facts come all and in order or the last frame says 4100; of each view's figures
        /// never an older after a newer, and the newest comes; and no more waits than may.
        #[test]
        fn nothing_is_dropped_silently_and_no_more_waits_than_may(
            steps in proptest::collection::vec(any_step(), 1..120),
            bytes_max in 300usize..3000,
        ) {
            let (socket, mut outbound) = (Narrow::default(), Outbound::new(bytes_max));
            let (mut facts, mut newest, mut slow) = (Vec::new(), [None; 2], false);
            for (n, step) in (0u32..).zip(steps) {
                let sent = match step {
                    Step::Room(bytes) => {
                        socket.allow(bytes);
                        outbound.flush(&socket);
                        continue;
                    }
                    Step::Fact { size } => {
                        let text = format!("fact {n} {}", "x".repeat(size));
                        facts.push(text.clone());
                        outbound.send(&socket, Frame::text(text.as_bytes(), None))
                    }
                    Step::Figures(view) => {
                        newest[view as usize] = Some(n);
                        outbound.send(&socket, state(n, view))
                    }
                };
                prop_assert!(outbound.waiting() <= bytes_max + 40, "the close frame may come on top");
                slow = sent == Sent::SlowConsumer;
                if slow {
                    prop_assert!(!outbound.is_open());
                    break;
                }
            }
            socket.allow(1 << 20);
            outbound.flush(&socket);
            prop_assert_eq!(outbound.is_done(), slow);
            let received = socket.received();
            let mut received = payloads(&received).expect("whole frames");
            if slow {
                prop_assert!(received.pop().is_some_and(|close| close.ends_with("slow consumer")));
            }
            let came: Vec<_> = received.iter().filter(|text| text.starts_with("fact")).collect();
            prop_assert!(came.iter().zip(&facts).all(|(came, sent)| *came == sent), "{:?}", came);
            prop_assert!(slow || came.len() == facts.len());
            for view in [View::Officers, View::Members] {
                let begin = format!("state {view} ");
                let numbers = received.iter().filter_map(|text| text.strip_prefix(&begin)?.parse::<u32>().ok());
                let numbers: Vec<u32> = numbers.collect();
                prop_assert!(numbers.is_sorted());
                prop_assert!(slow || numbers.last().copied() == newest[view as usize]);
            }
        }
    }

    #[test]
    fn of_waiting_states_only_the_newest_of_each_kind_is_kept_behind_the_facts() {
        let (socket, mut outbound) = (Narrow::default(), Outbound::new(1 << 20));
        let fact = |n| Frame::text(format!("fact {n}").as_bytes(), None);
        outbound.send(&socket, fact(1));
        for n in 1..=50 {
            outbound.send(&socket, state(n, View::Officers));
            outbound.send(&socket, state(n, View::Members));
        }
        outbound.send(&socket, fact(2));
        outbound.send(&socket, state(51, View::Officers));
        socket.allow(1 << 20);
        outbound.flush(&socket);
        let text = String::from_utf8_lossy(&socket.received()).into_owned();
        let order: Vec<usize> = ["fact 1", "state members 50", "fact 2", "state officers 51"]
            .iter()
            .map(|t| text.find(t).unwrap())
            .collect();
        assert!(order.is_sorted(), "{text}");
        assert!(!text.contains("officers 50"), "{text}");
    }

    #[test]
    fn a_slow_consumers_queue_is_freed_and_it_is_told_to_resume() {
        let (socket, mut outbound) = (Narrow::default(), Outbound::new(1000));
        socket.allow(3);
        let big = Frame::text(&[b'x'; 400], None);
        assert_eq!(outbound.send(&socket, big.clone()), Sent::Queued);
        assert_eq!(outbound.send(&socket, big.clone()), Sent::Queued);
        assert_eq!(outbound.send(&socket, big.clone()), Sent::SlowConsumer);
        assert!(outbound.waiting() < 450, "only the frame begun and the close are left");
        assert_eq!(outbound.send(&socket, big.clone()), Sent::Closed);
        socket.allow(1 << 20);
        outbound.flush(&socket);
        let mut expected = big.bytes().to_vec();
        expected.extend(Frame::close(CloseCode::SlowConsumer).bytes());
        assert_eq!(socket.received(), expected, "a frame begun is finished, then the close");
        assert!(outbound.is_done());
    }

    #[test]
    fn frames_are_counted_too() {
        let (socket, mut outbound) = (Narrow::default(), Outbound::new(usize::MAX));
        let small = Frame::text(b"x", None);
        for _ in 0..QUEUE_FRAMES {
            assert_eq!(outbound.send(&socket, small.clone()), Sent::Queued);
        }
        assert_eq!(outbound.send(&socket, small), Sent::SlowConsumer);
    }
}
