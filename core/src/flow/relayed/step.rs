//! Where a relayed flow stands.

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Lost,
    Open,
    OpenAgain,
    Paired,
    Push,
    /// The flow inside has got the response.
    Taken,
    Unavailable,
    Wait(Next),
}

/// The request that follows on a wait. It is chosen when the wait begins, so that an answer is taken for what it is
/// however late it comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Next {
    Ask,
    Open,
    Push,
}

/// Whose request is on its way.
#[derive(Clone, Copy)]
pub(super) enum Sent {
    Ask,
    Flow,
    Nothing,
    Open,
}

impl Step {
    pub(super) fn sent(self) -> Sent {
        match self {
            Self::Lost | Self::Unavailable => Sent::Nothing,
            Self::Open | Self::OpenAgain | Self::Wait(Next::Open) => Sent::Open,
            Self::Paired | Self::Wait(Next::Ask) => Sent::Ask,
            Self::Push | Self::Taken | Self::Wait(Next::Push) => Sent::Flow,
        }
    }
}
