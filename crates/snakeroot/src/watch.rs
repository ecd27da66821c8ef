//! Who watches long work: is told how far it is, and may stop it.

use std::fmt;

/// Watches long work.
///
/// Each analysis that may take more than a moment asks every few milliseconds.
pub trait Watch: Sync {
    /// `done` of `all` steps are done, which stand for about equal times.
    ///
    /// # Errors
    ///
    /// [`Stopped`] to stop the work.
    fn tick(&self, done: u64, all: u64) -> Result<(), Stopped>;
}

/// Nobody watches.
impl Watch for () {
    fn tick(&self, _: u64, _: u64) -> Result<(), Stopped> {
        Ok(())
    }
}

impl<F: Fn(u64, u64) -> bool + Sync> Watch for F {
    /// Goes on while the function says `true`.
    fn tick(&self, done: u64, all: u64) -> Result<(), Stopped> {
        if self(done, all) { Ok(()) } else { Err(Stopped) }
    }
}

/// The work was stopped by who watches it; there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stopped;

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("stopped before the answer was there")
    }
}

impl std::error::Error for Stopped {}
