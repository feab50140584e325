//! `unionflow watch`: the dashboard of an organisation, on the Rust SDK and on nothing else of ours that a phone would not have.
//!
//! What is shown is made of values: [`figures`] says them, [`text`] and [`json`] write them as lines, and with the feature
//! `watch` there is a screen: a model that keys and news change, and what draws it. Only its shell knows a terminal.

mod bars;
mod figures;
mod json;
#[cfg(feature = "watch")]
mod keys;
mod known;
#[cfg(feature = "watch")]
mod model;
mod plain;
#[cfg(feature = "watch")]
mod screen;
#[cfg(feature = "watch")]
mod shell;
#[cfg(feature = "watch")]
mod terminal;
mod text;

use std::sync::Arc;

use unionflow_client::{
    Address, ClientError, RealtimeClient,
    rest::{ApprovalsQuery, InOrganization, RestClient},
};
use unionflow_protocol::{
    Language,
    id::OrganizationId,
    limits,
    rest::{
        Page,
        approval::Approval,
        dashboard::{Kpis, Stats},
    },
};

pub(crate) use json::follow as follow_as_json;
pub(crate) use plain::follow as follow_as_text;
#[cfg(feature = "watch")]
pub(crate) use shell::on_screen;

use crate::sign_in::Tokens;

/// Whose dashboard is shown, to whom, and how the server is reached.
#[derive(Clone)]
pub(crate) struct Viewer {
    pub(crate) language: Language,
    pub(crate) organization_id: OrganizationId,
    pub(crate) organization: String,
    #[cfg(feature = "watch")]
    login: String,
    pub(crate) rest: RestClient,
    tokens: Tokens,
}

/// Everything that a dashboard shows, fetched once.
pub(crate) struct Snapshot {
    pub(crate) stats: Stats,
    pub(crate) kpis: Kpis,
    pub(crate) approvals: Page<Approval>,
}

impl Viewer {
    /// Somebody who is signed in.
    pub(crate) fn new(
        language: Language,
        address: Address,
        place: crate::sign_in::Place,
        kept: &crate::sign_in::Kept,
    ) -> Self {
        let open = RestClient::new(address).in_language(language);
        let tokens = Tokens::new(place, kept.clone(), open.clone());
        Self {
            language,
            organization_id: kept.organization_id,
            organization: kept.organization.clone(),
            #[cfg(feature = "watch")]
            login: kept.login.clone(),
            rest: open.with_tokens(tokens.clone()),
            tokens,
        }
    }

    /// A connection that nobody has asked to connect yet.
    pub(crate) fn realtime(&self) -> RealtimeClient {
        RealtimeClient::builder(self.rest.address().clone(), self.tokens.clone())
            .organization(self.organization_id)
            .start()
    }

    /// The dashboard as it is now.
    pub(crate) async fn snapshot(&self) -> Result<Snapshot, ClientError> {
        let here = InOrganization::of(self.organization_id);
        let pending =
            ApprovalsQuery { limit: Some(limits::PAGE_MAX), ..ApprovalsQuery::pending(self.organization_id) };
        let (stats, kpis, approvals) = tokio::try_join!(
            self.rest.read_stats(&here),
            self.rest.read_kpis(&here),
            self.rest.approvals(&pending)
        )?;
        Ok(Snapshot { stats, kpis, approvals })
    }

    /// The dashboard as text.
    pub(crate) fn told(&self, snapshot: &Snapshot) -> String {
        text::dashboard(snapshot, &self.organization, self.language)
    }
}

/// A text of people without what would steer a terminal, or turn the text after it around.
fn harmless(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if steers(c) { '\u{fffd}' } else { c }).collect()
}

/// An event, shared between those who show it.
type Told = Arc<unionflow_client::Delivery>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_neither_steers_the_terminal_nor_turns_the_line_around() {
        assert_eq!(harmless("Chaises\u{1b}[2J\u{202e}00057\n"), "Chaises\u{fffd}[2J\u{fffd}00057\u{fffd}");
        assert_eq!(harmless("École « n° 3 »"), "École « n° 3 »");
    }
}
