use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Response};
use tokio::time::{Instant, sleep, timeout};
use tonic::Status;
use tonic::body::Body;
use tonic::codegen::Service;
use tonic::transport::Channel;

use crate::Error;
use crate::call::{Call, begun, whole};
use crate::caller::Caller;
use crate::error::failure_of;
use crate::preference::Preference;
use crate::retry::backoff;

/// How long one of several addresses may take: one that hangs must not use up the time in which the next one answers.
const TRY_TIMEOUT: Duration = Duration::from_secs(3);

/// One connection over several controllers, for tonic's clients. A call that may not have arrived is repeated, with the same `request_id`.
#[derive(Clone)]
pub struct Connection(Arc<Controllers>);

impl Connection {
    pub(crate) fn new(channels: Vec<Channel>, caller: Caller, timeout: Duration) -> Self {
        let preference = Preference::new(channels.len());
        Connection(Arc::new(Controllers { channels, caller, timeout, preference }))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Connection").field("controllers", &self.0.channels.len()).finish_non_exhaustive()
    }
}

impl Service<Request<Body>> for Connection {
    type Response = Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let controllers = self.0.clone();
        Box::pin(async move { Ok(controllers.carry(Call::of(request).await?).await?) })
    }
}

struct Controllers {
    channels: Vec<Channel>,
    caller: Caller,
    timeout: Duration,
    preference: Preference,
}

fn limit_of(deadline: Option<Instant>) -> Option<Duration> {
    deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
}

async fn within<T>(limit: Option<Duration>, action: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let Some(limit) = limit else { return action.await };
    timeout(limit, action).await.unwrap_or_else(|_| Err(Error::Failed(Status::deadline_exceeded("no answer in time"))))
}

impl Controllers {
    async fn carry(&self, call: Call) -> Result<Response<Body>, Error> {
        let limit = call.timeout().or((!call.streams()).then_some(self.timeout));
        let deadline = limit.map(|limit| Instant::now() + limit);
        if call.streams() {
            // Only the opening is tried on each address; what breaks later is opened again by its reader.
            return within(limit, self.ask_each(&call, deadline)).await;
        }
        within(limit, self.repeat(&call, deadline)).await
    }

    async fn repeat(&self, call: &Call, deadline: Option<Instant>) -> Result<Response<Body>, Error> {
        let mut failures = 0;
        loop {
            let error = match self.ask_each(call, deadline).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let wait = wait_after(&error, failures);
            if !self.another(&error, failures) || limit_of(deadline).is_some_and(|left| left <= wait) {
                return Err(error);
            }
            sleep(wait).await;
            failures += 1;
        }
    }

    /// Whether a round in which all failed is worth one more. Where nobody ever answered, that is the answer.
    fn another(&self, error: &Error, failures: u32) -> bool {
        if matches!(error, Error::Unreachable(_)) && failures == 0 && !self.preference.ever_answered() {
            return false;
        }
        error.may_repeat() || self.channels.len() > 1 && error.is_deadline()
    }

    /// Asks every address once, until one answers.
    async fn ask_each(&self, call: &Call, deadline: Option<Instant>) -> Result<Response<Body>, Error> {
        let mut last = None;
        for index in self.preference.order() {
            let error = match self.ask(index, call, deadline).await {
                Ok(answer) => {
                    self.preference.worked(index);
                    return Ok(answer);
                }
                Err(error) => error,
            };
            if !self.preference.failed(index, &error) {
                return Err(error);
            }
            // Of several failures, one that may have arrived somewhere tells more than one that did not.
            if last.is_none() || !matches!(error, Error::Unreachable(_)) {
                last = Some(error);
            }
        }
        Err(last.unwrap_or_else(|| Error::Options("addresses: at least one host:port".into())))
    }

    async fn ask(&self, index: usize, call: &Call, deadline: Option<Instant>) -> Result<Response<Body>, Error> {
        let mut limit = limit_of(deadline);
        if call.streams() {
            return begun(self.send(index, call, limit).await?).await;
        }
        if self.channels.len() > 1 {
            limit = Some(limit.map_or(TRY_TIMEOUT, |left| left.min(TRY_TIMEOUT)));
        }
        within(limit, async { whole(self.send(index, call, limit).await?).await }).await
    }

    async fn send(&self, index: usize, call: &Call, limit: Option<Duration>) -> Result<Response<Body>, Error> {
        let mut request = call.request(limit);
        self.caller.sign(request.headers_mut()).await?;
        let mut channel = self.channels[index].clone();
        poll_fn(|context| channel.poll_ready(context)).await.map_err(failure_of)?;
        channel.call(request).await.map_err(failure_of)
    }
}

fn wait_after(error: &Error, failures: u32) -> Duration {
    let told = error.refusal().and_then(|refusal| refusal.retry_after).filter(|wait| !wait.is_zero());
    told.unwrap_or_else(|| backoff(Duration::from_millis(100), Duration::from_secs(1), failures))
}
