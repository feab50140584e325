//! `unionflow login` and `unionflow logout`: a sign-in that is kept on this machine, for `unionflow watch`.

use std::{
    io::{BufRead, IsTerminal},
    time::Duration,
};

use unionflow_client::{Address, ClientError, ErrorKind, rest::RestClient};
use unionflow_domain::contact::fold;
use unionflow_protocol::{
    Language,
    member::MemberStatus,
    rest::auth::{Login, Membership, Refresh, Secret, SignedIn},
};

use super::{Failure, block_on};
use crate::{
    cli,
    out::{self, outln},
    sign_in::{Kept, Place},
};

/// How long the end of an older sign-in is waited for.
const GOODBYE: Duration = Duration::from_secs(3);

pub(crate) fn login(language: Language, asked: &cli::Login) -> Result<(), Failure> {
    let address: Address = asked.url.parse().map_err(|error| Failure::Usage(format!("--url: {error}")))?;
    let place = place(language)?;
    if !address.is_secure() && !is_this_machine(address.host()) {
        out::complain(format_args!(
            "{}\n",
            language.pick(
                "Attention : sans https, tout le monde sur le chemin peut lire le mot de passe.",
                "Beware: without https, everybody on the way can read the password.",
            )
        ));
    }
    let password = password(language, asked.password_stdin)?;
    block_on(async {
        let rest = RestClient::new(address).in_language(language);
        let login = Login { login: asked.login.clone(), password, session: None };
        let signed_in = rest.login(&login).await.map_err(|error| failed(language, &error))?;
        let kept = match chosen(language, &rest, asked, &signed_in).await {
            Ok(kept) => kept,
            Err(failure) => {
                end(&rest, signed_in.refresh_token).await;
                return Err(failure);
            }
        };
        replace(language, &place, &kept).await?;
        let as_who = language.pick("Connexion gardée :", "Signed in:");
        outln!("{as_who} {} · {} · {}", kept.login, kept.organization, kept.url);
        Ok(())
    })
}

pub(crate) fn logout(language: Language) -> Result<(), Failure> {
    let place = place(language)?;
    block_on(async {
        let lock = place.lock().map_err(|error| unwritable(language, &place, &error))?;
        let kept = place.load().map_err(|error| unwritable(language, &place, &error))?;
        // First here: whatever the server says, this machine keeps nothing.
        place.forget().map_err(|error| unwritable(language, &place, &error))?;
        drop(lock);
        let Some(kept) = kept else {
            outln!("{}", language.pick("Personne n’était connecté.", "Nobody was signed in."));
            return Ok(());
        };
        let told = match kept.url.parse() {
            Ok(address) => {
                let refresh_token = Some(kept.refresh_token);
                RestClient::new(address).in_language(language).logout(&Refresh { refresh_token }).await
            }
            Err(_) => Ok(()),
        };
        outln!("{} {}", language.pick("Déconnexion :", "Signed out:"), kept.login);
        if let Err(error) = told {
            out::complain(format_args!(
                "{} {}\n",
                error.text(language),
                language.pick(
                    "Rien n’est gardé ici, mais le serveur tient encore cette connexion pour ouverte : fermez-la depuis un autre appareil.",
                    "Nothing is kept here, but the server still takes this sign-in for open: end it from another device.",
                )
            ));
        }
        Ok(())
    })
}

/// Where sign-ins are kept.
pub(super) fn place(language: Language) -> Result<Place, Failure> {
    Place::of_this_user().ok_or_else(|| {
        let text = language.pick(
            "ni XDG_CONFIG_HOME ni HOME ne nomme de dossier où garder la connexion",
            "neither XDG_CONFIG_HOME nor HOME names a folder to keep the sign-in in",
        );
        Failure::Other(text.to_owned())
    })
}

/// What a command says when the server, or the way to it, fails.
pub(super) fn failed(language: Language, error: &ClientError) -> Failure {
    let mut text = error.text(language).to_owned();
    if let Some(todo) = error.problem().and_then(|problem| problem.detail.as_deref()) {
        text.push_str(&format!(" {todo}"));
    }
    if error.kind() == ErrorKind::SignInRequired {
        text.push_str(" `unionflow login --url URL --login NAME`");
    }
    Failure::Other(text)
}

/// The membership meant: by the organisation's id, by a part of its name, or the only one.
pub(super) fn choose<'a>(
    language: Language,
    memberships: &'a [Membership],
    wanted: Option<&str>,
) -> Result<&'a Membership, Failure> {
    let active = || memberships.iter().filter(|membership| membership.status == MemberStatus::Active);
    let folded = wanted.map(fold);
    let matching: Vec<_> = active()
        .filter(|membership| match (wanted, &folded) {
            (Some(wanted), Some(folded)) => {
                membership.organization_id.to_string() == wanted || fold(&membership.name).contains(folded)
            }
            _ => true,
        })
        .collect();
    if let [only] = matching.as_slice() {
        return Ok(only);
    }
    let mut text = match (matching.is_empty(), active().next().is_none()) {
        (_, true) => language.pick(
            "vous n’êtes membre actif d’aucune organisation",
            "you are an active member of no organisation",
        ),
        (true, _) => language.pick(
            "--organization : aucune organisation ne correspond",
            "--organization: no organisation matches",
        ),
        (false, _) => language.pick("--organization : dites laquelle", "--organization: say which"),
    }
    .to_owned();
    for membership in active() {
        text.push_str(&format!("\n  {}  {}", membership.organization_id, membership.name));
    }
    Err(Failure::Usage(text))
}

