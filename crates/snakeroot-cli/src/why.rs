//! `snakeroot why`: the chains of one object, or of all objects of a type merged.

use snakeroot::Graph;
use snakeroot::analysis;
use snakeroot::view;

use crate::Failure;
use crate::arguments::WhyArguments;
use crate::choice::{at_addresses, choose, choose_all};
use crate::progress::Progress;
use crate::verbs::{Out, load_graph, with_choice, write_choice, write_json};

/// Chains shown where no limit is given.
const DEFAULT_CHAINS: usize = 3;
/// Merged steps shown where no limit is given.
const DEFAULT_STEPS: usize = 20;

pub(crate) fn why(asked: &WhyArguments, out: Out<'_>) -> Result<(), Failure> {
    // Before the heap is loaded, which may take seconds.
    let merged_type = match (asked.merge, asked.which.type_name.as_deref()) {
        (true, None) => return Err(Failure::wrong("--merge: expected --type, found one object")),
        (true, name) => name,
        (false, _) => None,
    };
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    if let Some(name) = merged_type {
        return merged(&graph, name, asked, progress, out);
    }
    let chosen = choose(&graph, &asked.file, &asked.which, asked.nth)?;
    let avoid = at_addresses(&graph, &asked.file, &asked.avoid)?;
    let limit = asked.limit.unwrap_or(DEFAULT_CHAINS);
    let watch = progress.steps("looking for chains from GC roots");
    let chains = analysis::try_why(&graph, chosen.node, limit, &avoid, watch)?;
    drop(progress);
    if asked.json {
        return write_json(&with_choice(view::json::chains(&graph, &chains), chosen), out);
    }
    write_choice(&graph, chosen, out)?;
    if chains.is_empty() {
        let otherwise = if asked.avoid.is_empty() { "" } else { " by another way" };
        let what = view::describe(&graph, chosen.node);
        writeln!(out, "{what}: no GC root reaches it{otherwise}")?;
    }
    for (place, chain) in chains.iter().enumerate() {
        if place > 0 {
            writeln!(out)?;
        }
        write!(out, "{}", view::chain_lines(&graph, chain))?;
    }
    Ok(())
}

fn merged(
    graph: &Graph,
    name: &str,
    asked: &WhyArguments,
    progress: Progress,
    out: Out<'_>,
) -> Result<(), Failure> {
    let members = choose_all(graph, &asked.file, name)?;
    let avoid = at_addresses(graph, &asked.file, &asked.avoid)?;
    let watch = progress.steps("looking for chains from GC roots");
    let merged = analysis::why_merged(graph, &members, &avoid, watch)?;
    drop(progress);
    if asked.json {
        return write_json(&view::json::merged(graph, &merged), out);
    }
    let limit = asked.limit.unwrap_or(DEFAULT_STEPS);
    write!(out, "{}", view::merged_table(graph, &merged, limit).text())?;
    Ok(())
}
