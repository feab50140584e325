//! A process that ends with ours, and that can be paused and killed.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use crate::{Fault, PATIENCE};

/// A shell stands between: it sees the end of our process as the end of its input, and ends the component then. A kill of
/// ours leaves no broker behind.
const WATCH: &str = r#"signal=$1; log=$2; shift 2; exec 3<&0
"$@" >>"$log" 2>&1 </dev/null 3<&- & child=$!; echo $child
{ cat <&3 >/dev/null; kill -s "$signal" $child 2>/dev/null; } &
wait $child; kill $! 2>/dev/null"#;

/// How often a process is looked at: there is nothing to be told by.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// A user that a component runs as, where ours may not.
#[derive(Debug, Clone, Copy)]
pub(crate) struct User {
    pub(crate) id: u32,
    pub(crate) group: u32,
}

/// A process that runs.
#[derive(Debug)]
pub(crate) struct Process {
    shell: Child,
    input: Option<ChildStdin>,
    id: Pid,
    log: PathBuf,
}

impl Process {
    /// Starts it. `ends_by` is the signal that ends it when ours ends.
    pub(crate) fn start(
        command: &[&str],
        log: &Path,
        ends_by: &str,
        user: Option<User>,
    ) -> Result<Self, Fault> {
        let program = command.first().copied().unwrap_or_default();
        let wrong = |reason: String| Fault::Program { program: program.to_owned(), reason };
        let mut shell = Command::new("sh");
        shell.args(["-c", WATCH, "sh", ends_by]).arg(log).args(command);
        shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        if let Some(user) = user {
            shell.uid(user.id).gid(user.group);
        }
        let mut shell = shell.spawn().map_err(|error| wrong(error.to_string()))?;
        let input = shell.stdin.take();
        let mut line = String::new();
        let output = shell.stdout.take().expect("it is piped");
        BufReader::new(output).read_line(&mut line).map_err(|error| wrong(error.to_string()))?;
        let id = line.trim().parse().ok().and_then(Pid::from_raw);
        let id = id.ok_or_else(|| wrong("it has no process".to_owned()))?;
        Ok(Self { shell, input, id, log: log.to_owned() })
    }

    /// Until it is ready, or has ended, or takes too long.
    pub(crate) fn wait_until(&mut self, what: &'static str, ready: impl Fn() -> bool) -> Result<(), Fault> {
        let mut looks = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
        while !ready() {
            if !self.runs() || looks == 0 {
                return Err(Fault::Silent { what, log: end_of(&self.log) });
            }
            looks -= 1;
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn runs(&mut self) -> bool {
        matches!(self.shell.try_wait(), Ok(None))
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, signal: Signal) {
        // An error means that it has ended already.
        let _ = kill_process(self.id, signal);
    }

    /// Ends it by a signal, and waits until it is gone.
    pub(crate) fn end(mut self, signal: Signal) {
        self.signal(signal);
        self.gone();
    }

    fn gone(&mut self) {
        self.input.take();
        // A component that was paused hears no signal but these two.
        self.signal(Signal::CONT);
        let mut looks = PATIENCE.as_millis() / LOOK_EVERY.as_millis();
        while self.runs() {
            looks = looks.saturating_sub(1);
            if looks == 0 {
                self.signal(Signal::KILL);
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.gone();
    }
}

/// Runs a program to its end; what it printed.
pub(crate) fn run(command: &mut Command) -> Result<String, Fault> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| Fault::Program { program: program.clone(), reason: error.to_string() })?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let printed = [output.stdout, output.stderr].concat();
    Err(Fault::Failed { program, output: last_lines(&String::from_utf8_lossy(&printed)) })
}

fn end_of(log: &Path) -> String {
    last_lines(&fs::read_to_string(log).unwrap_or_default())
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(20)..].join("\n")
}
