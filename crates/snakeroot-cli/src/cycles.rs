//! The verb `cycles`.

use snakeroot::analysis::{self, CycleScope};
use snakeroot::view;

use crate::Failure;
use crate::arguments::CyclesArguments;
use crate::progress::Progress;
use crate::verbs::{Out, load_graph, write_json};

pub(crate) fn cycles(asked: &CyclesArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let scope = match (asked.garbage, asked.machinery) {
        (true, _) => CycleScope::Garbage,
        (false, true) => CycleScope::All,
        (false, false) => CycleScope::Made,
    };
    let watch = progress.steps("looking for cycles");
    let cycles = analysis::try_cycles(&graph, scope, watch)?;
    let watch = progress.steps("looking for the shortest ways around");
    let shown = cycles.details(&graph, asked.limit, watch)?;
    drop(progress);
    if asked.json {
        return write_json(&view::cycles_json(&graph, &cycles, &shown), out);
    }
    write!(out, "{}", view::cycles_text(&graph, &cycles, &shown, "--machinery shows them"))?;
    Ok(())
}
