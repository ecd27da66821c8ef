//! Long work that Ctrl-C ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use pyo3::prelude::*;
use snakeroot::watch::{Stopped, Watch};

/// How long a signal may wait.
const PATIENCE: Duration = Duration::from_millis(50);

/// Does `work` while other Python threads run, and lets a signal's handler end it.
///
/// The work runs on a thread of its own, so that this one, which may be the one
/// that signals are handled on, can look for them meanwhile.
pub(crate) fn interruptible<R: Send>(
    py: Python<'_>,
    work: impl FnOnce(&dyn Watch) -> Result<R, Stopped> + Send,
) -> PyResult<R> {
    let stop = AtomicBool::new(false);
    let watch = |_: u64, _: u64| !stop.load(Ordering::Relaxed);
    let answer = py.detach(|| {
        let watch: &dyn Watch = &watch;
        thread::scope(|scope| {
            let (answer, answered) = mpsc::channel();
            let worker =
                thread::Builder::new().name("snakeroot".into()).spawn_scoped(scope, move || {
                    // Nobody waits for it any more if this fails.
                    let _ = answer.send(work(watch));
                });
            worker?;
            let mut signal = None;
            loop {
                match answered.recv_timeout(PATIENCE) {
                    // What a handler raised is raised, though the work was done just then.
                    Ok(Ok(found)) => return signal.map_or(Ok(found), Err),
                    Ok(Err(Stopped)) | Err(RecvTimeoutError::Disconnected) => {
                        let stopped =
                            || pyo3::exceptions::PyRuntimeError::new_err(Stopped.to_string());
                        return Err(signal.unwrap_or_else(stopped));
                    }
                    // While the interpreter ends there is nobody to handle a signal.
                    Err(RecvTimeoutError::Timeout) => {
                        if let Some(Err(error)) = Python::try_attach(|py| py.check_signals()) {
                            stop.store(true, Ordering::Relaxed);
                            signal.get_or_insert(error);
                        }
                    }
                }
            }
        })
    })?;
    // A signal during short work: Python itself may not look before its next long call.
    py.check_signals()?;
    Ok(answer)
}