fn is_this_machine(host: &str) -> bool {
    host == "localhost" || host.parse().is_ok_and(|address: std::net::IpAddr| address.is_loopback())
}

fn password(language: Language, from_stdin: bool) -> Result<Secret, Failure> {
    let read = if from_stdin {
        let mut line = String::new();
        std::io::stdin().lock().read_line(&mut line).map(|_| line)
    } else if std::io::stdin().is_terminal() {
        rpassword::prompt_password(language.pick("Mot de passe : ", "Password: "))
    } else {
        let text = language.pick(
            "pas de terminal : donnez le mot de passe sur l’entrée standard, avec --password-stdin",
            "no terminal: give the password on standard input, with --password-stdin",
        );
        return Err(Failure::Usage(text.to_owned()));
    };
    let line = read.map_err(|error| Failure::Other(error.to_string()))?;
    Ok(Secret(line.trim_end_matches(['\n', '\r']).to_owned()))
}

async fn chosen(
    language: Language,
    rest: &RestClient,
    asked: &cli::Login,
    signed_in: &SignedIn,
) -> Result<Kept, Failure> {
    let me = rest.with_token(signed_in.access_token.0.clone()).me().await;
    let me = me.map_err(|error| failed(language, &error))?;
    let membership = choose(language, &me.organizations, asked.organization.as_deref())?;
    let Some(refresh_token) = signed_in.refresh_token.clone() else {
        return Err(failed(language, &ErrorKind::OtherVersion.into()));
    };
    Ok(Kept {
        url: rest.address().to_string(),
        login: asked.login.clone(),
        organization_id: membership.organization_id,
        organization: membership.name.clone(),
        refresh_token,
    })
}

/// Keeps a sign-in, and ends the one that was kept before.
async fn replace(language: Language, place: &Place, kept: &Kept) -> Result<(), Failure> {
    let lock = place.lock().map_err(|error| unwritable(language, place, &error))?;
    let before = place.load().ok().flatten();
    place.keep(kept).map_err(|error| unwritable(language, place, &error))?;
    drop(lock);
    if let Some(before) = before
        && let Ok(address) = before.url.parse()
    {
        end(&RestClient::new(address), Some(before.refresh_token)).await;
    }
    Ok(())
}

/// Ends a sign-in on its server, if that can be done now: it ends by itself when nobody renews it.
async fn end(rest: &RestClient, refresh_token: Option<Secret>) {
    let _ = tokio::time::timeout(GOODBYE, rest.logout(&Refresh { refresh_token })).await;
}

fn unwritable(language: Language, place: &Place, error: &std::io::Error) -> Failure {
    Failure::Other(format!("{}{}{error}", place.file().display(), language.pick(" : ", ": ")))
}

#[cfg(test)]
mod tests {
    use unionflow_protocol::{
        RoleSet, Seq,
        id::{Epoch, MemberId, OrganizationId},
        rest::AsOf,
    };

    use super::*;

    fn membership(n: u8, name: &str, status: MemberStatus) -> Membership {
        Membership {
            organization_id: OrganizationId::from_bytes([n; 16]),
            name: name.to_owned(),
            member_id: MemberId::from_bytes([n; 16]),
            status,
            roles: RoleSet::EMPTY,
            as_of: AsOf { as_of_seq: Seq(1), epoch: Epoch::from_bytes([1; 16]) },
        }
    }

    #[test]
    fn the_only_organisation_is_meant_and_of_several_the_one_that_is_named() {
        let two = [
            membership(1, "Mutuelle Espoir", MemberStatus::Active),
            membership(2, "Union Solidarité", MemberStatus::Active),
            membership(3, "Union d’hier", MemberStatus::Left),
        ];
        let id = OrganizationId::from_bytes([1; 16]).to_string();
        let named =
            |wanted| choose(Language::English, &two, wanted).map(|membership| membership.name.as_str());
        assert_eq!(named(Some("solidarite")).unwrap(), "Union Solidarité");
        assert_eq!(named(Some("union")).unwrap(), "Union Solidarité", "one that was left is no choice");
        assert_eq!(named(Some(&id)).unwrap(), "Mutuelle Espoir");
        for wanted in [None, Some("tontine")] {
            let Err(Failure::Usage(text)) = named(wanted) else { panic!("{wanted:?}") };
            assert!(text.contains("Mutuelle Espoir") && !text.contains("hier"), "{text}");
        }
        assert_eq!(choose(Language::English, &two[..1], None).unwrap().name, "Mutuelle Espoir");
        assert!(choose(Language::French, &two[2..], None).is_err());
    }
}
