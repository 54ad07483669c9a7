use tonic::{Status, Streaming};

use crate::cursor::{Cursor, resuming};
use crate::v1::{WatchEventsRequest, WatchEventsResponse};
use crate::{Items, Locum};

struct EventCursor(WatchEventsRequest);

impl Cursor for EventCursor {
    type Message = WatchEventsResponse;

    async fn open(&mut self, locum: &Locum) -> Result<Streaming<WatchEventsResponse>, Status> {
        Ok(locum.events().watch_events(self.0.clone()).await?.into_inner())
    }

    fn saw(&mut self, message: &WatchEventsResponse) -> Vec<WatchEventsResponse> {
        if message.position > 0 {
            self.0.after = message.position;
            self.0.allow_gap = false;
        }
        Vec::new()
    }

    fn too_old(&mut self) {
        self.0.allow_gap = true;
    }
}

impl Locum {
    /// The event log as it grows, over restarts and new leaders. Nothing is left out without a word: what is no longer kept is in
    /// `dropped_up_to`, and after a restore of the store `restored` says from where it was undone. A message without an event only shows that
    /// the stream is alive.
    ///
    /// It begins after the event of this number; 0: only new ones. `about` is the name of a resource; empty: all.
    pub fn follow_events(&self, about: impl Into<String>, after: u64) -> Items<WatchEventsResponse> {
        resuming(self.clone(), EventCursor(WatchEventsRequest { about: about.into(), after, allow_gap: false }))
    }
}
