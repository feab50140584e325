//! The small pages that codes and links lead to, and the page to read and try the API. No third-party code from elsewhere.

use std::sync::Arc;

use axum::{
    Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::{failure::Failure, state::Api};

const INDEX: &str = include_str!("../pages/index.html");
/// Where the first page offers to found the first organisation, while there is none.
const SETUP_PLACE: &str = "<!-- setup -->";
const SETUP_LINK: &str = r#"<p><a href="/setup" data-text="index.setup"></a></p>"#;
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

pub(crate) fn router() -> Router<Arc<Api>> {
    let page = |text: &'static str| move || async move { html(text) };
    let asset =
        |media: &'static str, text: &'static str| move || async move { file(media, text, "max-age=3600") };
    Router::new()
        .route("/", get(index))
        .route("/setup", get(setup))
        .route("/activate", get(page(ACTIVATE)))
        .route("/reset", get(page(RESET)))
        .route("/pages/pages.js", get(asset("text/javascript; charset=utf-8", SCRIPT)))
        .route("/pages/pages.css", get(asset("text/css; charset=utf-8", STYLE)))
        .route("/pages/icon.svg", get(asset("image/svg+xml", ICON)))
        .merge(SwaggerUi::new("/docs").config(Config::new(["/openapi.json"]).persist_authorization(false)))
}

async fn index(State(api): State<Arc<Api>>) -> Result<Response, Failure> {
    let link = if awaits_founding(&api).await? { SETUP_LINK } else { "" };
    Ok(html(INDEX.replace(SETUP_PLACE, link)))
}

async fn setup(State(api): State<Arc<Api>>) -> Result<Response, Failure> {
    Ok(if awaits_founding(&api).await? { html(SETUP) } else { Redirect::to("/").into_response() })
}

/// Whether this server still waits for its first organisation.
async fn awaits_founding(api: &Api) -> Result<bool, Failure> {
    Ok(api.config.setup_code.is_some() && !api.service.read(|reader| Ok(reader.is_founded()?)).await?)
}

fn html(text: impl Into<Body>) -> Response {
    file("text/html; charset=utf-8", text, "no-cache")
}

fn file(media: &'static str, text: impl Into<Body>, cache: &'static str) -> Response {
    let mut response = (StatusCode::OK, text.into()).into_response();
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

#[cfg(test)]
mod tests {
    use unionflow_protocol::rest::organization::Setup;

    use super::*;

    /// What stands behind each `attribute="` of a page.
    fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
        let behind = page.split(attribute).skip(1);
        behind.filter_map(|rest| rest.strip_prefix("=\"")?.split('"').next()).collect()
    }

    #[test]
    fn every_text_of_a_page_is_there_in_both_languages() {
        let (french, english) = SCRIPT.split_once("\n  en: {").expect("two languages");
        for page in [INDEX, SETUP, ACTIVATE, RESET] {
            for key in values(page, "data-text") {
                let entry = format!("    '{key}': '");
                assert!(french.contains(&entry), "{key} in French");
                assert!(english.contains(&entry), "{key} in English");
            }
        }
    }

    #[test]
    fn the_fields_of_the_founding_page_are_a_founding_with_its_opening_balances() {
        let mut body = serde_json::Map::new();
        for input in SETUP.split('<').filter(|tag| tag.starts_with("input ") || tag.starts_with("select ")) {
            let name = values(input, " name")[0];
            assert!(SETUP.contains(&format!("data-error=\"{name}\"")), "{name} has a place for its error");
            let value = match (name, input.contains("data-amount")) {
                ("currency", _) => "XOF".into(),
                (_, true) => 150_000.into(),
                (_, false) => serde_json::Value::from("x"),
            };
            match name.split_once('.') {
                Some((outer, inner)) => {
                    let object = body.entry(outer).or_insert_with(|| serde_json::json!({}));
                    object[inner] = value;
                }
                None => drop(body.insert(name.to_owned(), value)),
            }
        }
        let setup: Setup = serde_json::from_value(body.into()).expect("a founding");
        let balances = setup.opening_balances;
        for balance in [balances.cash, balances.bank, balances.mobile_money] {
            assert_eq!(balance.minor_units(), 150_000);
        }
    }
}
