//! Bodies, queries, paths and headers of every route, from OpenAPI: wrong in every way, one at a time.

use serde_json::{Map, Value, json};

use crate::{Desk, Route};

const BAD_BODY: [&str; 4] = ["INVALID_JSON", "VALIDATION_FAILED", "INVALID_REQUEST", "FORBIDDEN"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_is_no_json_is_told_so() {
    let mut desk = Desk::open().await;
    let deep = "[".repeat(10_000);
    let deep_objects = "{\"details\":".repeat(1000);
    let huge = format!("{{\"amount\":{}}}", "9".repeat(10_000));
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("half", b"{".to_vec()),
        ("words", b"bonjour".to_vec()),
        ("two", b"{} {}".to_vec()),
        ("a comma too many", b"{\"a\":1,}".to_vec()),
        ("not UTF-8", b"{\"purpose\":\"\xff\xfe\"}".to_vec()),
        ("half a character", b"{\"\\ud800\":1}".to_vec()),
        ("nul", b"\0".to_vec()),
        ("deep", deep.into_bytes()),
        ("deep objects", deep_objects.into_bytes()),
        ("a list", b"[]".to_vec()),
        ("a number", b"5".to_vec()),
        ("null", b"null".to_vec()),
        ("a huge number", huge.into_bytes()),
    ];
    for route in desk.routes().await.into_iter().filter(Route::takes_json) {
        for (what, body) in &bodies {
            let headers = [("content-type", "application/json")];
            let answer = desk.send(&route.method, &route.path, &headers, body.clone()).await;
            let mut codes = vec!["INVALID_JSON", "VALIDATION_FAILED"];
            closed(&route, &mut codes);
            desk.expect(&format!("{}, {what}", route.name), &answer, &codes, None);
        }
        let media = [("content-type", "text/plain")];
        let answer = desk.send(&route.method, &route.path, &media, b"{\"a\":1}".to_vec()).await;
        desk.expect(&format!("{}, text", route.name), &answer, &["UNSUPPORTED_MEDIA_TYPE"], None);
        let headers = [("content-type", "application/json")];
        let answer = desk.send(&route.method, &route.path, &headers, vec![b' '; 1024 * 1024 + 1]).await;
        desk.expect(&format!("{}, over a MiB", route.name), &answer, &["BODY_TOO_LARGE"], None);
    }
    desk.close("bodies that are no JSON").await;
}

