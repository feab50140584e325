//! JSON Schemas (2020-12) of everything on the wire, for `docs/schemas/`.

use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

use crate::{
    event::{EventType, data_schemas},
    frame::{ClientFrame, Control},
    problem::Problem,
    topic::Class,
};

/// Every schema by its file name below `docs/schemas/`, each complete in itself.
pub fn all() -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for event_type in EventType::ALL {
        files.insert(format!("events/{event_type}.json"), event(*event_type));
    }
    files.insert(
        "frames/client.json".to_owned(),
        complete("A frame from a client", |g| g.subschema_for::<ClientFrame>()),
    );
    files.insert("frames/control.json".to_owned(), complete("A control frame", control));
    files.insert(
        "problem.json".to_owned(),
        complete("A refusal (RFC 9457)", |g| g.subschema_for::<Problem>()),
    );
    files
}

/// The schema of one type of event, envelope included. Unknown keys are allowed: readers tolerate them.
fn event(event_type: EventType) -> Value {
    complete(&format!("{event_type} on {}", event_type.topic()), |generator| {
        let data = data_schemas(generator)
            .into_iter()
            .find_map(|(t, schema)| (t == event_type).then_some(schema))
            .expect("the catalogue lists every type");
        envelope(event_type, &data)
    })
}

fn envelope(event_type: EventType, data: &Schema) -> Schema {
    let uuid = json!({ "type": "string", "format": "uuid" });
    let nullable_uuid = json!({ "type": ["string", "null"], "format": "uuid" });
    let seq = json!({ "type": "integer", "minimum": 0 });
    let mut properties = json!({
        "eventId": uuid,
        "eventType": { "const": event_type.as_str() },
        "organizationId": uuid,
        "timestamp": { "type": "string", "format": "date-time" },
        "aggregateId": uuid,
        "aggregateVersion": { "type": ["integer", "null"], "minimum": 1 },
        "actorId": nullable_uuid,
        "serviceKeyId": nullable_uuid,
        "origin": { "enum": crate::Origin::ALL.iter().map(|origin| origin.as_str()).collect::<Vec<_>>() },
        "causationId": nullable_uuid,
        "data": data,
    });
    let place: &[&str] = match event_type.class() {
        Class::Fact => {
            properties["seq"] = seq;
            &["seq"]
        }
        Class::State => {
            properties["asOfSeq"] = seq;
            properties["asOfDate"] = json!({ "type": "string", "format": "date" });
            &["asOfSeq", "asOfDate"]
        }
    };
    let mut required = vec![
        "eventId",
        "eventType",
        "organizationId",
        "timestamp",
        "aggregateId",
        "aggregateVersion",
        "actorId",
        "origin",
        "causationId",
        "data",
    ];
    required.extend(place);
    schemars::json_schema!({ "type": "object", "properties": properties, "required": required })
}

fn control(generator: &mut SchemaGenerator) -> Schema {
    let control = generator.subschema_for::<Control>();
    schemars::json_schema!({
        "allOf": [control],
        "type": "object",
        "properties": {
            "organizationId": { "type": "string", "format": "uuid" },
            "timestamp": { "type": "string", "format": "date-time" },
        },
        "required": ["timestamp"],
    })
}

fn complete(title: &str, build: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let root = build(&mut generator);
    let mut value = root.to_value();
    let mut definitions = generator.take_definitions(true);
    retain_reachable(&value, &mut definitions);
    value["$schema"] = json!("https://json-schema.org/draft/2020-12/schema");
    value["title"] = json!(title);
    if !definitions.is_empty() {
        value["$defs"] = Value::Object(definitions);
    }
    value
}

/// Leaves out definitions that nothing refers to: each file is complete and no more.
fn retain_reachable(root: &Value, definitions: &mut serde_json::Map<String, Value>) {
    let mut reachable = std::collections::BTreeSet::new();
    let mut open = Vec::new();
    references(root, &mut open);
    while let Some(name) = open.pop() {
        if let (true, Some(definition)) = (reachable.insert(name.clone()), definitions.get(&name)) {
            references(definition, &mut open);
        }
    }
    definitions.retain(|name, _| reachable.contains(name));
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                match (key.as_str(), inner) {
                    ("$ref", Value::String(path)) => {
                        found.extend(path.strip_prefix("#/$defs/").map(str::to_owned));
                    }
                    _ => references(inner, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// The schema of a type, its definitions gathered in the generator: for OpenAPI.
pub fn of<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}
