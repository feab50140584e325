//! What other systems send, on a real Kafka: taken in once, shown, without effect; or a dead letter that the operator can read
//! and send back.

mod dead_letters;
mod kills;
mod scene;
mod taken;
