//! Every bad input has its own clear answer and changes nothing.

#![expect(clippy::unwrap_used, reason = "what is not there fails the test, in its own functions too")]

mod fields;
mod frames;
mod http;
mod limits;
mod states;

use reqwest::{Client, Method};
use serde_json::{Value, json};
use unionflow_protocol::{Role, Seq};
use unionflow_testkit::{Answer, Person, World};

/// A world, the president who asks for nonsense, and what is there to ask about.
struct Desk {
    world: World,
    president: Person,
    client: Client,
    /// What `{id}` may be, by the path before it.
    ids: Vec<(&'static str, String)>,
    /// A service key, where a path names one.
    key: String,
    /// The secret of a key that may send facts.
    sends: String,
    before: [Seq; 2],
    tried: usize,
    wrong: Vec<String>,
}

/// A route of OpenAPI.
struct Route {
    method: Method,
    /// With ids in place of the templates.
    path: String,
    name: String,
    operation: Value,
}

/// What only a parser says, and no person understands.
const INSIDE: [&str; 12] = [
    "i64", "u64", "u32", "usize", "f64", "struct ", "a string", "a map", "sequence", "invalid", "expected",
    "variant",
];

impl Desk {
    async fn open() -> Self {
        let world = World::start().await;
        let president = world.espoir(Role::President).await;
        let treasurer = world.espoir(Role::Treasurer).await;
        let request = treasurer.submit(10_000).await;
        let path = format!("/finance/accounts?organizationId={}", world.espoir.id);
        let accounts = treasurer.get(&path).await.expect(200);
        let text = |value: &Value| value["id"].as_str().unwrap().to_owned();
        let other_device = president.another_device().await;
        let sessions = other_device.get("/me/sessions").await.expect(200);
        let session = sessions["items"].as_array().unwrap().iter().find(|item| item["current"] == true);
        let member = president.add_member("Simple", "Membre").await;
        let ids = vec![
            ("/api/v1/finance/approvals/", text(&request)),
            ("/api/v1/finance/accounts/", text(&accounts["items"][0])),
            ("/api/v1/organizations/", world.espoir.id.to_string()),
            ("/api/v1/members/", text(&member)),
            ("/api/v1/me/sessions/", text(session.unwrap())),
        ];
        let keys = format!("/organizations/{}/service-keys", world.espoir.id);
        let wanted = json!({"name": "Site", "scopes": ["read:members"]});
        let key = text(&president.post(&keys, &wanted).await.expect(201));
        let wanted = json!({"name": "Caisse", "scopes": ["inbound:CONTRIBUTION_PAID"]});
        let made = president.post(&keys, &wanted).await.expect(201);
        let sends = made["secret"].as_str().unwrap().to_owned();
        let before = world.heads().await;
        Self { world, president, client: Client::new(), ids, key, sends, before, tried: 0, wrong: Vec::new() }
    }

    async fn document(&self) -> Value {
        self.president.get("/openapi.json").await.expect(200)
    }

    async fn routes(&self) -> Vec<Route> {
        let document = self.document().await;
        let mut routes = Vec::new();
        for (template, operations) in document["paths"].as_object().unwrap() {
            for (method, operation) in operations.as_object().unwrap() {
                let known = self.ids.iter().find(|(prefix, _)| template.starts_with(prefix));
                let path = known.map_or(template.clone(), |(_, id)| template.replace("{id}", id));
                let method: Method = method.to_uppercase().parse().unwrap();
                let name = format!("{method} {template}");
                let path = path.replace("{role}", "AUDITOR").replace("{keyId}", &self.key);
                routes.push(Route { method, path, name, operation: operation.clone() });
            }
        }
        routes
    }

    /// A request to the byte, signed by the president, or by a system where only one is heard, with a fresh key unless one is given.
    async fn send(&self, method: &Method, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> Answer {
        let url = format!("http://{}{path}", self.world.address());
        let mut request = self.client.request(method.clone(), url).body(body);
        let has = |name: &str| headers.iter().any(|(known, _)| *known == name);
        if !has("authorization") {
            let is_for_systems = *method == Method::POST && path.ends_with("/events");
            request = request.bearer_auth(if is_for_systems { &self.sends } else { &self.president.token });
        }
        if !has("idempotency-key") {
            request = request.header("idempotency-key", Person::fresh_key());
        }
        for (name, value) in headers.iter().filter(|(_, value)| !value.is_empty()) {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.unwrap();
        let body = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, body, text }
    }

    async fn json(&self, route: &Route, body: &Value) -> Answer {
        let headers = [("content-type", "application/json")];
        self.send(&route.method, &route.path, &headers, body.to_string().into_bytes()).await
    }

    /// Refused with a problem: one of these codes, in French, naming this field where there is one.
    fn expect(&mut self, what: &str, answer: &Answer, codes: &[&str], pointer: Option<&str>) {
        self.tried += 1;
        let problem = &answer.body;
        let media =
            answer.headers.get("content-type").is_some_and(|media| media == "application/problem+json");
        let pointers: Vec<&str> = problem["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|error| error["pointer"].as_str())
            .collect();
        let within = |pointer: &str| {
            pointers.iter().any(|named| *named == pointer || named.starts_with(&format!("{pointer}/")))
        };
        let named = pointer.is_none_or(within);
        let details = problem["errors"].as_array().into_iter().flatten();
        for detail in details.filter_map(|error| error["detail"].as_str()) {
            if INSIDE.iter().any(|inside| detail.contains(inside)) {
                self.wrong.push(format!("{what}: names of the inside, or English: {detail}"));
            }
        }
        let status = (400..500).contains(&answer.status) && problem["status"] == json!(answer.status);
        if !(media && named && status && codes.contains(&answer.code())) {
            let text: String = answer.text.chars().take(300).collect();
            self.wrong.push(format!("{what}: {} instead of {codes:?} at {pointer:?}: {text}", answer.status));
        }
    }

    fn note(&mut self, holds: bool, say: impl FnOnce() -> String) {
        self.tried += 1;
        if !holds {
            self.wrong.push(say());
        }
    }

    async fn close(self, what: &str) {
        println!("{what}: {} cases tried, {} wrong answers", self.tried, self.wrong.len());
        assert!(self.wrong.is_empty(), "{}", self.wrong.join("\n"));
        assert_eq!(self.world.heads().await, self.before, "what is refused changes nothing");
    }
}

impl Route {
    fn takes_json(&self) -> bool {
        self.operation["requestBody"]["content"].get("application/json").is_some()
    }

    /// Of the parameters in this place: name, whether it is required, schema.
    fn parameters(&self, place: &str) -> Vec<(String, bool, Value)> {
        let parameters = self.operation["parameters"].as_array().cloned().unwrap_or_default();
        let here = parameters.into_iter().filter(|parameter| parameter["in"] == place);
        here.map(|parameter| {
            let name = parameter["name"].as_str().unwrap().to_owned();
            (name, parameter["required"] == true, parameter["schema"].clone())
        })
        .collect()
    }
}
