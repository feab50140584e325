//! `unionflow config check` and `config show`. What is wrong was said when the configuration was read.

use super::{Environment, Failure};
use crate::cli::ConfigAction;
use crate::out::outln;

pub(crate) fn run(environment: &Environment, action: ConfigAction) -> Result<(), Failure> {
    match action {
        ConfigAction::Check => {
            outln!("{}", environment.say("La configuration est bonne.", "The configuration is good."));
        }
        ConfigAction::Show => outln!("{}", environment.settings.show().trim_end()),
    }
    Ok(())
}