/// Some routes do not even look at what they are sent: founding is closed.
fn closed(route: &Route, codes: &mut Vec<&str>) {
    if route.name == "POST /api/v1/setup" {
        codes.push("NOT_FOUND");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_field_of_a_wrong_kind_is_named() {
    let mut desk = Desk::open().await;
    let document = desk.document().await;
    for route in desk.routes().await.into_iter().filter(Route::takes_json) {
        let schema = &route.operation["requestBody"]["content"]["application/json"]["schema"];
        let schema = resolve(&document, schema);
        let open = schema["additionalProperties"] != json!(false);
        for (field, kind) in schema["properties"].as_object().unwrap_or(&Map::new()) {
            for value in wrong_values(&document, kind) {
                let mut body = json!({});
                body[field] = value.clone();
                let answer = desk.json(&route, &body).await;
                let what = format!("{}, {field}: {value}", route.name);
                // What may hold fields of its own choosing is looked at as a whole.
                let pointer = (!open).then(|| format!("/{field}"));
                desk.expect(&what, &answer, &BAD_BODY, pointer.as_deref());
            }
        }
        for field in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            let answer = desk.json(&route, &json!({})).await;
            let what = format!("{}, without {field} and the others", route.name);
            let pointer = (!open).then(|| format!("/{field}"));
            desk.expect(&what, &answer, &BAD_BODY, pointer.as_deref());
        }
        if !open {
            let answer = desk.json(&route, &json!({"inconnu": 1})).await;
            let what = format!("{}, an unknown field", route.name);
            desk.expect(&what, &answer, &["VALIDATION_FAILED"], Some("/inconnu"));
        }
    }
    desk.close("fields of a wrong kind").await;
}

fn resolve<'a>(document: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// Values of every kind that the schema does not name.
fn wrong_values(document: &Value, schema: &Value) -> Vec<Value> {
    let mut named = Vec::new();
    kinds(document, schema, &mut named);
    let values = [
        ("string", json!("\u{1f4a5}")),
        ("integer", json!(-5.5)),
        ("boolean", json!(true)),
        ("array", json!([[]])),
        ("object", json!({"x": {}})),
    ];
    values
        .into_iter()
        .filter(|(kind, _)| !named.iter().any(|name| name == kind))
        .map(|(_, value)| value)
        .collect()
}

fn kinds(document: &Value, schema: &Value, named: &mut Vec<String>) {
    let schema = resolve(document, schema);
    match &schema["type"] {
        Value::String(kind) => named.push(kind.clone()),
        Value::Array(kinds) => named.extend(kinds.iter().filter_map(|kind| kind.as_str().map(str::to_owned))),
        _ => {}
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for part in schema[key].as_array().into_iter().flatten() {
            kinds(document, part, named);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn texts_too_short_too_long_or_unreadable_are_named() {
    let mut desk = Desk::open().await;
    let here = desk.world.espoir.id;
    let long = "x".repeat(3000);
    let member = |field: &str, value: &str| {
        let mut body = json!({"organizationId": here, "givenName": "A", "familyName": "B"});
        body[field] = json!(value);
        body
    };
    let expense = |field: &str, value: &str| {
        let mut body = desk.president.expense(10);
        body[field] = json!(value);
        body
    };
    let mut cases = Vec::new();
    for value in ["", "   ", &long, "a\u{0}b"] {
        cases.push(("/members", "givenName", member("givenName", value)));
        cases.push(("/members", "familyName", member("familyName", value)));
    }
    for value in ["", "12", "+225 abc", &long] {
        cases.push(("/members", "phone", member("phone", value)));
        cases.push(("/members", "email", member("email", value)));
        cases.push(("/members", "memberNumber", member("memberNumber", &format!("{value} ?"))));
    }
    for value in ["ACTIF", "LEFT", "SUSPENDED", ""] {
        cases.push(("/members", "status", member("status", value)));
    }
    for value in ["2999-01-01", "hier", "31/12/2020", "2020-02-30"] {
        cases.push(("/members", "joinedOn", member("joinedOn", value)));
    }
    for value in ["", "ab", &long, "\u{202e}\u{200b}"] {
        cases.push(("/finance/approvals", "purpose", expense("purpose", value)));
        let broadcast = json!({"organizationId": here, "message": value});
        cases.push(("/notifications/broadcast", "message", broadcast));
    }
    for value in ["DÉPENSE", "expense", ""] {
        cases.push(("/finance/approvals", "transactionType", expense("transactionType", value)));
    }
    let broadcast = |field: &str, value: Value| {
        let mut body = json!({"organizationId": here, "message": "Bonjour"});
        body[field] = value;
        body
    };
    cases.push(("/notifications/broadcast", "roles", broadcast("roles", json!([]))));
    cases.push(("/notifications/broadcast", "severity", broadcast("severity", json!("FORT"))));
    cases.push(("/notifications/read", "upTo", json!({"organizationId": here, "upTo": 9_999_999})));
    cases.push(("/notifications/read", "upTo", json!({"organizationId": here, "upTo": -1})));
    for (path, field, body) in cases {
        let headers = [("content-type", "application/json")];
        let path = format!("/api/v1{path}");
        let answer =
            desk.send(&"POST".parse().unwrap(), &path, &headers, body.to_string().into_bytes()).await;
        let text: String = body[field].to_string().chars().take(40).collect();
        let pointer = format!("/{field}");
        desk.expect(&format!("{path} {field}: {text}"), &answer, &["VALIDATION_FAILED"], Some(&pointer));
    }
    desk.close("texts and codes").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_bad_parameter_of_a_query_is_named() {
    let mut desk = Desk::open().await;
    let document = desk.document().await;
    for route in desk.routes().await {
        let parameters = route.parameters("query");
        let required: Vec<String> = parameters
            .iter()
            .filter(|(_, required, _)| *required)
            .map(|(name, ..)| format!("{name}={}", desk.world.espoir.id))
            .collect();
        for (name, is_required, schema) in &parameters {
            let others: Vec<&str> = required
                .iter()
                .filter(|pair| !pair.starts_with(&format!("{name}=")))
                .map(String::as_str)
                .collect();
            let schema = resolve(&document, schema);
            for bad in bad_texts(name, schema) {
                let query = [others.clone(), vec![&format!("{name}={bad}")]].concat().join("&");
                let answer = desk.send(&route.method, &format!("{}?{query}", route.path), &[], vec![]).await;
                let codes = ["INVALID_REQUEST", "VALIDATION_FAILED"];
                desk.expect(&format!("{} ?{query}", route.name), &answer, &codes, Some(name));
            }
            if *is_required {
                let query = others.join("&");
                let answer = desk.send(&route.method, &format!("{}?{query}", route.path), &[], vec![]).await;
                desk.expect(
                    &format!("{} without {name}", route.name),
                    &answer,
                    &["INVALID_REQUEST"],
                    Some(name),
                );
            }
        }
    }
    desk.close("queries").await;
}

fn bad_texts(name: &str, schema: &Value) -> Vec<&'static str> {
    match (name, schema["type"].as_str()) {
        ("limit", _) => vec!["0", "201", "-1", "x", "1.5", "", "99999999999999999999999"],
        ("organizationId", _) => vec!["x", "", "%00", "0199c5d2-7f00-7abc-8def", "%ff"],
        ("search", _) => vec![],
        ("ids", _) => vec!["x", "0199c5d2-7f00-7abc-8def-0123456789ab,y"],
        ("status", _) => vec!["ACTIF", "active", "%ff"],
        (_, Some("boolean")) => vec!["oui", "2", ""],
        ("after", Some("integer")) => vec!["x", "-1", "1.5", "99999999999999999999999"],
        ("after", _) => vec!["x", "%00", "AAAA", "bm9u"],
        (other, kind) => panic!("say what is wrong for `{other}` ({kind:?})"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_id_that_is_none_names_nothing() {
    let mut desk = Desk::open().await;
    let document = desk.document().await;
    for (template, operations) in document["paths"].as_object().unwrap() {
        if !template.contains("{id}") {
            continue;
        }
        for method in operations.as_object().unwrap().keys() {
            let method = method.to_uppercase().parse().unwrap();
            for bad in ["x", "%00", "%2e%2e", "%ff", "0199c5d2", &"9".repeat(5000), "null", "'%20OR%201=1--"]
            {
                let path = template.replace("{id}", bad).replace("{role}", "AUDITOR");
                let answer = desk.send(&method, &path, &[], b"{}".to_vec()).await;
                let bad: String = bad.chars().take(20).collect();
                desk.expect(&format!("{method} {template} {bad}"), &answer, &["NOT_FOUND"], None);
            }
        }
    }
    desk.close("ids that are none").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_and_versions_that_are_none_are_refused_before_anything_happens() {
    let mut desk = Desk::open().await;
    for route in desk.routes().await {
        let headers = route.parameters("header");
        let find = |name: &str| headers.iter().find(|(known, ..)| known == name);
        if let Some((_, required, _)) = find("Idempotency-Key") {
            for bad in [
                "court",
                &"x".repeat(201),
                "avec des espaces",
                "accentu\u{e9}-cle",
                "aaaaaaaaaaaa",
                "12345678",
            ] {
                let headers = [("idempotency-key", bad)];
                let answer = desk.send(&route.method, &route.path, &headers, vec![]).await;
                let pointer = Some("Idempotency-Key");
                desk.expect(
                    &format!("{}, key `{bad:.20}`", route.name),
                    &answer,
                    &["INVALID_REQUEST"],
                    pointer,
                );
            }
            if *required {
                let answer = desk.send(&route.method, &route.path, &[("idempotency-key", "")], vec![]).await;
                desk.expect(&format!("{}, no key", route.name), &answer, &["IDEMPOTENCY_KEY_REQUIRED"], None);
            }
        }
        if find("If-Match").is_some() {
            for bad in ["\"999999\"", "W/\"999999\"", "abc", "\"-1\""] {
                let headers = [("if-match", bad), ("content-type", "application/json")];
                let answer = desk.send(&route.method, &route.path, &headers, body_of(&route)).await;
                desk.expect(&format!("{}, If-Match {bad}", route.name), &answer, &["STALE_VERSION"], None);
            }
        }
    }
    desk.close("keys and versions").await;
}

/// A body that is fine, so that only the version is wrong.
fn body_of(route: &Route) -> Vec<u8> {
    let body = match route.name.rsplit('/').next().unwrap_or_default() {
        "reject" => json!({"reason": "Trop cher"}),
        "approval-policy" => json!({"bands": [], "levels": {}}),
        "{id}" if route.name.contains("/members/") => json!({"givenName": "Autre"}),
        "{id}" if route.name.contains("/organizations/") => json!({"name": "Autre"}),
        "{id}" if route.name.contains("/approvals/") => json!({"amount": 5}),
        _ => json!({}),
    };
    body.to_string().into_bytes()
}
