//! What is done with arbitrary bytes: see [`targets`].

pub mod targets;
