//! `unionflow config check` and `config show`. What is wrong was said when the configuration was read.

use super::{Environment, Failure};
use crate::cli::ConfigAction;

pub(crate) fn run(environment: &Environment, action: ConfigAction) -> Result<(), Failure> {
    match action {
        ConfigAction::Check => {
            println!("{}", environment.say("La configuration est bonne.", "The configuration is good."));
        }
        ConfigAction::Show => print!("{}", environment.settings.show()),
    }
    Ok(())
}
