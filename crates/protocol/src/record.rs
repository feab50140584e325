//! An encoded event with what routing needs, so that nobody decodes it on the way.

use std::borrow::Cow;

use bytes::Bytes;

use crate::{
    audience::Audience,
    id::{AggregateId, EventId, OrganizationId},
    seq::Seq,
    time::{Date, Timestamp},
    topic::{Class, Topic},
};

/// Where an event stands in its organisation's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Position {
    /// A fact: its place in the journal.
    Fact(Seq),
    /// A state: exact as of this place and day.
    State {
        /// The newest event it includes.
        as_of_seq: Seq,
        /// The day, in the organisation's time zone, that "this month" and "overdue" refer to.
        as_of_date: Date,
    },
}

impl Position {
    /// The place in the journal, of either.
    pub const fn seq(self) -> Seq {
        match self {
            Self::Fact(seq) | Self::State { as_of_seq: seq, .. } => seq,
        }
    }

    /// Fact or state.
    pub const fn class(self) -> Class {
        match self {
            Self::Fact(_) => Class::Fact,
            Self::State { .. } => Class::State,
        }
    }
}

/// What the bus carries: the stored bytes and, beside them, what Kafka has in its headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// `ce_organizationid`
    pub organization_id: OrganizationId,
    /// `ce_sequence`
    pub position: Position,
    /// `ce_id`
    pub event_id: EventId,
    /// `ce_type`. A text, because a newer process may write types that this one does not know.
    pub event_type: Cow<'static, str>,
    /// The topic.
    pub topic: Topic,
    /// `ce_audience`
    pub audience: Audience,
    /// The record's key.
    pub key: AggregateId,
    /// `ce_time`
    pub timestamp: Timestamp,
    /// `traceparent`: the trace that began with the request.
    pub trace_parent: Option<String>,
    /// Whether it came from another system: then it changes no right of ours.
    pub inbound: bool,
    /// The encoded envelope.
    pub value: Bytes,
}
