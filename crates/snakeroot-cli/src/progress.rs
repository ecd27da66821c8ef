//! Says on a terminal how far long work is; nothing anywhere else.

use std::io::IsTerminal;
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use snakeroot::watch::{Stopped, Watch};

/// Work that takes less is done without a word.
const PATIENCE: Duration = Duration::from_secs(1);
/// Between two looks of the bar.
const BEAT: Duration = Duration::from_millis(100);

/// Tells what is being done, from the second second on, and takes it back at the end.
pub(crate) struct Progress {
    bar: ProgressBar,
    waits: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    pub(crate) fn begin() -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        bar.set_style(unmeasured());
        let waits = std::io::stderr().is_terminal().then(|| {
            let (ended, end) = mpsc::channel();
            let late = bar.clone();
            let show = move || {
                if end.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Timeout) {
                    late.set_draw_target(ProgressDrawTarget::stderr());
                    late.enable_steady_tick(BEAT);
                }
            };
            (ended, thread::spawn(show))
        });
        Self { bar, waits }
    }

    /// What is done from now on, of which nobody can say how far it is.
    pub(crate) fn now(&self, words: impl Into<String>) {
        self.bar.set_style(unmeasured());
        self.bar.set_message(words.into());
        self.bar.unset_length();
    }

    /// What is done from now on; [`Watch::tick`] says how far it is.
    pub(crate) fn steps(&self, words: impl Into<String>) -> &Self {
        self.now(words);
        self.bar.set_style(measured());
        self
    }
}

impl Watch for Progress {
    fn tick(&self, done: u64, all: u64) -> Result<(), Stopped> {
        self.bar.set_length(all);
        self.bar.set_position(done);
        Ok(())
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((ended, shows)) = self.waits.take() {
            drop(ended);
            // It only draws: there is nothing to be learnt from its end.
            let _ = shows.join();
        }
        self.bar.finish_and_clear();
    }
}

fn unmeasured() -> ProgressStyle {
    style("{spinner} {msg} {elapsed}")
}

fn measured() -> ProgressStyle {
    style("{spinner} {msg} [{bar:30}] {percent}% {elapsed}").progress_chars("=> ")
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("a template of ours")
}
