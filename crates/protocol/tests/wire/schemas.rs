//! The schemas: fresh, valid, complete, and as tolerant as the readers.

use jsonschema::Validator;
use serde_json::{Value, json};
use unionflow_protocol::{EventType, schema};

use crate::generated::check_folder;

/// The validator of a schema, formats checked too.
pub(crate) fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).expect("a schema of ours is valid")
}

#[test]
fn generated_schemas_are_fresh() {
    check_folder("../../docs/schemas", &schema::all());
}

#[test]
fn every_schema_is_valid_and_names_its_dialect() {
    for (file, schema) in schema::all().iter().filter(|(file, _)| *file != "index.json") {
        assert_eq!(schema["$schema"], schema::DIALECT, "{file}");
        assert!(schema["title"].is_string(), "{file}");
        if let Err(error) = jsonschema::meta::validate(schema) {
            panic!("{file}: {error}");
        }
        validator(schema);
    }
}

#[test]
fn every_event_and_frame_has_a_schema_and_the_index_names_each() {
    let files = schema::all();
    let index = &files["index.json"];
    for event_type in EventType::ALL {
        let about = &index["events"][event_type.as_str()];
        assert_eq!(about["topic"], event_type.topic().as_str());
        assert_eq!(about["class"], event_type.class().as_str());
        assert!(files.contains_key(about["schema"].as_str().unwrap()), "{event_type}");
    }
    let named = |section: &str| index[section].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    let control = [
        "SYSTEM_CAUGHT_UP",
        "SYSTEM_ERROR",
        "SYSTEM_GO_AWAY",
        "SYSTEM_PONG",
        "SYSTEM_RESYNC_REQUIRED",
        "SYSTEM_RIGHTS_CHANGED",
        "SYSTEM_WELCOME",
    ];
    assert_eq!(named("control"), control);
    assert_eq!(named("client"), ["ack", "authenticate", "ping", "switch"]);
    assert_eq!(files.len(), EventType::ALL.len() + 7 + 4 + 2);
}

/// Every key of an event and of a frame says in words what it is; what counts or measures says its unit there.
#[test]
fn every_key_is_described() {
    let mut bare = Vec::new();
    for (file, schema) in schema::all().iter().filter(|(file, _)| *file != "index.json") {
        bare_keys(schema, schema, file, &mut bare);
    }
    assert_eq!(bare, Vec::<String>::new());
}

fn bare_keys(root: &Value, value: &Value, place: &str, bare: &mut Vec<String>) {
    if let Some(properties) = value["properties"].as_object() {
        for (name, property) in properties {
            let definition = property["$ref"].as_str().and_then(|path| root.pointer(path.strip_prefix('#')?));
            let described = |schema: &Value| schema["description"].is_string();
            let said =
                described(property) || definition.is_some_and(described) || property.get("const").is_some();
            if !said {
                bare.push(format!("{place}/{name}"));
            }
        }
    }
    match value {
        Value::Object(object) => {
            object.iter().for_each(|(key, inner)| bare_keys(root, inner, &format!("{place}/{key}"), bare));
        }
        Value::Array(items) => items.iter().for_each(|inner| bare_keys(root, inner, place, bare)),
        _ => {}
    }
}

#[test]
fn no_schema_refuses_a_key_that_it_does_not_know() {
    for (file, schema) in schema::all() {
        assert!(!schema.to_string().contains(r#""additionalProperties":false"#), "{file}");
        assert!(!schema.to_string().contains("unevaluatedProperties"), "{file}");
    }
}

#[test]
fn a_schema_refuses_what_the_type_refuses() {
    let files = schema::all();
    let refused = |file: &str, frame: Value| {
        assert!(!validator(&files[file]).is_valid(&frame), "{file} takes {frame}");
    };
    refused("client/ack.json", json!({"type": "ack"}));
    refused("client/ack.json", json!({"type": "ack", "seq": -1}));
    refused("client/switch.json", json!({"type": "switch", "organizationId": "here"}));
    refused("control/SYSTEM_PONG.json", json!({"eventType": "SYSTEM_PONG", "data": {"seq": 1}}));
    refused("events/APPROVAL_APPROVED.json", json!({"eventType": "APPROVAL_APPROVED", "data": {}}));
}
