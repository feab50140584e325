//! The binary `unionflow`.

use std::process::ExitCode;

fn main() -> ExitCode {
    unionflow_server::main(std::env::args_os().collect())
}
