//! JSON Schemas (2020-12) of everything on the wire, for `docs/schemas/`.
//!
//! What the server writes is described as it is written: a key that is always there is required, also where its value may
//! be null. What a client writes is described as it is read. Unknown keys are allowed everywhere: readers tolerate them.

use std::collections::{BTreeMap, BTreeSet};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    event::{EventType, data_schemas},
    frame::{ClientFrame, Control, Welcome},
    id::{AggregateId, EventId, MemberId, OrganizationId, ServiceKeyId},
    limits,
    origin::Origin,
    problem::Problem,
    seq::Seq,
    time::{Date, Timestamp},
    topic::Class,
};

mod sight;

/// The dialect of every schema.
pub const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// Every schema by its file name below `docs/schemas/`, each complete in itself, and `index.json`, which lists them.
pub fn all() -> BTreeMap<String, Value> {
    let mut files = BTreeMap::new();
    for event_type in EventType::ALL {
        files.insert(event_file(*event_type), event(*event_type));
    }
    for (name, schema) in variants::<Control>(written(), control) {
        files.insert(format!("control/{name}.json"), schema);
    }
    for (name, schema) in variants::<ClientFrame>(read(), |_, name, variant| client(name, variant)) {
        files.insert(format!("client/{name}.json"), schema);
    }
    files.insert(
        "problem.json".to_owned(),
        complete("A refusal (RFC 9457)", written(), |g| g.subschema_for::<Problem>()),
    );
    files.insert("index.json".to_owned(), index(&files));
    files
}

/// The file of an event's schema, below `docs/schemas/`.
fn event_file(event_type: EventType) -> String {
    format!("events/{event_type}.json")
}

fn written() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

fn read() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_deserialize().into_generator()
}

/// What there is, for programs: each event with its topic, class, aggregate and readers, and the other files.
fn index(files: &BTreeMap<String, Value>) -> Value {
    let events: Map<String, Value> = EventType::ALL
        .iter()
        .map(|event_type| {
            let about = json!({
                "schema": event_file(*event_type),
                "topic": event_type.topic(),
                "class": event_type.class(),
                "aggregate": event_type.aggregate(),
                "audience": sight::of(event_type.readers()),
            });
            (event_type.to_string(), about)
        })
        .collect();
    let below = |folder: &str| {
        let named = |file: &String| {
            let name = file.strip_prefix(folder)?.strip_suffix(".json")?;
            Some((name.to_owned(), json!({ "schema": file })))
        };
        Value::Object(files.keys().filter_map(named).collect())
    };
    json!({
        "events": events,
        "control": below("control/"),
        "client": below("client/"),
        "problem": { "schema": "problem.json" },
    })
}

/// The schema of one type of event, envelope included.
fn event(event_type: EventType) -> Value {
    let title = format!("{event_type} on {}", event_type.topic());
    complete(&title, written(), |generator| envelope(event_type, generator))
}

