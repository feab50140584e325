//! Which answers are compressed.

use axum::http::Response;
use tower_http::compression::{
    CompressionLayer,
    predicate::{And, Predicate, SizeAbove},
};

/// Marks an answer that holds a secret.
#[derive(Clone, Copy)]
pub(crate) struct Secret;

/// Answers that may hold secrets are not compressed: their length would tell something about them.
#[derive(Clone, Copy)]
pub(crate) struct NotSecret;

/// Compresses what is worth it.
pub(crate) fn layer() -> CompressionLayer<And<SizeAbove, NotSecret>> {
    CompressionLayer::new().gzip(true).compress_when(SizeAbove::new(1024).and(NotSecret))
}

impl Predicate for NotSecret {
    fn should_compress<B>(&self, response: &Response<B>) -> bool {
        response.extensions().get::<Secret>().is_none()
    }
}
