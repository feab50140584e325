//! Facts about readers.

use futures_util::FutureExt;
use unionflow_protocol::{
    RoleSet, Seq,
    id::{Epoch, MemberId, OrganizationId},
};

use super::*;

fn cursor(seq: u64) -> Option<Cursor> {
    Some(Cursor {
        organization_id: OrganizationId::from_bytes([1; 16]),
        member_id: MemberId::from_bytes([2; 16]),
        epoch: Epoch::from_bytes([3; 16]),
        seq: Seq(seq),
        roles: RoleSet::EMPTY,
    })
}

fn tell(streams: &Streams, seq: u64) {
    streams.tell(&mut vec![Message::CaughtUp { seq: Seq(seq) }], cursor(seq));
}

fn read(stream: &mut EventStream) -> Option<Message> {
    stream.recv().now_or_never().flatten()
}

#[test]
fn only_what_was_done_with_may_be_kept_and_the_slowest_reader_decides() {
    let streams = Streams::default();
    let (mut one, mut other) = (streams.subscribe(10), streams.subscribe(10));
    tell(&streams, 5);
    tell(&streams, 6);
    assert_eq!(streams.confirmed(), None, "nobody has read anything");
    for stream in [&mut one, &mut other] {
        assert_eq!(read(stream), Some(Message::CaughtUp { seq: Seq(5) }));
    }
    assert_eq!(streams.confirmed(), None, "they are still at it");
    read(&mut one);
    assert_eq!(streams.confirmed(), None, "the other one is still at it");
    read(&mut other);
    assert_eq!(streams.confirmed(), cursor(5));
    one.confirm();
    other.confirm();
    assert_eq!(streams.confirmed(), cursor(6));
    drop((one, other));
    tell(&streams, 9);
    assert_eq!(streams.confirmed(), cursor(6), "nobody read that");
}

#[test]
fn while_a_reader_is_still_in_the_old_journal_no_place_of_the_new_one_is_kept() {
    let streams = Streams::default();
    let (mut one, mut other) = (streams.subscribe(10), streams.subscribe(10));
    tell(&streams, 50);
    for stream in [&mut one, &mut other] {
        read(stream);
        stream.confirm();
    }
    assert_eq!(streams.confirmed(), cursor(50));
    let anew = cursor(3).map(|cursor| Cursor { epoch: Epoch::from_bytes([9; 16]), ..cursor });
    streams.tell(&mut vec![Message::CaughtUp { seq: Seq(3) }], anew);
    read(&mut one);
    one.confirm();
    assert_eq!(streams.confirmed(), cursor(50));
    read(&mut other);
    other.confirm();
    assert_eq!(streams.confirmed(), anew);
}

#[test]
fn what_no_reader_sees_moves_the_cursor_of_one_who_waits() {
    let streams = Streams::default();
    let mut reader = streams.subscribe(10);
    tell(&streams, 5);
    read(&mut reader);
    assert_eq!(read(&mut reader), None, "it waits");
    streams.tell(&mut Vec::new(), cursor(8));
    assert_eq!(streams.confirmed(), cursor(8));
}

#[test]
fn several_messages_of_one_frame_count_only_once_the_last_was_done_with() {
    let streams = Streams::default();
    let mut reader = streams.subscribe(10);
    tell(&streams, 5);
    let mut two = vec![Message::CaughtUp { seq: Seq(6) }, Message::CaughtUp { seq: Seq(7) }];
    streams.tell(&mut two, cursor(7));
    for expected in [None, None, cursor(5), cursor(5), cursor(7)] {
        assert_eq!(streams.confirmed(), expected);
        read(&mut reader);
    }
}

#[test]
fn a_slow_reader_is_told_that_it_fell_behind_and_the_other_is_told_everything() {
    let streams = Streams::default();
    let (mut slow, mut fast) = (streams.subscribe(3), streams.subscribe(100));
    for seq in 1..=3 {
        tell(&streams, seq);
    }
    assert!(streams.are_full());
    assert!(streams.have_room().now_or_never().is_none());
    streams.leave_behind();
    assert!(!streams.are_full());
    for seq in 4..=20 {
        tell(&streams, seq);
        assert!(!streams.are_full(), "nobody waits for it again");
    }
    assert_eq!(read(&mut slow), Some(Message::FellBehind { missed: 20 }));
    tell(&streams, 21);
    assert_eq!(read(&mut slow), Some(Message::CaughtUp { seq: Seq(21) }));
    let seen: Vec<_> = std::iter::from_fn(|| read(&mut fast)).collect();
    assert_eq!(seen.len(), 21);
    read(&mut slow);
    assert_eq!(streams.confirmed(), cursor(21));
}

#[test]
fn closing_ends_streams_after_what_was_told() {
    let streams = Streams::default();
    let mut reader = streams.subscribe(10);
    tell(&streams, 1);
    streams.close();
    assert!(read(&mut reader).is_some());
    assert_eq!(reader.recv().now_or_never(), Some(None));
    assert_eq!(streams.subscribe(10).recv().now_or_never(), Some(None));
}
