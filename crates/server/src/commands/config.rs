//! `unionflow config check` and `config show`. What is wrong was said when the configuration was read, but for what
//! Kafka's clients say of it.

use super::{Environment, Failure, block_on};
use crate::cli::ConfigAction;
use crate::out::outln;

pub(crate) fn run(environment: &Environment, action: ConfigAction) -> Result<(), Failure> {
    match action {
        ConfigAction::Check => {
            block_on(async { environment.settings.try_kafka().map_err(|fault| environment.usage(&fault)) })?;
            outln!("{}", environment.say("La configuration est bonne.", "The configuration is good."));
        }
        ConfigAction::Show => outln!("{}", environment.settings.show().trim_end()),
    }
    Ok(())
}
