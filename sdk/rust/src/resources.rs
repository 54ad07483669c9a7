use std::collections::HashSet;

use tonic::{Status, Streaming};

use crate::cursor::{Cursor, resuming};
use crate::{Items, Locum};

/// Requests of watches of resources: a snapshot first, then each change.
pub trait Watch: Clone + Send + Sync + 'static {
    type Answer: ChangeMessage;

    fn begin_at(&mut self, revision: u64);

    fn open(self, locum: &Locum) -> impl Future<Output = Result<Streaming<Self::Answer>, Status>> + Send;
}

/// What watches of resources send.
pub trait ChangeMessage: Send + 'static {
    fn revision(&self) -> u64;
    fn snapshot_end(&self) -> bool;
    fn change(&self) -> Change<'_>;
    fn deleted(revision: u64, name: String) -> Self;
}

/// The resource that a message is about, by its name.
pub enum Change<'a> {
    None,
    Of(&'a str),
    Deleted(&'a str),
}

/// Knows where a watch goes on, and what went while nobody could say so.
#[derive(Default)]
struct Snapshots {
    revision: u64,
    complete: bool,
    known: HashSet<String>,
    in_snapshot: HashSet<String>,
}

impl Snapshots {
    fn begin(&mut self) -> u64 {
        if self.revision == 0 {
            self.in_snapshot.clear();
        }
        self.revision
    }

    /// Gives the names of what is gone.
    fn saw(&mut self, message: &impl ChangeMessage) -> Vec<String> {
        match message.change() {
            Change::Deleted(name) => {
                self.known.remove(name);
            }
            Change::Of(name) if message.revision() == 0 => {
                self.in_snapshot.insert(name.into());
            }
            Change::Of(name) => {
                self.known.insert(name.into());
            }
            Change::None => {}
        }
        let mut gone = Vec::new();
        if message.snapshot_end() {
            gone.extend(self.known.difference(&self.in_snapshot).cloned());
            self.known = std::mem::take(&mut self.in_snapshot);
        }
        // A snapshot that was cut off is taken again from its start.
        self.complete |= message.snapshot_end();
        if self.complete {
            self.revision = message.revision();
        }
        gone
    }
}

struct ResourceCursor<W> {
    request: W,
    snapshots: Snapshots,
}

impl<W: Watch> Cursor for ResourceCursor<W> {
    type Message = W::Answer;

    async fn open(&mut self, locum: &Locum) -> Result<Streaming<W::Answer>, Status> {
        self.request.begin_at(self.snapshots.begin());
        self.request.clone().open(locum).await
    }

    fn saw(&mut self, message: &W::Answer) -> Vec<W::Answer> {
        self.snapshots.saw(message).into_iter().map(|name| W::Answer::deleted(message.revision(), name)).collect()
    }

    fn too_old(&mut self) {
        self.snapshots.revision = 0;
        self.snapshots.complete = false;
    }
}

impl Locum {
    /// A watch of resources over any number of restarts and leaders: `locum.watch(WatchRunsRequest::default())`. When it has to begin anew, what
    /// the new snapshot does not have was deleted meanwhile, and is told as deleted.
    pub fn watch<W: Watch>(&self, request: W) -> Items<W::Answer> {
        resuming(self.clone(), ResourceCursor { request, snapshots: Snapshots::default() })
    }
}
