use std::sync::{Mutex, MutexGuard};

use crate::Error;

/// The order in which addresses are asked: the one that answered last comes first.
pub(crate) struct Preference {
    count: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    first: usize,
    answered: bool,
}

impl Preference {
    pub(crate) fn new(count: usize) -> Self {
        Preference { count, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(crate) fn order(&self) -> impl Iterator<Item = usize> + use<> {
        let (first, count) = (self.state().first, self.count);
        (0..count).map(move |step| (first + step) % count)
    }

    pub(crate) fn worked(&self, index: usize) {
        *self.state() = State { first: index, answered: true };
    }

    /// Whether any did: then nobody who listens is a controller that restarts, and no wrong address.
    pub(crate) fn ever_answered(&self) -> bool {
        self.state().answered
    }

    /// Whether the next address is worth a try.
    pub(crate) fn failed(&self, index: usize, error: &Error) -> bool {
        let mut state = self.state();
        state.answered |= error.refusal().is_some();
        let hangs = error.is_deadline() && self.count > 1;
        if hangs && state.first == index {
            state.first = (index + 1) % self.count;
        }
        hangs || error.may_repeat()
    }
}