fn envelope(event_type: EventType, generator: &mut SchemaGenerator) -> Schema {
    let data = data_schemas(generator)
        .into_iter()
        .find_map(|(t, schema)| (t == event_type).then_some(schema))
        .expect("the catalogue lists every type");
    let mut properties = json!({
        "eventId": described::<EventId>("Unique; what readers deduplicate by when they have no `seq`.", generator),
        "eventType": { "const": event_type.as_str() },
        "organizationId": described::<OrganizationId>("The organisation. Nothing ever crosses organisations.", generator),
        "timestamp": described::<Timestamp>("When it was recorded, by the store's clock.", generator),
        "aggregateId": described::<AggregateId>("What it is about; the key of its Kafka record.", generator),
        "aggregateVersion": {
            "description": "Which version of that this event made; null for states and for facts of other systems.",
            "type": ["integer", "null"], "minimum": 1,
        },
        "actorId": nullable::<MemberId>(
            "The member who caused it; null for schedule, inbound, operator and service key.", generator,
        ),
        "serviceKeyId": nullable::<ServiceKeyId>("The service key that caused it; else left out.", generator),
        "origin": described::<Origin>("What caused it.", generator),
        "causationId": nullable::<EventId>("The event that caused this one, or the batch of an import that it is a row of; null where nothing did.", generator),
        "data": data,
    });
    let place: &[&str] = match event_type.class() {
        Class::Fact => {
            properties["seq"] = json!({
                "description": "Its place in the organisation's journal: 1, 2, 3 … without gaps.",
                "type": "integer", "minimum": 1,
            });
            &["seq"]
        }
        Class::State => {
            properties["asOfSeq"] = described::<Seq>("The newest event it includes.", generator);
            let about =
                "The day, in the organisation's time zone, that \"this month\" and \"overdue\" refer to.";
            properties["asOfDate"] = described::<Date>(about, generator);
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
    let about = format!(
        "A {} on `{}` about {} `aggregateId`. Seen by: {}.",
        event_type.class(),
        event_type.topic(),
        event_type.aggregate(),
        sight::of(event_type.readers())
    );
    schemars::json_schema!({
        "description": about, "type": "object", "properties": properties, "required": required,
    })
}

fn described<T: JsonSchema>(about: &str, generator: &mut SchemaGenerator) -> Value {
    let mut schema = generator.subschema_for::<T>().to_value();
    schema["description"] = json!(about);
    schema
}

fn nullable<T: JsonSchema>(about: &str, generator: &mut SchemaGenerator) -> Value {
    let schema = generator.subschema_for::<T>();
    json!({ "description": about, "anyOf": [schema, { "type": "null" }] })
}

/// The kinds of an enum of frames, each as a schema of its own under its name on the wire.
fn variants<T: JsonSchema>(
    mut generator: SchemaGenerator,
    mut shape: impl FnMut(&mut SchemaGenerator, &str, Value) -> Schema,
) -> Vec<(String, Value)> {
    let all = T::json_schema(&mut generator).to_value();
    let tag = |variant: &Value| {
        let properties = &variant["properties"];
        ["type", "eventType"].iter().find_map(|key| properties[*key]["const"].as_str()).map(str::to_owned)
    };
    let kinds = all["oneOf"].as_array().cloned().unwrap_or_default();
    let named = kinds.into_iter().filter_map(|variant| Some((tag(&variant)?, variant)));
    named
        .map(|(name, variant)| {
            let title = format!("The frame `{name}`");
            let schema = complete(&title, generator.clone(), |g| shape(g, &name, variant));
            (name, schema)
        })
        .collect()
}

/// A control frame has the shape of an event, as far as it has the same to say.
fn control(generator: &mut SchemaGenerator, name: &str, mut variant: Value) -> Schema {
    if name == "SYSTEM_WELCOME" {
        let stats = envelope(EventType::DashboardStatsUpdate, generator);
        let about = "The newest `DASHBOARD_STATS_UPDATE` of the session's view, as a whole envelope; null before there is one.";
        if let Some(welcome) = generator.definitions_mut().get_mut(&*Welcome::schema_name()) {
            welcome["properties"]["stats"] =
                json!({ "description": about, "anyOf": [stats, { "type": "null" }] });
        }
    }
    let organization = "The organisation the session follows; left out before there is one.";
    variant["properties"]["organizationId"] = described::<OrganizationId>(organization, generator);
    variant["properties"]["timestamp"] = described::<Timestamp>("When it was sent.", generator);
    variant["required"] = json!(["eventType", "data", "timestamp"]);
    schema(variant)
}

fn client(name: &str, mut variant: Value) -> Schema {
    let bare = if name == "ping" { " The bare text `ping` and a WebSocket ping say the same." } else { "" };
    let about = variant["description"].as_str().unwrap_or_default();
    variant["description"] =
        json!(format!("{about}{bare} A frame has at most {} bytes.", limits::CLIENT_FRAME_BYTES));
    schema(variant)
}

fn schema(value: Value) -> Schema {
    Schema::try_from(value).expect("an object is a schema")
}

fn complete(
    title: &str,
    mut generator: SchemaGenerator,
    build: impl FnOnce(&mut SchemaGenerator) -> Schema,
) -> Value {
    let mut value = build(&mut generator).to_value();
    let mut definitions = generator.take_definitions(true);
    retain_reachable(&value, &mut definitions);
    tidy(&mut value);
    definitions.values_mut().for_each(tidy);
    value["$schema"] = json!(DIALECT);
    value["title"] = json!(title);
    if !definitions.is_empty() {
        value["$defs"] = Value::Object(definitions);
    }
    value
}

/// Lines of a doc comment become paragraphs; a map whose keys are codes takes codes of later versions too.
fn tidy(value: &mut Value) {
    match value {
        Value::Object(object) => {
            if object.get("additionalProperties") == Some(&Value::Bool(false)) {
                object.remove("additionalProperties");
            }
            if let Some(Value::String(text)) = object.get_mut("description") {
                *text = paragraphs(text);
            }
            object.values_mut().for_each(tidy);
        }
        Value::Array(items) => items.iter_mut().for_each(tidy),
        _ => {}
    }
}

fn paragraphs(text: &str) -> String {
    let joined = text.split("\n\n").map(|paragraph| {
        if paragraph.starts_with("- ") { paragraph.to_owned() } else { paragraph.replace('\n', " ") }
    });
    joined.collect::<Vec<_>>().join("\n\n")
}

/// Leaves out definitions that nothing refers to: each file is complete and no more.
fn retain_reachable(root: &Value, definitions: &mut Map<String, Value>) {
    let mut reachable = BTreeSet::new();
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

/// The schema of an enum of stable codes: the codes, and what each means.
pub(crate) fn of_codes(about: &[&str], codes: &[(&str, &[&str])]) -> Schema {
    let mut text = sentence(about);
    let meanings: Vec<String> = codes
        .iter()
        .filter(|(_, meaning)| !meaning.is_empty())
        .map(|(code, meaning)| format!("- `{code}`: {}", sentence(meaning)))
        .collect();
    if !meanings.is_empty() {
        text = format!("{text}\n\n{}", meanings.join("\n"));
    }
    let codes: Vec<&str> = codes.iter().map(|(code, _)| *code).collect();
    schemars::json_schema!({ "description": text, "type": "string", "enum": codes })
}

/// The lines of a doc comment as one text.
pub(crate) fn sentence(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ").trim().to_owned()
}
