//! Facts that another system sends by its service key: what may be sent stands in the key's scopes, and no [`Rules`](super::Rules)
//! are asked.

use serde_json::{Value, json};
use unionflow_protocol::{
    id::OrganizationId,
    limits,
    problem::{ErrorCode, FieldCode},
    rest::inbound::SendEvent,
    topic::Class,
};

use super::{Arrival, Fact, Letter};
use crate::{
    hint::{Foreign, Hint},
    refusal::Refusal,
    service_key::{self, KeyRight, ServiceKey},
};

/// The fact, if the key may send it to this organisation. Ids that are no UUID are mapped by the key, so that two systems that
/// count from 1 are not taken for each other; `name` stands for the event's id where it has none.
pub fn sent(
    key: &ServiceKey,
    organization: OrganizationId,
    sent: &SendEvent,
    name: Option<&str>,
    trace_parent: &str,
) -> Result<Fact, Refusal> {
    if sent.event_type.class() == Class::State {
        let facts = Hint::OneOf(service_key::facts());
        return Err(Refusal::field("/eventType", FieldCode::Invalid, facts));
    }
    key.check_in(organization, KeyRight::Inbound(sent.event_type))?;
    if sent.organization_id.is_some_and(|said| said != organization) {
        return Err(Refusal::field("/organizationId", FieldCode::Mismatch, Hint::LeaveOut));
    }
    for (pointer, text, most) in [
        ("/aggregateId", &sent.aggregate_id, limits::FOREIGN_ID_BYTES),
        ("/timestamp", &sent.timestamp, limits::FOREIGN_TIMESTAMP_BYTES),
    ] {
        if text.as_ref().is_some_and(|text| text.is_empty() || text.len() > most) {
            let hint = Hint::Characters { min: 1, max: most };
            return Err(Refusal::field(pointer, FieldCode::Invalid, hint));
        }
    }
    if sent.event_id.is_none() && name.is_none() {
        let refusal = Refusal::from(ErrorCode::InvalidRequest);
        return Err(refusal.at("/eventId", FieldCode::Required, Hint::Foreign(Foreign::EventIdOrKey)));
    }
    let source = key.id.to_string();
    let arrival = Arrival {
        place: name.unwrap_or_default(),
        key: None,
        headers: vec![("ce_source", &source), ("traceparent", trace_parent)],
        value: None,
        is_cut: false,
    };
    let body = json!({
        "eventId": sent.event_id,
        "eventType": sent.event_type,
        "aggregateId": sent.aggregate_id,
        "data": sent.data,
    });
    let Value::Object(body) = body else { return Err(ErrorCode::Internal.into()) };
    Ok(Letter { arrival: &arrival, body }.fact(sent.event_type, organization)?)
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::{
        Language, Timestamp,
        event::{EventType, members::KeyScope},
        id::{EventId, ServiceKeyId},
    };
    use uuid::Uuid;

    use super::*;
    use crate::{inbound::NAMESPACE, service_key::Scopes};

    const HERE: OrganizationId = OrganizationId::from_uuid(Uuid::from_u128(1));

    fn key(id: u128) -> ServiceKey {
        let types = vec![EventType::ContributionPaid, EventType::UserNotification];
        ServiceKey {
            id: ServiceKeyId::from_uuid(Uuid::from_u128(id)),
            organization_id: HERE,
            version: 1,
            name: "Caisse".into(),
            scopes: Scopes::parse(&[KeyScope::Inbound(types)]).unwrap(),
            created_by: None,
            created_at: Timestamp::from_millis(0),
            last_used_at: None,
            revoked_at: None,
        }
    }

    fn told(key: &ServiceKey, body: Value, name: Option<&str>) -> Result<Fact, Refusal> {
        sent(key, HERE, &serde_json::from_value(body).unwrap(), name, "")
    }

    #[test]
    fn an_id_is_the_same_each_time_and_another_systems_own() {
        let id = |key: u128, event: Value, name| {
            let body = json!({"eventType": "CONTRIBUTION_PAID", "eventId": event, "data": {}});
            told(&self::key(key), body, name).unwrap().event_id
        };
        let uuid = Uuid::from_u64_pair(0x7000, 0x8000_0000_0000_0000);
        assert_eq!(id(2, json!(uuid), None), EventId::from_uuid(uuid));
        let of_another = id(3, json!("reçu 1"), None);
        assert_ne!(id(2, json!(of_another), None), of_another, "nobody uses up another's");
        assert_eq!(id(2, json!("reçu 1"), None), id(2, json!("reçu 1"), Some("une-autre-cle")));
        assert_ne!(id(2, json!("reçu 1"), None), id(3, json!("reçu 1"), None));
        let by_name = id(2, Value::Null, Some("cle-de-caisse-1"));
        let expected =
            Uuid::new_v5(&NAMESPACE, format!("{}\ncle-de-caisse-1", Uuid::from_u128(2)).as_bytes());
        assert_eq!(by_name, EventId::from_uuid(expected));
        assert_ne!(by_name, id(2, Value::Null, Some("cle-de-caisse-2")));
    }

    #[test]
    fn whatever_is_refused_names_the_field_and_what_would_be_right() {
        let good = json!({"eventType": "CONTRIBUTION_PAID", "eventId": "1", "data": {}});
        for (field, value, code, pointer) in [
            ("eventId", json!(null), ErrorCode::InvalidRequest, "/eventId"),
            ("eventId", json!(""), ErrorCode::ValidationFailed, "/eventId"),
            ("eventId", json!("x".repeat(201)), ErrorCode::ValidationFailed, "/eventId"),
            ("aggregateId", json!("x".repeat(201)), ErrorCode::ValidationFailed, "/aggregateId"),
            ("timestamp", json!("x".repeat(65)), ErrorCode::ValidationFailed, "/timestamp"),
            ("organizationId", json!(Uuid::from_u128(9)), ErrorCode::ValidationFailed, "/organizationId"),
            ("eventType", json!("KPI_UPDATE"), ErrorCode::ValidationFailed, "/eventType"),
            ("data", json!({"amount": "500"}), ErrorCode::ValidationFailed, "/data/amount"),
            (
                "data",
                json!({"lines": [{}, {"accountId": []}]}),
                ErrorCode::ValidationFailed,
                "/data/lines/1/accountId",
            ),
            ("data", json!({"changed": ["Awa"]}), ErrorCode::ValidationFailed, "/data/changed/0"),
        ] {
            let mut body = good.clone();
            body[field] = value;
            let refusal = told(&key(2), body.clone(), None).unwrap_err();
            assert_eq!((refusal.code, &*refusal.faults[0].pointer), (code, pointer), "{body}");
            let [french, english] =
                [Language::French, Language::English].map(|language| refusal.faults[0].hint.text(language));
            assert!(!french.is_empty() && french != english || pointer == "/data/changed/0", "{french}");
        }
        let large = json!({
            "eventType": "CONTRIBUTION_PAID", "eventId": "1",
            "data": {"lines": vec![json!({"id": Uuid::from_u128(1), "accountId": Uuid::from_u128(2)}); 500],
                     "steps": vec![json!({"id": Uuid::from_u128(1), "accountId": Uuid::from_u128(2)}); 500]},
        });
        assert_eq!(told(&key(2), large, None).unwrap_err().code, ErrorCode::BodyTooLarge);
    }

    #[test]
    fn only_types_of_its_scopes_go_to_its_organisation_alone() {
        let body = |event_type: &str| json!({"eventType": event_type, "eventId": "1", "data": {}});
        let refused = told(&key(2), body("MEMBER_CREATED"), None).unwrap_err();
        assert_eq!(refused.code, ErrorCode::ScopeRequired);
        let there = OrganizationId::from_uuid(Uuid::from_u128(5));
        let sent_there =
            sent(&key(2), there, &serde_json::from_value(body("CONTRIBUTION_PAID")).unwrap(), None, "");
        assert_eq!(sent_there.unwrap_err().code, ErrorCode::NotFound);
    }
}
