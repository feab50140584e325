//! Every field of a body that cannot be read: a parser stops at the first, and people would have to send again for each one.

use serde_json::Value;
use unionflow_domain::Fault;

/// Fields that are looked for at the most; each costs another reading.
const LISTED_MAX: usize = 32;

/// All faults of a body, of which the parser has found the first. `read` says what it stumbles over in what is left once a
/// fault is taken out.
pub(crate) fn all(
    first: Fault,
    mut body: Value,
    mut read: impl FnMut(&Value) -> Option<Fault>,
) -> Vec<Fault> {
    let mut faults: Vec<Fault> = vec![first];
    let mut next = faults[0].pointer.clone();
    for _ in 0..LISTED_MAX {
        if !take_out(&mut body, &next) {
            break;
        }
        let Some(fault) = read(&body) else { break };
        // What we took out ourselves is missing now; then what it belongs to goes too.
        let known = faults
            .iter()
            .any(|known| known.pointer.starts_with(&fault.pointer) || known.pointer == fault.pointer);
        next = match (known, fault.pointer.rsplit_once('/')) {
            (true, Some((above, _))) => above.to_owned(),
            (true, None) => break,
            (false, _) => fault.pointer.clone(),
        };
        if !known {
            faults.push(fault);
        }
    }
    faults
}

/// Takes a value out of a body, with the list that it is in; whether there was anything to take.
fn take_out(body: &mut Value, pointer: &str) -> bool {
    let Some((above, name)) = pointer.rsplit_once('/') else { return false };
    match body.pointer_mut(above) {
        Some(Value::Object(fields)) => fields.remove(name).is_some(),
        Some(Value::Array(_)) => take_out(body, above),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::{problem::FieldCode, rest::organization::Setup};

    use crate::{body, documented::BodySchema};

    fn faults(text: &str) -> Vec<(String, FieldCode)> {
        let failure = body::parse::<Setup>(text.as_bytes(), BodySchema::default()).unwrap_err();
        let problem = failure.problem(unionflow_protocol::Language::French, "");
        problem.errors.into_iter().map(|error| (error.pointer, error.code)).collect()
    }

    #[test]
    fn every_value_of_the_wrong_kind_is_told_at_once_however_deep_it_stands() {
        let found = faults(
            r#"{"code":"c","name":7,"currency":"francs","president":{"givenName":1,"familyName":"K","login":[],
                "password":"x"},"treasurer":{"givenName":"I","familyName":false,"login":"i","password":"y"},
                "openingBalances":{"cash":"10,5","bank":"-5","mobileMoney":"dix mille"},"unknown":1}"#,
        );
        let pointers: Vec<&str> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        for pointer in [
            "/name",
            "/currency",
            "/president/givenName",
            "/treasurer/familyName",
            "/openingBalances/cash",
            "/openingBalances/bank",
            "/openingBalances/mobileMoney",
            "/unknown",
        ] {
            assert!(pointers.contains(&pointer), "{pointer}: {pointers:?}");
        }
        assert_eq!(faults(r#"{"code":"c","name":7}"#).len(), 1, "{:?}", faults(r#"{"code":"c","name":7}"#));
    }
}
