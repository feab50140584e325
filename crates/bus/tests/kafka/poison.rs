//! A record that no client of ours can write: the name of a header is not UTF-8. Whoever may write to a topic can send one.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use unionflow_bus::{Bus, Inbound};
use unionflow_protocol::Topic;

use crate::{bus, identity, organization, record, until};

/// As Kafka's records have numbers: zigzag, seven bits at a time. Ours are small and not negative.
fn number(n: usize) -> u8 {
    u8::try_from(2 * n).ok().filter(|byte| *byte < 128).expect("small")
}

fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| (crc >> 1) ^ (0x82f6_3b78 & 0u32.wrapping_sub(crc & 1)))
    })
}

/// One record with one header.
fn batch(header: &[u8]) -> Vec<u8> {
    let mut record = vec![0, number(0), number(0), number(1), b'k', number(1), b'v', number(1)];
    record.push(number(header.len()));
    record.extend(header);
    record.extend([number(1), b'x']);
    // Attributes, last offset, first and last time, producer, its epoch, sequence, count.
    let mut checked = [&[0; 2][..], &[0; 4], &[0; 8], &[0; 8], &[0xff; 8], &[0xff; 2], &[0xff; 4]].concat();
    checked.extend(1_i32.to_be_bytes());
    checked.push(number(record.len()));
    checked.extend(record);
    let length = u32::try_from(4 + 1 + 4 + checked.len()).expect("small");
    let sum = crc32c(&checked).to_be_bytes();
    // Offset, length, leader's epoch, version 2, sum.
    [&[0; 8][..], &length.to_be_bytes(), &[0xff; 4], &[2], &sum, &checked].concat()
}

/// A Produce request, version 3, and its answer: whether it was taken.
fn produce(servers: &str, topic: Topic, partition: u32, header: &[u8]) -> bool {
    let text =
        |text: &str| [&u16::try_from(text.len()).expect("short").to_be_bytes()[..], text.as_bytes()].concat();
    let sized =
        |bytes: Vec<u8>| [&u32::try_from(bytes.len()).expect("small").to_be_bytes()[..], &bytes].concat();
    let one = 1_u32.to_be_bytes();
    let request = [
        &[0, 0, 0, 3, 0, 0, 0, 7][..],
        &text("a-stranger"),
        &[0xff, 0xff, 0xff, 0xff],
        &5_000_u32.to_be_bytes(),
        &one,
        &text(topic.as_str()),
        &one,
        &partition.to_be_bytes(),
        &sized(batch(header)),
    ]
    .concat();
    let mut broker = TcpStream::connect(servers).expect("the broker is there");
    broker.write_all(&sized(request)).expect("sent");
    let mut length = [0; 4];
    broker.read_exact(&mut length).expect("answered");
    let mut answer = vec![0; usize::try_from(u32::from_be_bytes(length)).expect("small")];
    broker.read_exact(&mut answer).expect("answered");
    // Behind the request's number, the topic and the partition.
    let at = 4 + 4 + 2 + topic.as_str().len() + 4 + 4;
    answer[at..at + 2] == [0, 0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_header_whose_name_is_no_text_ends_no_reader() {
    let broker = crate::broker().await;
    let servers = broker.servers();
    let (bus, mine) = (bus(&servers, identity()), organization(40));
    let mut subscription = bus.subscribe().await.expect("subscribed");
    let mut inbound = bus.inbound(&[Topic::Inbound]).expect("settings that can be used");
    let name = [b'c', b'e', 0xff, 0xfe];
    for partition in 0..6 {
        assert!(produce(&servers, Topic::Approvals, partition, &name), "not taken");
    }
    bus.publish([record(mine, 1)].into()).await.expect("published");
    assert_eq!(until(&mut subscription, mine, 1).await, [record(mine, 1)]);

    assert!(produce(&servers, Topic::Inbound, 0, &name), "not taken");
    let received = inbound.next().await.expect("the bus is there");
    assert_eq!(received.record.headers, []);
    assert_eq!(received.record.value.as_deref(), Some(&b"v"[..]));
}
