//! The terminal: taken when the screen begins, and given back as it was however the program ends, by a panic too.

use std::io::{self, Stdout, stdout};

use crossterm::{
    cursor::{Hide, Show},
    event::{DisableBracketedPaste, EnableBracketedPaste},
    execute,
    terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode},
};
use ratatui::{Terminal, backend::CrosstermBackend, buffer::Buffer, layout::Rect};

/// The terminal while it is ours.
pub(super) struct Taken {
    terminal: Terminal<CrosstermBackend<Stdout>>,
}

/// Gives it back when it is dropped, also where taking it went only half way.
struct GiveBack;

impl Taken {
    /// Takes the terminal.
    pub(super) fn take() -> io::Result<Self> {
        give_back_on_panic();
        let half = GiveBack;
        enable_raw_mode()?;
        execute!(stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide)?;
        let terminal = Terminal::new(CrosstermBackend::new(stdout()))?;
        std::mem::forget(half);
        Ok(Self { terminal })
    }

    /// Shows what this draws.
    pub(super) fn draw(&mut self, draw: impl FnOnce(Rect, &mut Buffer)) -> io::Result<()> {
        self.terminal.draw(|frame| draw(frame.area(), frame.buffer_mut()))?;
        Ok(())
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

impl Drop for GiveBack {
    fn drop(&mut self) {
        give_back();
    }
}

fn give_back() {
    // Where one of them cannot be written, nobody is there to see the others.
    let _ = execute!(stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = disable_raw_mode();
}

/// Whichever task panics: the message is read on a terminal that is as it was, and the program ends.
fn give_back_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        give_back();
        before(panic);
        std::process::exit(101);
    }));
}

#[cfg(test)]
#[path = "../../tests/watch/pty.rs"]
#[expect(dead_code, reason = "shared with tests that type more")]
mod pty;

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{Taken, pty::Pty};

    /// Set in the process of the test that is to panic.
    const PANICS: &str = "UNIONFLOW_TEST_PANICS_IN_A_TERMINAL";

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_panic_in_any_task_gives_the_terminal_back_and_is_read_there() {
        if std::env::var_os(PANICS).is_some() {
            let mut terminal = Taken::take().unwrap();
            terminal
                .draw(|area, buffer| buffer.set_string(area.x, area.y, "drawn", ratatui::style::Style::new()))
                .unwrap();
            let _ = tokio::spawn(async { panic!("something that cannot be") }).await;
            unreachable!("the program has ended");
        }
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "watch::terminal::tests::a_panic_in_any_task_gives_the_terminal_back_and_is_read_there";
        command.args(["--exact", name, "--nocapture"]).env(PANICS, "1");
        let mut pty = Pty::start(&command, 80, 24);
        assert_eq!(pty.ends().await.code(), Some(101));
        let left = pty.sees(&["something that cannot be"]).await;
        assert!(!left.is_screen && !left.is_cursor_hidden && pty.is_as_shells_expect(), "{left:?}");
    }
}
