//! The wire contract, held from outside: the schemas and vectors that are committed are those of the code, they agree with
//! each other, and whatever comes is read without a panic.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod generated;
mod properties;
mod samples;
mod schemas;
mod vectors;
