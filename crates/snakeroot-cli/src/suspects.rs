//! `snakeroot suspects`: what holds too much, and a check for it.

use snakeroot::{analysis, view};

use crate::arguments::SuspectsArguments;
use crate::progress::Progress;
use crate::tables::{self, write_data};
use crate::verbs::{Out, dominators, load_graph};
use crate::{CHECK_FAILED, DONE, Failure};

/// Writes the suspects; the status says whether one is over the share that must not be.
pub(crate) fn suspects(asked: &SuspectsArguments, out: Out<'_>) -> Result<u8, Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let tree = dominators(&graph, &progress)?;
    // What fails the check is in the report.
    let threshold = asked.fail_over.map_or(asked.threshold, |over| over.min(asked.threshold));
    let watch = progress.steps("looking for what holds too much");
    let found = analysis::suspects(&graph, &tree, threshold, watch)?;
    drop(progress);
    match asked.json || asked.csv {
        true => {
            let answer = view::json::suspects(&graph, &found);
            write_data(&answer, asked.csv, &tables::SUSPECTS, out)?;
        }
        false => write!(out, "{}", view::suspects_text(&graph, &found))?,
    }
    let fails = asked.fail_over.is_some_and(|over| {
        found.found.iter().any(|suspect| suspect.retained as f64 > over * found.heap_bytes as f64)
    });
    Ok(if fails { CHECK_FAILED } else { DONE })
}
