//! Whatever comes: every event that a schema allows is read and written again, what later versions add is passed over, and
//! no bytes make a reader panic.

use std::sync::LazyLock;

use jsonschema::Validator;
use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Map, Value, json};
use unionflow_protocol::{
    Audience, Envelope, EventType, Role, RoleSet, View,
    frame::{ClientFrame, ControlFrame},
    id::MemberId,
    schema,
};
use uuid::Uuid;

use crate::{
    samples::{self, Sample},
    schemas::validator,
};

/// Building them takes longer than using them.
static SCHEMAS: LazyLock<Vec<(EventType, Value, Validator)>> = LazyLock::new(|| {
    let all = schema::all();
    let of = |event_type: &EventType| {
        let schema = all[&format!("events/{event_type}.json")].clone();
        let validator = validator(&schema);
        (*event_type, schema, validator)
    };
    EventType::ALL.iter().map(of).collect()
});

static SAMPLES: LazyLock<Vec<Sample>> = LazyLock::new(samples::all);

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// The data is made from the committed schema, not from the types: so the schema promises nothing that a reader refuses.
    #[test]
    fn every_event_that_its_schema_allows_is_read_and_written_again(seed in vec(any::<u32>(), 512)) {
        for (event_type, schema, validator) in SCHEMAS.iter() {
            let made = Maker { root: schema, seed: &seed, next: event_type.as_str().len() }.make(schema);
            let bytes = made.to_string();
            let envelope = Envelope::decode(bytes.as_bytes()).map_err(|error| TestCaseError::fail(format!("{error}: {bytes}")))?;
            prop_assert_eq!(envelope.event.event_type(), Some(*event_type), "{}", bytes);
            let written = envelope.encode();
            prop_assert_eq!(&Envelope::decode(&written).unwrap(), &envelope);
            prop_assert_eq!(Envelope::decode(&written).unwrap().encode(), written.clone());
            let written: Value = serde_json::from_slice(&written).unwrap();
            prop_assert!(validator.is_valid(&written), "{}", written);
        }
    }

    #[test]
    fn unknown_keys_change_nothing_wherever_they_stand(at in any::<u32>(), key in "[a-z]{1,8}Of[A-Z][a-z]{1,8}") {
        for sample in SAMPLES.iter() {
            let mut value: Value = serde_json::from_slice(&sample.envelope.encode()).unwrap();
            let objects = count_objects(&value);
            insert(&mut value, &mut (at as usize % objects), &key);
            let read = Envelope::decode(value.to_string().as_bytes()).unwrap();
            prop_assert_eq!(&read, &sample.envelope, "{} with {}", sample.name, key);
        }
    }

    #[test]
    fn an_unknown_type_is_kept_as_it_came(event_type in "[A-Z]{3,12}_OF_[A-Z]{3,12}", n in any::<i64>()) {
        let sample = &SAMPLES[0];
        let mut value: Value = serde_json::from_slice(&sample.envelope.encode()).unwrap();
        value["eventType"] = json!(event_type);
        value["data"] = json!({ "n": n, "list": [n, null] });
        let read = Envelope::decode(value.to_string().as_bytes()).unwrap();
        prop_assert_eq!(read.event.event_type(), None);
        prop_assert_eq!(read.event.type_name(), event_type);
        prop_assert_eq!(serde_json::from_slice::<Value>(&read.encode()).unwrap(), value);
    }

    #[test]
    fn an_audience_is_written_and_read_back(audience in any_audience()) {
        prop_assert_eq!(audience.to_string().parse::<Audience>(), Ok(audience));
    }

    /// A union admits exactly those whom one of its terms admits.
    #[test]
    fn a_union_admits_whom_one_of_its_terms_admits(audience in any_audience(), n in 0u128..6, roles in any_roles()) {
        let text = audience.to_string();
        let term_admits = text.split(';').any(|term| term.parse::<Audience>().unwrap().admits(member(n), roles));
        prop_assert_eq!(audience.admits(member(n), roles), term_admits, "{}", text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4096, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_bytes_never_make_a_reader_panic(bytes in vec(any::<u8>(), 0..256)) {
        read_everything(&bytes);
    }

    #[test]
    fn arbitrary_text_never_makes_a_reader_panic(text in "\\PC{0,64}") {
        read_everything(text.as_bytes());
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_envelope_never_makes_a_reader_panic(at in any::<u32>(), byte in any::<u8>(), cut in any::<bool>()) {
        for sample in SAMPLES.iter() {
            let mut bytes = sample.envelope.encode().to_vec();
            let at = at as usize % bytes.len();
            if cut { bytes.truncate(at) } else { bytes[at] = byte }
            read_everything(&bytes);
        }
    }
}

fn read_everything(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::decode(bytes) {
        let written = envelope.encode();
        assert_eq!(Envelope::decode(&written).unwrap(), envelope);
    }
    if let Some(frame) = ControlFrame::decode(bytes) {
        let written = frame.encode();
        assert_eq!(ControlFrame::decode(&written).unwrap().encode(), written);
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        if let Ok(frame) = ClientFrame::parse(text) {
            assert_eq!(ClientFrame::parse(&serde_json::to_string(&frame).unwrap()), Ok(frame));
        }
        let _ = text.parse::<Audience>();
    }
}

fn member(n: u128) -> MemberId {
    MemberId::from_uuid(Uuid::from_u128(n))
}

fn any_roles() -> impl Strategy<Value = RoleSet> {
    vec(select(Role::ALL), 0..4).prop_map(|roles| roles.into_iter().collect())
}

fn any_audience() -> impl Strategy<Value = Audience> {
    let base = prop_oneof![
        Just(Audience::none()),
        Just(Audience::everyone()),
        any_roles().prop_map(Audience::roles),
        select(View::ALL).prop_map(Audience::view),
    ];
    (base, vec(0u128..6, 0..4))
        .prop_map(|(base, members)| members.into_iter().fold(base, |a, n| a.and_member(member(n))))
}

/// Objects that may hold keys of later versions: all but maps, whose keys are codes.
fn count_objects(value: &Value) -> usize {
    match value {
        Value::Object(object) => {
            1 + object
                .iter()
                .filter(|(key, _)| *key != "levels")
                .map(|(_, v)| count_objects(v))
                .sum::<usize>()
        }
        Value::Array(items) => items.iter().map(count_objects).sum(),
        _ => 0,
    }
}

/// Puts the key into the n-th object; counts down to it.
fn insert(value: &mut Value, n: &mut usize, key: &str) -> bool {
    match value {
        Value::Object(object) => {
            if *n == 0 {
                object.insert(key.to_owned(), json!({ "later": [1, "deux", null] }));
                return true;
            }
            *n -= 1;
            object.iter_mut().filter(|(key, _)| *key != "levels").any(|(_, inner)| insert(inner, n, key))
        }
        Value::Array(items) => items.iter_mut().any(|inner| insert(inner, n, key)),
        _ => false,
    }
}

/// Makes a value that a schema of ours allows, from numbers drawn beforehand.
struct Maker<'a> {
    root: &'a Value,
    seed: &'a [u32],
    next: usize,
}

impl Maker<'_> {
    fn draw(&mut self) -> u32 {
        self.next += 1;
        self.seed[self.next % self.seed.len()].rotate_left(u32::try_from(self.next % 31).unwrap())
    }

    fn below(&mut self, n: usize) -> usize {
        self.draw() as usize % n
    }

    fn make(&mut self, schema: &Value) -> Value {
        if let Some(path) = schema["$ref"].as_str() {
            let root = self.root;
            return self.make(root.pointer(path.trim_start_matches('#')).expect("references resolve"));
        }
        if let Some(value) = schema.get("const") {
            return value.clone();
        }
        if let Some(codes) = schema["enum"].as_array() {
            return codes[self.below(codes.len())].clone();
        }
        let choices = schema["anyOf"].as_array().or_else(|| schema["oneOf"].as_array());
        let chosen = choices.map(|choices| {
            let chosen = self.below(choices.len());
            self.make(&choices[chosen])
        });
        match (chosen, schema["properties"].is_object()) {
            (Some(Value::Object(chosen)), true) => {
                let mut object = self.object(schema);
                object.extend(chosen);
                Value::Object(object)
            }
            (Some(chosen), false) => chosen,
            _ => self.of_type(schema),
        }
    }

    fn of_type(&mut self, schema: &Value) -> Value {
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds[self.below(kinds.len())].as_str(),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") | None => Value::Object(self.object(schema)),
            Some("array") => {
                let least = schema["minItems"].as_u64().unwrap_or(0);
                let most = schema["maxItems"].as_u64().unwrap_or(3);
                let count = least + u64::from(self.draw()) % (most - least + 1);
                let items = (0..count).map(|_| self.make(&schema["items"])).collect::<Vec<_>>();
                if schema["uniqueItems"] == true { unique(items) } else { Value::Array(items) }
            }
            Some("integer") => {
                let least = schema["minimum"].as_i64().unwrap_or(-1_000);
                let most = schema["maximum"].as_i64().unwrap_or(1_000_000);
                match self.below(4) {
                    0 => json!(least),
                    1 => json!(most),
                    _ => json!(i64::from(self.draw() % 100).clamp(least, most)),
                }
            }
            Some("boolean") => json!(self.below(2) == 1),
            Some("string") => Value::String(self.string(schema)),
            _ => Value::Null,
        }
    }

    fn object(&mut self, schema: &Value) -> Map<String, Value> {
        let required = schema["required"].as_array().cloned().unwrap_or_default();
        let mut object = Map::new();
        for (key, property) in schema["properties"].as_object().into_iter().flatten() {
            if required.iter().any(|name| name == key) || self.below(2) == 1 {
                object.insert(key.clone(), self.make(property));
            }
        }
        object
    }

    fn string(&mut self, schema: &Value) -> String {
        if let Some(examples) = schema["examples"].as_array().filter(|_| schema["pattern"].is_string()) {
            return examples[self.below(examples.len())].as_str().unwrap().to_owned();
        }
        match (schema["format"].as_str(), schema["pattern"].as_str()) {
            (Some("uuid"), _) => {
                Uuid::from_u128(u128::from(self.draw()) << 64 | u128::from(self.draw())).to_string()
            }
            (Some("date"), _) => {
                format!("{:04}-{:02}-{:02}", 1970 + self.below(200), 1 + self.below(12), 1 + self.below(28))
            }
            (Some("date-time"), _) => format!(
                "20{:02}-06-{:02}T10:15:30.{:03}Z",
                self.below(100),
                1 + self.below(28),
                self.below(1000)
            ),
            (_, Some("^[0-9a-f]{64}$")) => format!("{:08x}", self.draw()).repeat(8),
            (_, Some("^[0-9]{4}-[0-9]{2}$")) => format!("2026-{:02}", 1 + self.below(12)),
            (_, Some(pattern)) => panic!("no strings are made for {pattern}"),
            _ if schema["examples"].is_array() => schema["examples"][0].as_str().unwrap().to_owned(),
            _ => format!("{:04}", self.draw() % 10_000),
        }
    }
}

fn unique(items: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for item in items {
        if !kept.contains(&item) {
            kept.push(item);
        }
    }
    Value::Array(kept)
}
