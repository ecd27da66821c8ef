//! A part of the heap: some objects with their sizes and the labels of the
//! references between them.
//!
//! To draw what holds one object, most of the heap need not be recorded. Which
//! objects are met is found first ([`crate::referrers()`],
//! [`crate::referents()`]); only these become nodes.

use pyo3::prelude::*;
use snakeroot::Snapshot;

use crate::number::Raw;
use crate::own::Own;
use crate::pause::{Collector, Held, Stopped};
use crate::probe::Probe;
use crate::sink::Part;
use crate::walker::Walker;
use crate::{Capture, WalkError, into_raw, roots};

/// Records some objects, their types, and the references among them.
///
/// Stays attached: no Python code runs before this returns.
///
/// # Errors
///
/// As for [`crate::snapshot`].
///
/// # Complexity
///
/// O of the objects and all their references.
pub fn part(
    py: Python<'_>,
    probe: &Probe,
    objects: &[Bound<'_, PyAny>],
) -> Result<(Snapshot, Held), WalkError> {
    let mut capture = Capture::begin(py, probe);
    let collector = Collector::pause();
    let collecting = capture.pause(probe);
    let mut held = Held::default();
    let stopped = Stopped::begin(py);
    // SAFETY: attached through `py`; nothing below runs Python code.
    let raw = unsafe {
        let mut walker = Walker::new(probe, Part::new(), false);
        walker.own = Own::find(probe);
        walker.collecting = collecting;
        for object in objects {
            let address = object.as_ptr() as usize;
            // What was asked for is shown, whoever's it is.
            walker.own.addresses.remove(&address);
            walker.sink.whole.find(address);
        }
        let whole = &mut walker.sink.whole;
        let roots = roots::of_interpreter().into_iter();
        let met = roots.filter(|(object, _)| whole.marks.has(*object)).collect::<Vec<_>>();
        let roots = met.into_iter().map(|(object, root)| (whole.find(object), root)).collect();
        #[cfg(Py_GIL_DISABLED)]
        walker.take_counts();
        walker.take_threads(&capture.names);
        walker.close_part();
        held.take(&walker.sink.whole.queue);
        let raw = into_raw(walker.into_whole(), roots);
        Raw { accounts: None, ..raw }
    };
    drop(stopped);
    capture.resume();
    drop(collector);
    Ok((capture.end(raw)?, held))
}
