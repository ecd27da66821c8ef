//! The verb `cycles`.

use snakeroot::analysis::{self, CycleScope};
use snakeroot::view;

use crate::Failure;
use crate::arguments::CyclesArguments;
use crate::progress::Progress;
use crate::tables::{self, write_data};
use crate::verbs::{Out, load_graph};

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
    if asked.json || asked.csv {
        let answer = view::cycles_json(&graph, &cycles, &shown);
        return write_data(&answer, asked.csv, &tables::CYCLES, out);
    }
    write!(out, "{}", view::cycles_text(&graph, &cycles, &shown, "--machinery shows them"))?;
    Ok(())
}
