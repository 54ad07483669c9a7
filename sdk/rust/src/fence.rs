use std::fmt;

use crate::v1::{CheckFenceRequest, CheckFenceResponse};
use crate::{Error, Locum};

/// This does not run inside a policy: there is no attempt that could be fenced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutsidePolicy;

impl fmt::Display for OutsidePolicy {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("LOCUM_POLICY, LOCUM_RUN and LOCUM_EPOCH are not set: this does not run inside a policy")
    }
}

impl std::error::Error for OutsidePolicy {}

/// What the keeper told this process of its attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyContext {
    /// `policies/{policy}`.
    pub policy: String,
    /// `runs/{run}`.
    pub run: String,
    /// Higher for each later attempt of a run.
    pub epoch: u64,
}

fn named(collection: &str, id: &str) -> String {
    format!("{collection}{}", id.trim_start_matches(collection))
}

impl PolicyContext {
    /// Reads the environment of this process.
    ///
    /// # Errors
    /// It does not run inside a policy.
    pub fn from_env() -> Result<Self, OutsidePolicy> {
        PolicyContext::from_vars(|name| std::env::var(name).ok())
    }

    /// `from_env` with another environment.
    ///
    /// # Errors
    /// As there.
    pub fn from_vars(variable: impl Fn(&str) -> Option<String>) -> Result<Self, OutsidePolicy> {
        let read = |name| variable(name).filter(|value| !value.is_empty()).ok_or(OutsidePolicy);
        let (policy, run) = (read("LOCUM_POLICY")?, read("LOCUM_RUN")?);
        let epoch = read("LOCUM_EPOCH")?.parse().ok().filter(|&epoch| epoch > 0).ok_or(OutsidePolicy)?;
        Ok(PolicyContext { policy: named("policies/", &policy), run: named("runs/", &run), epoch })
    }
}

/// Why an attempt must not act.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum FenceError {
    /// Another attempt may be running: what is left undone must stay undone here.
    Fenced(Box<CheckFenceResponse>),
    /// The controllers can't be asked. Nothing is known, and the careful go on as if fenced.
    Unknown(Error),
}

impl fmt::Display for FenceError {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FenceError::Fenced(answer) => write!(to, "fenced: {}", answer.message),
            FenceError::Unknown(error) => write!(to, "whether it is fenced is not known: {error}"),
        }
    }
}

impl std::error::Error for FenceError {}

/// Asks whether an attempt may still act. A check says what was true a moment ago. What must never be written twice has to compare
/// [`Fence::token`] in the write itself (docs/guarantees.md).
#[derive(Debug, Clone)]
pub struct Fence {
    locum: Locum,
    attempt: PolicyContext,
}

impl Fence {
    pub fn new(locum: &Locum, attempt: PolicyContext) -> Self {
        Fence { locum: locum.clone(), attempt }
    }

    /// LOCUM_EPOCH.
    pub fn token(&self) -> u64 {
        self.attempt.epoch
    }

    /// Asks the controllers.
    ///
    /// # Errors
    /// They can't be asked.
    pub async fn check(&self) -> Result<CheckFenceResponse, Error> {
        let PolicyContext { policy, run, epoch } = self.attempt.clone();
        Ok(self.locum.fences().check_fence(CheckFenceRequest { policy, run, epoch }).await?.into_inner())
    }

    /// # Errors
    /// The attempt was superseded or has ended, or this is not known.
    pub async fn assert_current(&self) -> Result<(), FenceError> {
        let answer = self.check().await.map_err(FenceError::Unknown)?;
        if answer.current { Ok(()) } else { Err(FenceError::Fenced(Box::new(answer))) }
    }
}
