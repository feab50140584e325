//! `unionflow completions`

use clap_complete::{generate, shells};
use unionflow_protocol::Language;

use crate::cli::{Shell, command};

pub(crate) fn run(shell: Shell, language: Language) {
    let (mut command, mut out) = (command(language), std::io::stdout());
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, "unionflow", &mut out),
        Shell::Elvish => generate(shells::Elvish, &mut command, "unionflow", &mut out),
        Shell::Fish => generate(shells::Fish, &mut command, "unionflow", &mut out),
        Shell::Powershell => generate(shells::PowerShell, &mut command, "unionflow", &mut out),
        Shell::Zsh => generate(shells::Zsh, &mut command, "unionflow", &mut out),
    }
}
