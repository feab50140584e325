//! `unionflow completions`

use clap_complete::{generate, shells};
use unionflow_protocol::Language;

use crate::{
    cli::{Shell, command},
    out::outln,
};

pub(crate) fn run(shell: Shell, language: Language) {
    let (mut command, mut script) = (command(language), Vec::new());
    match shell {
        Shell::Bash => generate(shells::Bash, &mut command, "unionflow", &mut script),
        Shell::Elvish => generate(shells::Elvish, &mut command, "unionflow", &mut script),
        Shell::Fish => generate(shells::Fish, &mut command, "unionflow", &mut script),
        Shell::Powershell => generate(shells::PowerShell, &mut command, "unionflow", &mut script),
        Shell::Zsh => generate(shells::Zsh, &mut command, "unionflow", &mut script),
    }
    // The generators panic where nobody reads.
    outln!("{}", String::from_utf8_lossy(&script).trim_end());
}
