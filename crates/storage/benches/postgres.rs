//! Measures of the PostgreSQL store.

fn main() {}
