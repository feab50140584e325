//! `POST /auth/logout`

use unionflow_protocol::id::SignInId;
use unionflow_storage::{Scope, Undo};

use crate::Service;

impl Service {
    /// Ends a device's sign-in: its tokens and sockets end within seconds, everywhere.
    pub async fn logout(&self, sign_in: SignInId) -> Result<(), Undo> {
        self.store().write(Scope::Server, move |tx| Ok(tx.end_sign_in(sign_in)?)).await?;
        self.watch_ended_sign_ins().await
    }
}
