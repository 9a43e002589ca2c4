//! How a command ended, for scripts.

use node::fault::Fault;
use tonic::{Code, Status};

/// How a command ended; wrong usage, 2, is told by the reading of the arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was done.
    Fine = 0,
    /// It failed, or was refused.
    Failed = 1,
    /// There is nothing of it, or no such thing.
    NothingFound = 3,
    /// The directory does not grant it, or the certificate is not believed.
    NotAllowed = 4,
    /// The broker does not answer.
    BrokerAway = 5,
    /// Of many, some failed.
    SomeFailed = 6,
}

impl Ending {
    /// Fine when anything was found.
    pub(super) fn found(any: bool) -> Self {
        match any {
            true => Self::Fine,
            false => Self::NothingFound,
        }
    }
}

/// What an error means to a script.
pub(crate) fn ending_of(error: &anyhow::Error) -> Ending {
    let status = error
        .chain()
        .find_map(|cause| cause.downcast_ref::<Status>());
    status.map_or(Ending::Failed, of_status)
}

fn of_status(status: &Status) -> Ending {
    match status.code() {
        Code::NotFound => Ending::NothingFound,
        Code::PermissionDenied | Code::Unauthenticated => Ending::NotAllowed,
        Code::Unavailable | Code::DeadlineExceeded => match Fault::reason_of(status).as_deref() {
            None | Some("STOPPING") => Ending::BrokerAway,
            // It answers, and says that this one thing cannot be had now.
            Some(_) => Ending::Failed,
        },
        _ => Ending::Failed,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn a_script_learns_from_the_exit_code_what_came_of_it() {
        let of = |status: Status| {
            let error = Err::<(), _>(status).context("it was not done").unwrap_err();
            ending_of(&error) as u8
        };
        assert_eq!(of(Status::not_found("no")), 3);
        assert_eq!(of(Status::permission_denied("no")), 4);
        assert_eq!(of(Status::unauthenticated("no")), 4);
        assert_eq!(of(Status::unavailable("tcp connect error")), 5);
        assert_eq!(of(Status::failed_precondition("no")), 1);
        let stopped = Fault::new(Code::Unavailable, "DOSSIER_QUARANTINED", "stopped", "dừng");
        assert_eq!(of(stopped.into_status()), 1);
        assert_eq!(ending_of(&anyhow::anyhow!("no file")) as u8, 1);
    }
}
