/// The state of a connection. The names are those of the component API's state machine.
///
/// ```text
/// Created ─BeginHandshake→ HandshakeBegun ─EndHandshake→ Open ─SendClose→ CloseSent
///                                                         │                   │
///                                                    ReceiveClose        ReceiveClose
///                                                         ↓                   ↓
///                                                   CloseReceived ─SendClose→ Closed
/// Open, CloseSent, CloseReceived, Closed ─Abort→ Aborted
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum State {
    /// Nothing has happened.
    Created,
    /// The handshake's headers were made (client) or checked (server).
    HandshakeBegun,
    /// Messages go both ways.
    Open,
    /// A close was accepted for sending; no more data may be sent.
    CloseSent,
    /// The peer's close was delivered; nothing more will be received.
    CloseReceived,
    /// Close went both ways.
    Closed,
    /// The caller gave the connection up.
    Aborted,
}

/// What moves a connection from one [`State`] to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transition {
    /// The opening handshake began.
    BeginHandshake,
    /// The opening handshake succeeded.
    EndHandshake,
    /// A close was accepted for sending.
    SendClose,
    /// The peer's close was delivered.
    ReceiveClose,
    /// The caller aborts.
    Abort,
}

impl State {
    /// The state after `transition`, or `None` where the event is not allowed (or, for `Abort`, has no effect).
    /// This table is the only place that knows the order of things.
    #[must_use]
    pub const fn next(self, transition: Transition) -> Option<Self> {
        Some(match (self, transition) {
            (Self::Created, Transition::BeginHandshake) => Self::HandshakeBegun,
            (Self::HandshakeBegun, Transition::EndHandshake) => Self::Open,
            (Self::Open, Transition::SendClose) => Self::CloseSent,
            (Self::Open, Transition::ReceiveClose) => Self::CloseReceived,
            (Self::CloseSent, Transition::ReceiveClose) | (Self::CloseReceived, Transition::SendClose) => Self::Closed,
            (Self::Open | Self::CloseSent | Self::CloseReceived | Self::Closed, Transition::Abort) => Self::Aborted,
            _ => return None,
        })
    }

    /// Whether the opening handshake is done and the caller has not aborted.
    #[must_use]
    pub const fn is_session(self) -> bool {
        self.next(Transition::Abort).is_some()
    }

    /// Whether a close was accepted for sending.
    #[must_use]
    pub const fn close_sent(self) -> bool {
        matches!(self, Self::CloseSent | Self::Closed)
    }

    /// Whether the peer's close was delivered.
    #[must_use]
    pub const fn close_received(self) -> bool {
        matches!(self, Self::CloseReceived | Self::Closed)
    }
}

#[cfg(test)]
mod tests {
    use super::{State, Transition};

    const STATES: [State; 7] = [
        State::Created,
        State::HandshakeBegun,
        State::Open,
        State::CloseSent,
        State::CloseReceived,
        State::Closed,
        State::Aborted,
    ];
    const TRANSITIONS: [Transition; 5] = [
        Transition::BeginHandshake,
        Transition::EndHandshake,
        Transition::SendClose,
        Transition::ReceiveClose,
        Transition::Abort,
    ];

    #[test]
    fn ten_transitions_exist_and_nothing_leaves_aborted() {
        let transitions = STATES
            .iter()
            .flat_map(|state| TRANSITIONS.iter().filter_map(|transition| state.next(*transition)));
        assert_eq!(transitions.count(), 10);
        assert!(
            TRANSITIONS
                .iter()
                .all(|transition| State::Aborted.next(*transition).is_none())
        );
    }

    #[test]
    fn every_state_is_reached_from_created() {
        let mut reached = vec![State::Created];
        for index in 0..STATES.len() {
            let Some(&state) = reached.get(index) else { break };
            for next in TRANSITIONS.iter().filter_map(|transition| state.next(*transition)) {
                if !reached.contains(&next) {
                    reached.push(next);
                }
            }
        }
        assert_eq!(reached.len(), STATES.len());
    }
}
