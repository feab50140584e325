//! `unionflow watch`: the dashboard, on a screen, as lines, or once.

use unionflow_client::{Address, ErrorKind};
use unionflow_protocol::Language;

use super::{
    Failure, block_on,
    login::{choose, failed, place},
};
use crate::{
    cli,
    out::outln,
    sign_in::Kept,
    watch::{self, Viewer},
};

pub(crate) fn run(language: Language, asked: &cli::Watch) -> Result<(), Failure> {
    let place = place(language)?;
    let kept =
        place.load().map_err(|error| Failure::Other(format!("{}: {error}", place.file().display())))?;
    let signed_out = || failed(language, &ErrorKind::SignInRequired.into());
    let kept: Kept = kept.ok_or_else(signed_out)?;
    let address: Address = kept.url.parse().map_err(|_| signed_out())?;
    block_on(async {
        let mut viewer = Viewer::new(language, address, place, &kept);
        if let Some(wanted) = &asked.organization {
            let me = viewer.rest.me().await.map_err(|error| failed(language, &error))?;
            let membership = choose(language, &me.organizations, Some(wanted))?;
            viewer.organization_id = membership.organization_id;
            viewer.organization.clone_from(&membership.name);
        }
        show(&viewer, asked).await
    })
}

async fn show(viewer: &Viewer, asked: &cli::Watch) -> Result<(), Failure> {
    #[cfg(feature = "watch")]
    if !asked.once && !asked.json && can_draw() {
        return watch::on_screen(viewer).await.map_err(|error| Failure::Other(error.to_string()));
    }
    let ended = if asked.once {
        match viewer.snapshot().await {
            Ok(snapshot) => {
                outln!("{}", viewer.told(&snapshot));
                return Ok(());
            }
            Err(error) => error,
        }
    } else if asked.json {
        watch::follow_as_json(viewer).await
    } else {
        watch::follow_as_text(viewer).await
    };
    Err(failed(viewer.language, &ended))
}

/// Whether there is a terminal that can place text.
#[cfg(feature = "watch")]
fn can_draw() -> bool {
    use std::io::IsTerminal;
    let dumb = std::env::var("TERM").is_ok_and(|term| term == "dumb" || term.is_empty());
    !dumb && std::io::stdout().is_terminal() && std::io::stdin().is_terminal()
}
