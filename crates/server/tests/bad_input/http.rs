//! What every answer bears, and what is not HTTP as it should be.

use reqwest::Method;
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};
use unionflow_testkit::{Answer, PATIENCE};

use crate::Desk;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_bears_what_protects_it_and_the_trace_to_name() {
    let mut desk = Desk::open().await;
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    for (method, path) in [
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/nulle-part"),
        ("GET", "/nulle-part"),
        ("DELETE", "/api/v1/me"),
        ("POST", "/api/v1/members"),
        ("GET", "/openapi.json"),
        ("GET", "/"),
        ("GET", "/docs/"),
        ("GET", "/activate"),
        ("GET", "/ws/dashboard"),
    ] {
        let method: Method = method.parse().unwrap();
        let answer = desk.send(&method, path, &[("traceparent", trace)], vec![]).await;
        for name in
            ["x-content-type-options", "referrer-policy", "x-frame-options", "content-security-policy"]
        {
            let has = answer.headers.contains_key(name);
            desk.note(has, || format!("{method} {path} has no {name}"));
        }
        let returned = answer.headers.get("traceresponse").is_some_and(|value| value == trace);
        desk.note(returned, || format!("{method} {path} does not say the trace: {:?}", answer.headers));
        let open = answer.headers.keys().any(|name| name.as_str().starts_with("access-control"));
        desk.note(!open, || format!("{method} {path} is open to pages from elsewhere"));
        desk.note(!answer.headers.contains_key("server"), || format!("{path} says what it runs on"));
    }
    let made_up = desk.send(&Method::GET, "/api/v1/me", &[("traceparent", "00-zz-1")], vec![]).await;
    let given = made_up.headers["traceresponse"].to_str().unwrap();
    desk.note(given.len() == 55 && !given.contains("zz"), || given.to_owned());
    desk.close("headers").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_is_french_unless_english_is_asked_for() {
    let mut desk = Desk::open().await;
    let french = "Introuvable.";
    for (accepted, title) in [
        ("", french),
        ("fr", french),
        ("de", french),
        ("*", french),
        (";;;q=", french),
        ("fr-CI,fr;q=0.9,en;q=0.8", french),
        ("en", "Not found."),
        ("en-GB", "Not found."),
        ("de, en;q=0.7, fr;q=0.3", "Not found."),
    ] {
        let headers = [("accept-language", accepted)];
        let answer = desk.send(&Method::GET, "/api/v1/members/x", &headers, vec![]).await;
        desk.expect(accepted, &answer, &["NOT_FOUND"], None);
        desk.note(answer.body["title"] == title, || format!("{accepted}: {}", answer.text));
    }
    let headers = [("accept-language", "en"), ("content-type", "application/json")];
    let answer = desk.send(&Method::POST, "/api/v1/members", &headers, b"{}".to_vec()).await;
    let detail = answer.body["errors"][0]["detail"].as_str().unwrap_or_default();
    desk.note(!detail.is_empty() && !detail.contains("manque"), || detail.to_owned());
    desk.close("languages").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_method_that_is_not_there_says_which_are() {
    let mut desk = Desk::open().await;
    let document = desk.document().await;
    for (template, operations) in document["paths"].as_object().unwrap() {
        let there: Vec<String> =
            operations.as_object().unwrap().keys().map(|name| name.to_uppercase()).collect();
        let id = "0199c5d2-7f00-7abc-8def-0123456789ab";
        let path = template.replace("{id}", id).replace("{role}", "AUDITOR");
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"] {
            if there.iter().any(|known| known == method) || matched_as_id(template, method) {
                continue;
            }
            let answer = desk.send(&method.parse().unwrap(), &path, &[], vec![]).await;
            let what = format!("{method} {template}");
            desk.expect(&what, &answer, &["METHOD_NOT_ALLOWED"], None);
            let allow = answer.headers.get("allow").and_then(|allow| allow.to_str().ok()).unwrap_or("");
            let all = there.iter().all(|known| allow.contains(known.as_str()));
            desk.note(all, || format!("{what}: allow `{allow}`, there are {there:?}"));
        }
    }
    let answer = desk.send(&Method::HEAD, "/api/v1/me", &[], vec![]).await;
    desk.note(answer.status == 200 && answer.text.is_empty(), || format!("HEAD: {}", answer.status));
    for path in
        ["/api/v1", "/api/v1/", "/api/v2/me", "/api/v1/me/", "/api/v1//me", "/API/v1/me", "/api/v1/ME"]
    {
        let answer = desk.send(&Method::GET, path, &[], vec![]).await;
        desk.expect(path, &answer, &["NOT_FOUND"], None);
    }
    desk.close("methods").await;
}

/// `/members/imports` is matched by `/members/{id}` for the methods that it has not itself, or the other way round.
fn matched_as_id(template: &str, method: &str) -> bool {
    template == "/api/v1/members/imports" && matches!(method, "GET" | "PATCH")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_accepts_and_how_it_writes_its_type_do_not_matter() {
    let desk = Desk::open().await;
    let body = json!({"language": "fr"}).to_string().into_bytes();
    for media in ["application/json", "Application/JSON; charset=utf-8", "application/json;x=y"] {
        let headers = [("content-type", media), ("accept", "text/html")];
        let answer = desk.send(&Method::PATCH, "/api/v1/me", &headers, body.clone()).await;
        assert_eq!(
            (answer.status, &answer.headers["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
    }
    for media in
        ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "json"]
    {
        let answer = desk.send(&Method::PATCH, "/api/v1/me", &[("content-type", media)], body.clone()).await;
        answer.refused(415, "UNSUPPORTED_MEDIA_TYPE");
    }
}

/// Writes bytes as they are, and reads until the server has said enough or closes.
async fn raw(desk: &Desk, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(desk.world.address()).await.unwrap();
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut said = Vec::new();
    let _ = timeout(PATIENCE, stream.read_to_end(&mut said)).await.expect("the server ends it");
    String::from_utf8_lossy(&said).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bytes_that_are_no_request_end_their_connection_only() {
    let mut desk = Desk::open().await;
    let token = desk.president.token.clone();
    let head = |more: &str| {
        format!(
            "POST /api/v1/finance/approvals HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n{more}\r\n"
        )
    };
    let long = format!("GET /api/v1/me HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(64 * 1024));
    let cases = [
        "\r\n\r\n".to_owned(),
        "GET\r\n\r\n".to_owned(),
        "\u{0}\u{1}\u{2}".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(),
        long,
        head("content-length: -5\r\n"),
        head("content-length: 99999999999999999999999\r\n"),
        head("content-length: 5\r\ncontent-length: 6\r\n"),
        head("transfer-encoding: chunked\r\n") + "zz\r\n",
        head("transfer-encoding: chunked\r\n") + "5\r\n{\"a\"",
        head("content-length: 500\r\nidempotency-key: test-key-half\r\n") + "{\"organizationId\"",
    ];
    for case in &cases {
        let said = raw(&desk, case.as_bytes()).await;
        let status = said.split(' ').nth(1).unwrap_or("").to_owned();
        let fine = said.is_empty() || status.starts_with('4') || status == "505";
        desk.note(fine, || format!("{case:.60}: {said:.200}"));
    }
    desk.president.get("/me").await.expect(200);
    desk.close("bytes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compressed_answers_hold_no_secrets() {
    let desk = Desk::open().await;
    let body = json!({
        "login": desk.president.account.login, "password": desk.president.account.password
    });
    let headers = [("content-type", "application/json"), ("accept-encoding", "gzip")];
    let send = async |path: &str, body: &serde_json::Value| -> Answer {
        desk.send(&Method::POST, path, &headers, body.to_string().into_bytes()).await
    };
    for answer in
        [send("/api/v1/auth/login", &body).await, send("/api/v1/realtime/tickets", &json!({})).await]
    {
        assert!(
            answer.status < 300 && !answer.headers.contains_key("content-encoding"),
            "{:?}",
            answer.headers
        );
    }
    let openapi = desk.send(&Method::GET, "/openapi.json", &headers[1..], vec![]).await;
    assert_eq!(openapi.headers["content-encoding"], "gzip");
}
