use std::pin::Pin;
use std::time::Duration;

use futures_core::Stream;
use tonic::{Status, Streaming};

use crate::retry::backoff;
use crate::{Error, Locum};

/// A stream that is read with `next().await` ([`crate::StreamExt`]); an error ends it. Drop it to end it.
pub type Items<T> = Pin<Box<dyn Stream<Item = Result<T, Error>> + Send>>;

/// Where a watch stands, so that another stream can go on there.
pub(crate) trait Cursor: Send + 'static {
    type Message: Send + 'static;

    fn open(&mut self, locum: &Locum) -> impl Future<Output = Result<Streaming<Self::Message>, Status>> + Send;

    /// Gives what has to be told before it.
    fn saw(&mut self, message: &Self::Message) -> Vec<Self::Message>;

    /// What follows is not kept, or was not when this reader had time for it.
    fn too_old(&mut self);
}

/// Opens a stream again where it stopped.
pub(crate) fn resuming<C: Cursor>(locum: Locum, mut cursor: C) -> Items<C::Message> {
    Box::pin(async_stream::try_stream! {
        let mut failures = 0;
        loop {
            let mut opened = cursor.open(&locum).await;
            let broken = loop {
                let next = match &mut opened {
                    Ok(stream) => stream.message().await,
                    Err(status) => Err(status.clone()),
                };
                match next {
                    Ok(Some(message)) => {
                        failures = 0;
                        for before in cursor.saw(&message) {
                            yield before;
                        }
                        yield message;
                    }
                    Ok(None) => break None,
                    Err(status) => break Some(Error::from(status)),
                }
            };
            match broken {
                Some(error) if matches!(error.reason(), Some("REVISION_TOO_OLD" | "SLOW_READER")) => cursor.too_old(),
                Some(error) if !error.may_repeat() => Err(error)?,
                // The stream ended or broke: the controller restarts, or another one leads.
                _ => {}
            }
            tokio::time::sleep(backoff(Duration::from_millis(200), Duration::from_secs(2), failures)).await;
            failures += 1;
        }
    })
}
