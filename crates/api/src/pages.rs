//! The small pages that codes and links lead to, and the page to read and try the API. No third-party code from elsewhere.

use axum::{
    Router,
    body::Body,
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
    routing::get,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

const INDEX: &str = include_str!("../pages/index.html");
const SETUP: &str = include_str!("../pages/setup.html");
const ACTIVATE: &str = include_str!("../pages/activate.html");
const RESET: &str = include_str!("../pages/reset.html");
const SCRIPT: &str = include_str!("../pages/pages.js");
const STYLE: &str = include_str!("../pages/pages.css");
const ICON: &str = include_str!("../pages/icon.svg");

/// Our own pages need no more than this: their own files and their own server.
const OWN: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                   form-action 'none'; base-uri 'none'; frame-ancestors 'none'";
/// The page that shows the API styles itself with inline rules.
const DOCS: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                    connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

pub(crate) fn router<S: Clone + Send + Sync + 'static>() -> Router<S> {
    let page = |html: &'static str| move || async move { file("text/html; charset=utf-8", html, "no-cache") };
    let asset =
        |media: &'static str, text: &'static str| move || async move { file(media, text, "max-age=3600") };
    Router::new()
        .route("/", get(page(INDEX)))
        .route("/setup", get(page(SETUP)))
        .route("/activate", get(page(ACTIVATE)))
        .route("/reset", get(page(RESET)))
        .route("/pages/pages.js", get(asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/pages/pages.css", get(asset("text/css; charset=utf-8", STYLE)))
        .route("/pages/icon.svg", get(asset("image/svg+xml", ICON)))
        .merge(SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]).persist_authorization(false)))
}

fn file(media: &'static str, text: &'static str, cache: &'static str) -> Response {
    let mut response = (StatusCode::OK, Body::from(text)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(media));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static(cache));
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(OWN));
    response
}

/// The page of the API comes from the library, without a policy of ours.
pub(crate) async fn content_security(request: Request, next: Next) -> Response {
    let docs = request.uri().path().starts_with("/docs");
    let mut response = next.run(request).await;
    if docs {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(DOCS));
    }
    response
}
