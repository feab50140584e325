//! The in-process bus passes the suite of all buses.

use std::sync::Arc;

use unionflow_bus::{Bus, InProcessBus, bus_conformance};

async fn fresh() -> Arc<dyn Bus> {
    Arc::new(InProcessBus::default())
}

bus_conformance!(fresh);
