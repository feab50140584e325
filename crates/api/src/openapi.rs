//! `/openapi.json`: OpenAPI 3.1, made from the table of routes and the schemas of `protocol`.

use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};
use unionflow_protocol::{Role, limits, problem::Problem};

use crate::documented::{Doc, ForSystems, Keys, Route};

/// The whole document on these routes.
pub(crate) fn document(routes: &[Route]) -> Value {
    let mut schemas = Schemas::new();
    let problem = schemas.written.subschema_for::<Problem>();
    let mut paths = Map::new();
    for route in routes {
        let operation = operation(route, &mut schemas, &problem);
        let path = paths.entry(format!("/api/v1{}", route.path)).or_insert_with(|| json!({}));
        path[route.method.as_str().to_ascii_lowercase()] = operation;
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "UnionFlow",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": TAGS.iter().map(|(name, about)| json!({ "name": name, "description": about })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas.take(),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
                "serviceKey": { "type": "http", "scheme": "bearer", "bearerFormat": "ufk_…", "description": SERVICE_KEY },
            },
        },
        "security": [{ "bearer": [] }],
    })
}

/// What clients send is described as it is read; what they are answered, as it is written: there a key that is always present
/// is required, also where its value may be null. No type is both sent and answered in two shapes (a test sees to it).
struct Schemas {
    read: SchemaGenerator,
    written: SchemaGenerator,
}

impl Schemas {
    fn new() -> Self {
        let settings = || {
            let mut settings = SchemaSettings::openapi3().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            });
            settings.transforms.clear(); // those are for OpenAPI 3.0; 3.1 takes JSON Schema as it is
            settings
        };
        Self {
            read: settings().for_deserialize().into_generator(),
            written: settings().for_serialize().into_generator(),
        }
    }

    fn take(&mut self) -> Map<String, Value> {
        let mut definitions = self.written.take_definitions(true);
        for (name, schema) in self.read.take_definitions(true) {
            definitions.entry(name).or_insert(schema);
        }
        definitions
    }
}

const DESCRIPTION: &str = "Members, contributions and finance approvals of associations, mutuals and unions, live.\n\n\
    Sign in with `POST /api/v1/auth/login` and send the access token as `Authorization: Bearer …`. Amounts are integers in \
    the currency's minor unit. Every answer says `asOfSeq` and `epoch`: open the WebSocket `/ws/dashboard` with `after` = the \
    smallest you hold, and merge by `version`. Errors are RFC 9457 problems with a stable `code`. Send `Idempotency-Key` with \
    every command; commands that move money must have one.";

const SERVICE_KEY: &str = "The key of another system, made under `/organizations/{id}/service-keys`: `ufk_`, 32 hexadecimal digits, `_`, 64 \
    hexadecimal digits. It reads what its scopes open in that one organisation, sends facts of the types that they name (`inbound:TYPE`), \
    and does nothing else; routes without this scheme answer it 403 `PERSON_REQUIRED`, those that want another scope 403 \
    `SCOPE_REQUIRED`.";

const TAGS: &[(&str, &str)] = &[
    ("auth", "Signing in and out."),
    ("me", "The person who is signed in."),
    ("realtime", "The way to the WebSocket."),
    ("organizations", "Organisations, their settings, policies and journals."),
    ("members", "Members and their roles."),
    ("finance", "Approvals and the ledger."),
    ("notifications", "The inbox."),
    ("dashboard", "The figures."),
    ("setup", "The founding of the first organisation."),
];

fn operation(route: &Route, schemas: &mut Schemas, problem: &schemars::Schema) -> Value {
    let Doc { id, summary, open, .. } = route.doc;
    let mut operation = json!({
        "operationId": id,
        "summary": summary,
        "tags": [route.path.split('/').nth(1).unwrap_or_default()],
        "parameters": parameters(route, &mut schemas.read),
        "responses": responses(route, &mut schemas.written, problem),
    });
    if open {
        operation["security"] = json!([]);
    } else {
        match route.doc.for_systems {
            ForSystems::No => {}
            ForSystems::Reads(right) => {
                operation["security"] = json!([{ "bearer": [] }, { "serviceKey": [right.to_string()] }]);
            }
            ForSystems::Sends => operation["security"] = json!([{ "serviceKey": ["inbound"] }]),
        }
    }
    if let Some((schema, media)) = route.doc.body {
        let schema = schema(&mut schemas.read);
        let required = media != "application/json" || needs_a_key(&schema, &schemas.read);
        operation["requestBody"] =
            json!({ "required": required, "content": { media: { "schema": schema } } });
    }
    operation
}

/// An empty body is read as `{}`: it must be there only where that is refused.
fn needs_a_key(schema: &schemars::Schema, generator: &SchemaGenerator) -> bool {
    let name = schema.get("$ref").and_then(|path| path.as_str()?.rsplit('/').next());
    let body = name.and_then(|name| generator.definitions().get(name)?.get("required"));
    body.and_then(Value::as_array).is_some_and(|required| !required.is_empty())
}

fn parameters(route: &Route, generator: &mut SchemaGenerator) -> Vec<Value> {
    let mut parameters = Vec::new();
    for name in route.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        let schema = match name {
            "role" => generator.subschema_for::<Role>().to_value(),
            _ => json!({ "type": "string", "format": "uuid" }),
        };
        parameters.push(json!({ "name": name, "in": "path", "required": true, "schema": schema }));
    }
    for param in &route.doc.query {
        parameters.push(json!({
            "name": param.name, "in": "query", "required": param.required, "description": param.about,
            "schema": (param.schema)(generator),
        }));
    }
    if route.takes_key() {
        parameters.push(json!({
            "name": "Idempotency-Key", "in": "header", "required": route.doc.keys == Keys::Needed,
            "description": match route.doc.keys {
                Keys::AsId => "Stands for the event's id where the body gives none: needed then.",
                Keys::None | Keys::Taken | Keys::TakenWithSecret | Keys::Needed => {
                    "Makes a repeat of the command safe: it gets the same answer. Kept 30 days."
                }
            },
            "schema": {
                "type": "string",
                "minLength": limits::IDEMPOTENCY_KEY_BYTES.start(),
                "maxLength": limits::IDEMPOTENCY_KEY_BYTES.end(),
            },
        }));
    }
    if route.takes_version() {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": false,
            "description": "The `ETag` you saw; 412 if the resource has changed since.",
            "schema": { "type": "string" },
        }));
    }
    parameters
}

fn responses(route: &Route, generator: &mut SchemaGenerator, problem: &schemars::Schema) -> Value {
    let mut responses = Map::new();
    for (status, about, schema) in &route.doc.answers {
        let mut response = json!({ "description": about });
        if let Some(schema) = schema {
            response["content"] = json!({ "application/json": { "schema": schema(generator) } });
        }
        responses.insert(status.to_string(), response);
    }
    let problem = json!({
        "description": "Refused: a problem with a stable `code`.",
        "content": { "application/problem+json": { "schema": problem } },
    });
    responses.insert("default".to_owned(), problem);
    Value::Object(responses)
}

#[cfg(test)]
mod tests;
