//! What other systems may send, as it is set.

use unionflow_domain::inbound::{Rules, Source, Types};
use unionflow_protocol::{Class, EventType, Topic, id::OrganizationId};

use super::{ConfigFault, Settings};

/// The name by which our own records go: nobody else's.
const OURS: &str = "unionflow";

impl Settings {
    /// Which topics are looked at for facts of other systems.
    pub fn inbound_topics(&self) -> Vec<Topic> {
        let business: &[Topic] = if self.kafka_ingest_business_topics { &Topic::BUSINESS } else { &[] };
        [&[Topic::Inbound], business].concat()
    }

    /// What other systems may send.
    pub fn inbound_rules(&self) -> Result<Rules, ConfigFault> {
        let mut rules = Rules::default();
        for entry in &self.inbound_organizations {
            let (name, id) = entry.rsplit_once('=').ok_or_else(|| wrong_organization(entry))?;
            let id: OrganizationId = id.trim().parse().map_err(|_| wrong_organization(entry))?;
            let name = name.trim().to_owned();
            if name.is_empty() || rules.organizations.insert(name, id).is_some_and(|other| other != id) {
                return Err(wrong_organization(entry));
            }
        }
        let sources: Result<_, _> = self.inbound_sources.iter().map(|entry| source(entry, &rules)).collect();
        rules.sources = sources?;
        Ok(rules)
    }
}

/// `SOURCE=TYPES[@ORGANISATIONS]`. A source may be a URI, with `=` in it.
fn source(entry: &str, rules: &Rules) -> Result<Source, ConfigFault> {
    let wrong = |french: &str, english: &str| {
        ConfigFault::new("inbound_sources", format!("`{entry}` : {french}"), format!("`{entry}`: {english}"))
    };
    let (name, rest) =
        entry.rsplit_once('=').filter(|(name, _)| !name.trim().is_empty()).ok_or_else(|| {
            wrong(
                "il faut SOURCE=TYPES, comme caisse=CONTRIBUTION_PAID ou caisse=*@org-123",
                "it must be SOURCE=TYPES, such as cashdesk=CONTRIBUTION_PAID or cashdesk=*@org-123",
            )
        })?;
    if name.trim() == OURS {
        return Err(wrong("`unionflow` est notre propre nom", "`unionflow` is our own name"));
    }
    let (types, organizations) = match rest.split_once('@') {
        Some((types, organizations)) => (types, Some(organizations)),
        None => (rest, None),
    };
    let listed = |text: &str| text.split(',').map(|part| part.trim().to_owned()).collect::<Vec<_>>();
    let types = if types.trim() == "*" {
        Types::All
    } else {
        let fact = |name: String| {
            let found = name.parse::<EventType>().ok().filter(|found| found.class() == Class::Fact);
            found.ok_or_else(|| {
                wrong(
                    &format!("`{name}` n’est pas un type de fait du catalogue (docs/schemas), ni `*`"),
                    &format!("`{name}` is no type of a fact in the catalogue (docs/schemas), nor `*`"),
                )
            })
        };
        Types::Only(listed(types).into_iter().map(fact).collect::<Result<_, _>>()?)
    };
    let known = |name: String| {
        rules.organization(&name).ok_or_else(|| {
            wrong(
                &format!(
                    "`{name}` n’est ni l’identifiant d’une organisation, ni un nom de inbound_organizations"
                ),
                &format!("`{name}` is neither the id of an organisation nor a name in inbound_organizations"),
            )
        })
    };
    let organizations = organizations.map(|names| listed(names).into_iter().map(known).collect());
    Ok(Source { name: name.trim().to_owned(), types, organizations: organizations.transpose()? })
}

fn wrong_organization(entry: &str) -> ConfigFault {
    ConfigFault::new(
        "inbound_organizations",
        format!("`{entry}` : il faut NOM=IDENTIFIANT, comme org-123=0199c500-…, chaque nom une seule fois"),
        format!("`{entry}`: it must be NAME=ID, such as org-123=0199c500-…, each name once"),
    )
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::Language;

    use super::*;

    const ID: &str = "0199c500-0000-7000-8000-000000000001";

    fn with(organizations: &[&str], sources: &[&str]) -> Settings {
        let owned = |list: &[&str]| list.iter().map(|entry| (*entry).to_owned()).collect();
        Settings {
            inbound_organizations: owned(organizations),
            inbound_sources: owned(sources),
            ..Settings::default()
        }
    }

    #[test]
    fn sources_and_organisations_are_read_as_they_are_written() {
        let mapping = format!("org-123={ID}");
        let entries = ["plain=*@org-123", "https://paie.example/x?a=b=CONTRIBUTION_PAID, MEMBER_CREATED"];
        let rules = with(&[&mapping], &entries).inbound_rules().expect("good rules");
        let id: OrganizationId = ID.parse().expect("an id");
        assert_eq!(rules.organization("org-123"), Some(id));
        assert_eq!(rules.sources[0].organizations, Some(vec![id]));
        assert_eq!(rules.sources[1].name, "https://paie.example/x?a=b");
        let types = vec![EventType::ContributionPaid, EventType::MemberCreated];
        assert_eq!((&rules.sources[1].types, &rules.sources[1].organizations), (&Types::Only(types), &None));
    }

    #[test]
    fn nothing_is_allowed_that_is_not_set_and_only_one_topic_is_looked_at() {
        let settings = Settings::default();
        assert_eq!(settings.inbound_rules(), Ok(Rules::default()));
        assert_eq!(settings.inbound_topics(), [Topic::Inbound]);
        let all = Settings { kafka_ingest_business_topics: true, ..settings };
        assert_eq!(all.inbound_topics().len(), 6);
    }

    #[test]
    fn a_wrong_entry_is_named_with_its_key_in_both_languages() {
        let twice = [format!("a={ID}"), "a=0199c500-0000-7000-8000-000000000002".to_owned()];
        let twice: Vec<&str> = twice.iter().map(String::as_str).collect();
        let cases: [(&[&str], &[&str], &str); 9] = [
            (&["org-123"], &[], "inbound_organizations"),
            (&["org-123=5"], &[], "inbound_organizations"),
            (&["=0199c500-0000-7000-8000-000000000001"], &[], "inbound_organizations"),
            (&twice, &[], "inbound_organizations"),
            (&[], &["caisse"], "inbound_sources"),
            (&[], &["=*"], "inbound_sources"),
            (&[], &["caisse=KPI_UPDATE"], "inbound_sources"),
            (&[], &["caisse=*@org-9"], "inbound_sources"),
            (&[], &["unionflow=*"], "inbound_sources"),
        ];
        for (organizations, sources, key) in cases {
            let fault = with(organizations, sources).check().expect_err("it is wrong");
            assert_eq!(fault.key(), key);
            let [french, english] =
                [Language::French, Language::English].map(|language| fault.text(language));
            assert_ne!(french, english);
        }
    }
}
