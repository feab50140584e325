//! Frames of the WebSocket that are not events: what a client says, and what the server says about the session itself.

mod client;
mod control;

pub use client::{BadFrame, ClientFrame, Token};
pub use control::{
    CaughtUp, Control, ControlFrame, ErrorFrame, GoAway, GoAwayReason, OrganizationChoice, Pong,
    ResyncReason, ResyncRequired, RightsChanged, Welcome,
};
