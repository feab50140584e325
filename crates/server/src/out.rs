//! Standard output, which may end before us: `unionflow user list | head`. And standard error, which may be a full disk.

use std::{fmt::Arguments, io::Write, process::exit};

/// Writes a text. Where nobody reads any more, the process ends as others do then, without a word.
pub(crate) fn write(text: Arguments<'_>) {
    let mut out = std::io::stdout().lock();
    if let Err(error) = out.write_fmt(text).and_then(|()| out.flush()) {
        if error.kind() != std::io::ErrorKind::BrokenPipe {
            complain(format_args!("unionflow: {error}\n"));
        }
        exit(1);
    }
}

/// Says something on standard error. Where that cannot be written, nobody is to be told, and the work goes on: `eprintln!`
/// would panic.
pub(crate) fn complain(text: Arguments<'_>) {
    let mut err = std::io::stderr().lock();
    let _ = err.write_fmt(text).and_then(|()| err.flush());
}

/// `println!` for whatever a command says on standard output.
macro_rules! outln {
    () => { $crate::out::write(format_args!("\n")) };
    ($($text:tt)*) => { $crate::out::write(format_args!("{}\n", format_args!($($text)*))) };
}

pub(crate) use outln;
