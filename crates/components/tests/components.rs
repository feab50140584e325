//! The components start, and come back after a kill with what they held.

use unionflow_components::{Kafka, Postgres};

#[test]
fn postgresql_comes_back_after_a_kill_with_what_was_committed() {
    let mut server = Postgres::start().expect("PostgreSQL starts");
    let database = server.new_database().expect("a database is made");
    database.psql("CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").expect("statements run");
    server.kill();
    assert!(database.psql("SELECT n FROM kept").is_err(), "a killed server answers nothing");
    server.start_again().expect("it starts again");
    assert_eq!(database.psql("SELECT n FROM kept").expect("it answers").trim(), "1");
}

#[test]
fn kafka_comes_back_after_a_kill_with_its_topics() {
    let mut broker = Kafka::start().expect("Kafka starts");
    let topics = "org.apache.kafka.tools.TopicCommand";
    let servers = broker.servers();
    Kafka::tool(&servers, topics, &["--create", "--topic", "kept", "--partitions", "1"])
        .expect("a topic is made");
    broker.kill();
    broker.start_again().expect("it starts again");
    assert_eq!(Kafka::tool(&servers, topics, &["--list"]).expect("it answers").trim(), "kept");
}
