//! A program in a pseudo-terminal of its own, and what a person sees there.

use std::{
    fs::File,
    io::{Read, Write},
    num::NonZeroU16,
    os::fd::OwnedFd,
    process::{Child, Command, ExitStatus},
    thread::JoinHandle,
    time::Duration,
};

use rustix::{
    fs::{Mode, OFlags},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
    termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize},
};
use tokio::{sync::watch, time::timeout};

/// How long anything may take to be seen.
const PATIENCE: Duration = Duration::from_secs(30);

/// A program in its terminal. Dropped, it is killed.
pub(crate) struct Pty {
    child: Child,
    /// What the person types.
    keys: File,
    /// The program's side, held open so that what was set there can be looked at when the program has ended.
    programs: OwnedFd,
    /// Columns and lines.
    size: watch::Sender<(u16, u16)>,
    shown: watch::Receiver<Shown>,
    reader: Option<JoinHandle<()>>,
}

/// What the terminal shows.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shown {
    /// Its lines, without what ends them.
    pub(crate) text: String,
    /// Whether a screen covers what was there before.
    pub(crate) is_screen: bool,
    pub(crate) is_cursor_hidden: bool,
    pub(crate) has_colours: bool,
}

impl Pty {
    /// Starts a program with what this command says of its arguments and environment, in a session of its own that this
    /// terminal controls.
    pub(crate) fn start(command: &Command, columns: u16, lines: u16) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let programs = rustix::fs::open(name, flags, Mode::empty()).unwrap();
        let end = || programs.try_clone().unwrap();
        let mut within = Command::new("setsid");
        within.arg("--ctty").arg(command.get_program()).args(command.get_args()).env_clear();
        within.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("TERM", "xterm-256color");
        for (name, value) in command.get_envs() {
            value.map(|value| within.env(name, value));
        }
        let child = within.stdin(end()).stdout(end()).stderr(end()).spawn().unwrap();
        let keys = File::from(ours.try_clone().unwrap());
        let (size, seen) = watch::channel((columns, lines));
        let (show, shown) = watch::channel(Shown::default());
        let reader = std::thread::spawn(move || read(File::from(ours), &seen, &show));
        Self { child, keys, programs, size, shown, reader: Some(reader) }
    }

    /// Types, as a keyboard does.
    pub(crate) fn types(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).unwrap();
    }

    /// Gives the window another size.
    pub(crate) fn resizes(&self, columns: u16, lines: u16) {
        self.size.send_replace((columns, lines));
        tcsetwinsize(&self.programs, Winsize { ws_row: lines, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 })
            .unwrap();
    }

    /// What is shown now.
    pub(crate) fn shows(&self) -> Shown {
        self.shown.borrow().clone()
    }

    /// Waits until the terminal shows that.
    pub(crate) async fn until(&mut self, wanted: impl Fn(&Shown) -> bool) -> Shown {
        let seen = timeout(PATIENCE, self.shown.wait_for(|shown| wanted(shown))).await;
        let seen = seen.ok().and_then(Result::ok).map(|shown| shown.clone());
        seen.unwrap_or_else(|| panic!("this is shown:\n{}", self.shows().text))
    }

    /// Waits until all of these stand somewhere.
    pub(crate) async fn sees(&mut self, words: &[&str]) -> Shown {
        self.until(|shown| words.iter().all(|word| shown.text.contains(word))).await
    }

    /// The program's id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until the program has ended; how it did.
    pub(crate) async fn ends(&mut self) -> ExitStatus {
        let ended = async {
            loop {
                if let Some(status) = self.child.try_wait().unwrap() {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, ended).await.expect("it ends")
    }

    /// Whether the terminal reads lines, and shows what is typed, as shells expect.
    pub(crate) fn is_as_shells_expect(&self) -> bool {
        let modes = tcgetattr(&self.programs).unwrap().local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        // The reader ends with the program's last side, which is ours; it is not waited for.
        self.reader.take();
    }
}

/// Reads until nobody writes there any more.
fn read(mut terminal: File, size: &watch::Receiver<(u16, u16)>, show: &watch::Sender<Shown>) {
    let some = |n| NonZeroU16::new(n).expect("more than none");
    let (columns, lines) = *size.borrow();
    let mut parser = vt100::Parser::new(some(lines), some(columns), 0);
    let mut bytes = [0; 8192];
    while let Ok(count @ 1..) = terminal.read(&mut bytes) {
        let (columns, lines) = *size.borrow();
        parser.set_size(some(lines), some(columns));
        parser.process(&bytes[..count]);
        let screen = parser.screen();
        let rows: Vec<String> = screen.rows(0, columns).map(|row| row.trim_end().to_owned()).collect();
        let cells = (0..lines).flat_map(|y| (0..columns).filter_map(move |x| screen.cell(y, x)));
        let is_coloured = |cell: &vt100::Cell| {
            (cell.fgcolor(), cell.bgcolor()) != (vt100::Color::Default, vt100::Color::Default)
        };
        let has_colours = cells.into_iter().any(is_coloured);
        show.send_replace(Shown {
            text: rows.join("\n").trim_end().replace(['\u{a0}', '\u{202f}'], " "),
            is_screen: screen.alternate_screen(),
            is_cursor_hidden: screen.hide_cursor(),
            has_colours,
        });
    }
}
