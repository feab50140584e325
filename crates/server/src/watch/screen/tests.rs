//! Screens, as text.

use std::time::Duration;

use crossterm::event::KeyCode;
use unionflow_client::{ClientError, ErrorKind};

use super::*;
use crate::watch::model::{
    Input,
    tests::{approval, dashboard, give, looking, press, vote},
};

const PLAIN: Palette = Palette { colours: false };

fn drawn(model: &Model, palette: Palette, width: u16, height: u16) -> Buffer {
    let mut buffer = Buffer::empty(Rect::new(0, 0, width, height));
    draw(model, palette, buffer.area, &mut buffer);
    buffer
}

fn shown(model: &Model) -> String {
    text(&drawn(model, PLAIN, 80, 24))
}

/// Compares with a file; with `UNIONFLOW_CODEGEN=1` writes it.
#[track_caller]
fn is_the_screen(name: &str, model: &Model) {
    let file = format!("{}/src/watch/screen/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = shown(model) + "\n";
    if std::env::var_os("UNIONFLOW_CODEGEN").is_some() {
        std::fs::write(&file, &text).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text, "{file} differs from\n{text}");
}

#[test]
fn everything_is_on_80_columns_and_24_lines_in_both_languages() {
    for (language, name) in [(Language::French, "dashboard.fr"), (Language::English, "dashboard.en")] {
        let mut model = looking(language);
        give(&mut model, Input::Told(vote(3077, 12)));
        is_the_screen(name, &model);
    }
}

#[test]
fn a_vote_and_a_reason_are_asked_for_above_the_rest() {
    let mut model = looking(Language::French);
    press(&mut model, KeyCode::Char('a'));
    is_the_screen("approve.fr", &model);
    press(&mut model, KeyCode::Esc);
    press(&mut model, KeyCode::Char('r'));
    "Deux devis d’abord.".chars().for_each(|c| drop(press(&mut model, KeyCode::Char(c))));
    is_the_screen("reject.fr", &model);
    press(&mut model, KeyCode::Esc);
    press(&mut model, KeyCode::Char('?'));
    is_the_screen("help.fr", &model);
}

#[test]
fn whoever_decides_sees_the_whole_request_also_where_it_is_as_long_as_may_be() {
    let purpose = format!("{}fin.", "Réparation du toit ; ".repeat(24));
    let mut model = looking(Language::French);
    give(&mut model, Input::Dashboard(dashboard(vec![approval(12, 75_000, &purpose, None)])));
    for key in ['a', 'r'] {
        press(&mut model, KeyCode::Esc);
        press(&mut model, KeyCode::Char(key));
        let screen = shown(&model);
        assert!(screen.contains("fin. »") && screen.contains("Peuvent voter : président"), "{screen}");
        assert!(screen.contains("Entrée :"), "{screen}");
    }
}

#[test]
fn a_voter_is_warned_of_a_single_signature_and_of_a_code_that_was_shown() {
    let mut model = looking(Language::English);
    let mut request = approval(12, 75_000, "Chaises", None);
    request.terms.policy.single_signature = true;
    request.terms.code_givers = vec![request.requester_id];
    give(&mut model, Input::Dashboard(dashboard(vec![request])));
    press(&mut model, KeyCode::Char('a'));
    let screen = shown(&model);
    for warning in ["Single signature:", "Beware: a code to the account", "was shown to", "Clarisse Exemple"]
    {
        assert!(screen.contains(warning), "{screen}");
    }
}

#[test]
fn every_kind_of_error_has_its_own_line_on_the_screen_in_both_languages() {
    for language in [Language::French, Language::English] {
        let mut lines = std::collections::BTreeSet::new();
        for kind in ErrorKind::ALL {
            let reason = || ClientError::new(*kind);
            let waiting =
                ConnectionStatus::Waiting { reason: reason(), retry_in: Duration::from_secs(4), attempt: 2 };
            for status in [waiting, ConnectionStatus::Stopped { reason: reason() }] {
                let mut model = looking(language);
                give(&mut model, Input::Connection(status));
                let screen = shown(&model);
                let line = screen.lines().nth(1).unwrap().to_owned();
                assert_eq!(line, format!("! {}", kind.text(language)), "{screen}");
                lines.insert(line);
            }
            let mut model = looking(language);
            give(&mut model, Input::Dashboard(DashboardState::Failure { error: reason(), kept: None }));
            assert!(shown(&model).contains(kind.text(language)), "{}", shown(&model));
        }
        assert_eq!(lines.len(), ErrorKind::ALL.len(), "each its own");
    }
}

#[test]
fn what_there_was_stays_on_the_screen_while_the_server_is_away() {
    let mut model = looking(Language::English);
    let kept = match &model.dashboard {
        DashboardState::Loaded(dashboard) => Some(dashboard.clone()),
        _ => None,
    };
    let error = ErrorKind::BadGateway.into();
    give(&mut model, Input::Dashboard(DashboardState::Failure { error, kept }));
    let reason = ErrorKind::Broken.into();
    let retry_in = Duration::from_secs(4);
    give(&mut model, Input::Connection(ConnectionStatus::Waiting { reason, retry_in, attempt: 1 }));
    is_the_screen("offline.en", &model);
}

#[test]
fn without_colours_none_is_used_and_the_same_is_said() {
    let mut model = looking(Language::French);
    press(&mut model, KeyCode::Char('a'));
    let (plain, coloured) = (drawn(&model, PLAIN, 80, 24), drawn(&model, Palette { colours: true }, 80, 24));
    assert!(plain.content().iter().all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset)));
    assert!(coloured.content().iter().any(|cell| cell.fg != Color::Reset));
    assert_eq!(text(&plain), text(&coloured));
}

#[test]
fn no_size_of_a_terminal_makes_it_fail() {
    let mut model = looking(Language::French);
    give(&mut model, Input::Told(vote(3077, 12)));
    for key in [None, Some('a'), Some('r'), Some('?')] {
        press(&mut model, KeyCode::Esc);
        key.map(|key| press(&mut model, KeyCode::Char(key)));
        for width in (0..=240).step_by(7) {
            for height in (0..=90).step_by(3) {
                drawn(&model, PLAIN, width, height);
            }
        }
    }
    assert!(text(&drawn(&model, PLAIN, 40, 10)).starts_with("Fenêtre trop petite"));
}

#[test]
fn a_large_terminal_shows_more_of_everything() {
    let screen = text(&drawn(&looking(Language::English), PLAIN, 160, 60));
    for word in ["cash box", "bank", "mobile money", "Approved", "Executed"] {
        assert!(screen.contains(word), "{screen}");
    }
}
