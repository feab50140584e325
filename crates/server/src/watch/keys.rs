//! What a key means, where the person is.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// Where the person is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Looking at everything.
    Looking,
    /// Reading which keys there are.
    Helped,
    /// About to vote for a request.
    Approving,
    /// Writing why a request is rejected.
    Rejecting,
}

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    Quit,
    Help,
    Refresh,
    /// The other list takes the keys that move.
    OtherList,
    /// So many lines further; before, where it is less than zero.
    Move(isize),
    First,
    Last,
    Approve,
    Reject,
    Confirm,
    Cancel,
    Type(char),
    Erase,
    EraseAll,
}

/// Lines of a page.
const PAGE: isize = 5;

/// What a key means there.
pub(super) fn command(key: KeyEvent, mode: Mode) -> Option<Command> {
    let with_control = key.modifiers.contains(KeyModifiers::CONTROL);
    if with_control && matches!(key.code, KeyCode::Char('c' | 'C')) {
        return Some(Command::Quit);
    }
    match (mode, key.code) {
        (Mode::Rejecting, KeyCode::Char('u' | 'U')) if with_control => Some(Command::EraseAll),
        (_, KeyCode::Char(_)) if with_control => None,
        (Mode::Looking, code) => looking(code),
        (Mode::Helped, KeyCode::Char('q')) => Some(Command::Quit),
        (Mode::Helped, _) => Some(Command::Cancel),
        (_, KeyCode::Esc) => Some(Command::Cancel),
        (_, KeyCode::Enter) => Some(Command::Confirm),
        // Yes in both languages, and no.
        (Mode::Approving, KeyCode::Char('o' | 'O' | 'y' | 'Y')) => Some(Command::Confirm),
        (Mode::Approving, KeyCode::Char('n' | 'N' | 'q')) => Some(Command::Cancel),
        (Mode::Approving, _) => None,
        (Mode::Rejecting, KeyCode::Char(c)) => Some(Command::Type(c)),
        (Mode::Rejecting, KeyCode::Backspace) => Some(Command::Erase),
        (Mode::Rejecting, _) => None,
    }
}

fn looking(code: KeyCode) -> Option<Command> {
    Some(match code {
        KeyCode::Char('q') => Command::Quit,
        KeyCode::Char('?' | 'h') | KeyCode::F(1) => Command::Help,
        KeyCode::Char('g') | KeyCode::F(5) => Command::Refresh,
        KeyCode::Tab | KeyCode::BackTab => Command::OtherList,
        KeyCode::Up | KeyCode::Char('k') => Command::Move(-1),
        KeyCode::Down | KeyCode::Char('j') => Command::Move(1),
        KeyCode::PageUp => Command::Move(-PAGE),
        KeyCode::PageDown => Command::Move(PAGE),
        KeyCode::Home => Command::First,
        KeyCode::End => Command::Last,
        KeyCode::Char('a') => Command::Approve,
        KeyCode::Char('r') => Command::Reject,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pressed(code: KeyCode, mode: Mode) -> Option<Command> {
        command(KeyEvent::new(code, KeyModifiers::NONE), mode)
    }

    #[test]
    fn letters_are_commands_until_a_reason_is_written() {
        assert_eq!(pressed(KeyCode::Char('a'), Mode::Looking), Some(Command::Approve));
        assert_eq!(pressed(KeyCode::Char('q'), Mode::Looking), Some(Command::Quit));
        for c in ['a', 'r', 'q', 'o', 'é', ' '] {
            assert_eq!(pressed(KeyCode::Char(c), Mode::Rejecting), Some(Command::Type(c)));
        }
    }

    #[test]
    fn a_vote_needs_a_yes_and_control_c_leaves_from_everywhere() {
        assert_eq!(pressed(KeyCode::Char('a'), Mode::Approving), None, "the same key twice is no yes");
        assert_eq!(pressed(KeyCode::Enter, Mode::Approving), Some(Command::Confirm));
        for mode in [Mode::Looking, Mode::Helped, Mode::Approving, Mode::Rejecting] {
            let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
            assert_eq!(command(key, mode), Some(Command::Quit));
        }
    }
}
