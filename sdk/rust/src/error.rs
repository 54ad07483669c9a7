use std::collections::HashMap;
use std::fmt;
use std::iter::successors;
use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;

/// What came of a call that was not done. Made of any [`Status`] of a client: `?` does it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Error {
    /// A controller answered instead of doing it.
    Refused(Box<Refusal>),
    /// There was no connection to any address, so nothing was sent: nobody listens, or TLS was refused.
    Unreachable(Status),
    /// No controller's answer: time was up, or connections broke. A change may have happened.
    Failed(Status),
    /// What was given to [`crate::Builder`] can't be used.
    Options(String),
}

/// A controller's answer. Tell them apart by `reason` (docs/errors.md), never by their text.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// A stable word, such as `NOT_FOUND`.
    pub reason: String,
    /// Name of what the error is about, such as `policies/web`. Empty: nothing in particular.
    pub resource: String,
    pub field_violations: Vec<FieldViolation>,
    pub metadata: HashMap<String, String>,
    /// The time after which to try again. None: the controller does not say.
    pub retry_after: Option<Duration>,
    pub status: Status,
}

/// A field that breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldViolation {
    pub field: String,
    pub description: String,
}

impl Error {
    /// Of a controller's answer.
    pub fn reason(&self) -> Option<&str> {
        self.refusal().map(|refusal| refusal.reason.as_str())
    }

    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// tonic's, where there was a call.
    pub fn status(&self) -> Option<&Status> {
        match self {
            Error::Refused(refusal) => Some(&refusal.status),
            Error::Unreachable(status) | Error::Failed(status) => Some(status),
            Error::Options(_) => None,
        }
    }

    pub(crate) fn is_deadline(&self) -> bool {
        matches!(self, Error::Failed(status) if status.code() == Code::DeadlineExceeded)
    }

    /// Whether the same call may do better later or elsewhere: no answer, or one that says "not now, not here".
    pub(crate) fn may_repeat(&self) -> bool {
        match self {
            Error::Refused(refusal) => refusal.status.code() == Code::Unavailable && refusal.reason != "AGENT_UNREACHABLE",
            Error::Unreachable(_) => true,
            // What is made of a connection that breaks under a call. An answer of a controller has a reason.
            Error::Failed(status) => {
                matches!(status.code(), Code::Unavailable | Code::Aborted | Code::Internal | Code::Unknown | Code::Cancelled)
            }
            Error::Options(_) => false,
        }
    }
}

impl From<Status> for Error {
    fn from(status: Status) -> Self {
        if causes(&status).any(<dyn std::error::Error>::is::<NoConnection>) {
            return Error::Unreachable(status);
        }
        let details = status.get_error_details();
        let Some(info) = details.error_info().filter(|info| info.domain == "locum") else {
            return Error::Failed(status);
        };
        let violations = details.bad_request().map(|request| request.field_violations.as_slice()).unwrap_or_default();
        Error::Refused(Box::new(Refusal {
            reason: info.reason.clone(),
            resource: details.resource_info().map(|info| info.resource_name.clone()).unwrap_or_default(),
            field_violations: violations
                .iter()
                .map(|each| FieldViolation { field: each.field.clone(), description: each.description.clone() })
                .collect(),
            metadata: info.metadata.clone(),
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
            status,
        }))
    }
}

/// The status as it was given, so that a function of tonic can end with an `Error`.
impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refusal) => refusal.status,
            Error::Unreachable(status) | Error::Failed(status) => status,
            Error::Options(text) => Status::invalid_argument(text),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Refused(refusal) => write!(to, "{}: {}", refusal.reason, refusal.status.message()),
            Error::Unreachable(status) => write!(to, "no controller: {}", status.message()),
            Error::Failed(status) => write!(to, "{:?}: {}", status.code(), status.message()),
            Error::Options(text) => to.write_str(text),
        }
    }
}

impl std::error::Error for Error {}

fn causes<'a>(error: &'a (dyn std::error::Error + 'static)) -> impl Iterator<Item = &'a (dyn std::error::Error + 'static)> {
    successors(Some(error), |each| each.source())
}

/// Marks a status of which nothing was sent.
#[derive(Debug)]
struct NoConnection(Status);

impl fmt::Display for NoConnection {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(self.0.message())
    }
}

impl std::error::Error for NoConnection {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// What tonic says of a connection that broke, or was never made.
pub(crate) fn failure_of(error: impl Into<tonic::codegen::StdError>) -> Error {
    let error = error.into();
    if causes(&*error).any(<dyn std::error::Error>::is::<tonic::TimeoutExpired>) {
        return Error::Failed(Status::deadline_exceeded("no answer in time"));
    }
    if causes(&*error).any(<dyn std::error::Error>::is::<tonic::ConnectError>) {
        let words: Vec<_> = causes(&*error).map(ToString::to_string).collect();
        let status = Status::unavailable(words.join(": "));
        return Error::Unreachable(Status::from_error(Box::new(NoConnection(status))));
    }
    Error::from(Status::from_error(error))
}
