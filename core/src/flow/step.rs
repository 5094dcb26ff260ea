//! Where a flow of one request stands.

use crate::{
    error::{Error, ErrorCode},
    flow::Action,
};

/// A request that may be sent a second time, after its answer was lost.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Step {
    Done,
    Lost,
    Refused(ErrorCode),
    Send,
    SendAgain,
}

impl Step {
    /// What there is to do at an end; `None`: the request is to be sent.
    pub(super) fn end<'b>(self) -> Option<Result<Action<'b>, Error>> {
        match self {
            Self::Done => Some(Ok(Action::Done)),
            Self::Lost => Some(Err(Error::AnswerLost)),
            Self::Refused(code) => Some(Err(Error::Refused(code))),
            Self::Send | Self::SendAgain => None,
        }
    }

    /// For a snapshot.
    pub(super) fn saved(self) -> Result<u8, Error> {
        match self {
            Self::Send => Ok(0),
            Self::SendAgain => Ok(1),
            Self::Done | Self::Lost | Self::Refused(_) => Err(Error::Misuse),
        }
    }

    /// What a snapshot held.
    pub(super) fn restored(saved: u8) -> Result<Self, Error> {
        match saved {
            0 => Ok(Self::Send),
            1 => Ok(Self::SendAgain),
            _ => Err(Error::Snapshot),
        }
    }
}
