//! Looks at the topics that are there, and makes nothing.

use rdkafka::{
    admin::{AdminOptions, ResourceSpecifier},
    error::KafkaError,
};
use unionflow_protocol::Topic;

use super::{Difference, Differs, PATIENCE, suffices, wanted};
use crate::kafka::Settings;

/// What differs of these topics.
pub(in crate::kafka) async fn look(
    settings: &Settings,
    there: &[Topic],
) -> Result<Vec<Difference>, KafkaError> {
    if there.is_empty() {
        return Ok(Vec::new());
    }
    let options = AdminOptions::new().request_timeout(Some(PATIENCE));
    let resources: Vec<ResourceSpecifier<'_>> =
        there.iter().map(|topic| ResourceSpecifier::Topic(topic.as_str())).collect();
    let described = settings.admin()?.describe_configs(&resources, &options).await?;
    let mut differences = Vec::new();
    // One that we may not describe is one that we can use all the same.
    for (topic, config) in
        there.iter().zip(described).filter_map(|(topic, config)| Some((*topic, config.ok()?)))
    {
        for (name, wanted) in wanted(topic, settings) {
            let Some(found) = config.get(name).and_then(|entry| entry.value.clone()) else { continue };
            if !suffices(name, &wanted, &found) {
                differences.push(Difference { topic, differs: Differs::Setting { name, wanted, found } });
            }
        }
    }
    Ok(differences)
}
