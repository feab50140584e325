//! What can be said on a socket, and what the contract answers to whom: written down a second time, by hand.

use unionflow_protocol::Role;

/// Whose socket it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Who {
    /// Of the first organisation, with this role besides MEMBER.
    Holder(Role),
    /// A plain member of both, in the first.
    InBoth,
    /// The same person, in the second.
    InBothThere,
    /// A plain member of the first who is suspended in the second.
    SuspendedThere,
    /// A plain member of the first who has left the second.
    LeftThere,
    /// The president of the second.
    Stranger,
}

/// In which state of the session it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Live,
    Replaying,
    /// Behind a `switch` to where the session is already, whose answer has not come.
    Leaving,
}

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Say {
    Ping,
    BarePing,
    /// A ping of the WebSocket's own.
    WirePing,
    Ack(UpTo),
    Authenticate(Credential),
    Switch(Where, After),
    /// A `switch` that names nothing.
    BareSwitch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UpTo {
    /// The newest that came.
    Held,
    /// That, and then one less.
    Behind,
    Zero,
    /// What is not there yet.
    Beyond,
    /// The greatest number that JSON carries safely.
    Huge,
    /// More than 64 bits.
    Endless,
    Negative,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Credential {
    /// The token that the socket was opened with.
    Same,
    /// The next one of the same sign-in.
    Refreshed,
    /// One of the same person's other device.
    OtherDevice,
    /// One of somebody else in the same organisation.
    Colleague,
    /// One of somebody in the other organisation.
    Foreigner,
    /// One of the same person that has ended.
    Expired,
    /// One of the same person's device that was signed out.
    SignedOut,
    /// One whose claims were changed.
    Forged,
    /// A refresh token.
    Refresh,
    /// A ticket.
    Ticket,
    Garbage,
    Empty,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Where {
    /// Where the session is.
    Here,
    /// The other organisation.
    There,
    /// An id that nothing has.
    Nowhere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    /// Left out.
    Nothing,
    Zero,
    /// The newest that came, with its epoch.
    Held,
    /// The newest of where the session is, with its epoch: of a place that means something only there.
    NewestHere,
    /// What is not there yet, with its epoch.
    Beyond,
    /// 1, with an epoch that nothing has.
    OtherEpoch,
    /// 1, with none.
    NoEpoch,
}

/// What must come of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Pong,
    /// A pong of the WebSocket's own.
    WirePong,
    Silence,
    /// An error with this code; the session is as it was.
    Refused(&'static str),
    /// A welcome.
    Welcome(Where),
    /// An error, and 4300.
    TurnedAway,
}

impl Who {
    pub(crate) fn all() -> Vec<Self> {
        let others = [Self::InBoth, Self::InBothThere, Self::SuspendedThere, Self::LeftThere, Self::Stranger];
        Role::ALL.iter().copied().map(Self::Holder).chain(others).collect()
    }

    /// Whether the other organisation is theirs too.
    fn may_go_there(self) -> bool {
        matches!(self, Self::InBoth | Self::InBothThere)
    }
}

impl Say {
    pub(crate) fn all() -> Vec<Self> {
        use {After as A, Credential as C, UpTo as U, Where as W};
        let mut all = vec![Self::Ping, Self::BarePing, Self::WirePing, Self::BareSwitch];
        let seqs = [U::Held, U::Behind, U::Zero, U::Beyond, U::Huge, U::Endless, U::Negative];
        all.extend(seqs.map(Self::Ack));
        let shown = [
            C::Same,
            C::Refreshed,
            C::OtherDevice,
            C::Colleague,
            C::Foreigner,
            C::Expired,
            C::SignedOut,
            C::Forged,
            C::Refresh,
            C::Ticket,
            C::Garbage,
            C::Empty,
        ];
        all.extend(shown.map(Self::Authenticate));
        let here = [A::Nothing, A::Zero, A::Held, A::Beyond, A::OtherEpoch, A::NoEpoch];
        all.extend(here.map(|after| Self::Switch(W::Here, after)));
        let there = [A::Nothing, A::Zero, A::NewestHere, A::Beyond, A::OtherEpoch, A::NoEpoch];
        all.extend(there.map(|after| Self::Switch(W::There, after)));
        all.extend([A::Nothing, A::Zero, A::NewestHere].map(|after| Self::Switch(W::Nowhere, after)));
        all
    }

    /// Design 4.3: roles do not matter here, only whose token it is and where somebody is an active member.
    pub(crate) fn answer_to(self, who: Who) -> Answer {
        match self {
            Self::Ping | Self::BarePing => Answer::Pong,
            Self::WirePing => Answer::WirePong,
            Self::BareSwitch => Answer::Refused("INVALID_FRAME"),
            Self::Ack(UpTo::Held | UpTo::Behind | UpTo::Zero) => Answer::Silence,
            Self::Ack(UpTo::Beyond | UpTo::Huge | UpTo::Endless | UpTo::Negative) => {
                Answer::Refused("INVALID_FRAME")
            }
            Self::Authenticate(credential) => match credential {
                Credential::Same | Credential::Refreshed | Credential::OtherDevice => Answer::Pong,
                Credential::Colleague | Credential::Foreigner => Answer::Refused("OTHER_PERSON"),
                Credential::Expired => Answer::Refused("TOKEN_EXPIRED"),
                Credential::SignedOut => Answer::Refused("SESSION_ENDED"),
                Credential::Forged
                | Credential::Refresh
                | Credential::Ticket
                | Credential::Garbage
                | Credential::Empty => Answer::Refused("UNAUTHENTICATED"),
            },
            Self::Switch(Where::Here, _) => Answer::Welcome(Where::Here),
            Self::Switch(Where::There, _) if who.may_go_there() => Answer::Welcome(Where::There),
            Self::Switch(Where::There | Where::Nowhere, _) => Answer::TurnedAway,
        }
    }
}
