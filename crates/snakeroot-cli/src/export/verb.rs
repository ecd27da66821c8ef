//! The verb `export`.

use std::io;
use std::path::Path;

use serde_json::json;
use snakeroot::Graph;
use snakeroot::analysis::Direction;
use snakeroot::view::{grouped, human_size};
use snakeroot_dump::DumpErrorKind;

use super::{ExportError, Format, NotEarlier, Part, Request, Written, stable_numbers};
use crate::Failure;
use crate::arguments::{ExportArguments, PartArguments, Way, Which};
use crate::choice::choose;
use crate::progress::Progress;
use crate::verbs::{Out, dominators, load_graph, write_json};

pub(crate) fn export(asked: &ExportArguments, out: Out<'_>) -> Result<(), Failure> {
    // All that can be said before the heap is loaded, which may take seconds.
    let format = format(asked)?;
    check(asked, format)?;
    let is_printed = asked.output.as_os_str() == "-";
    if !is_printed {
        snakeroot_dump::check_place(&asked.output, 0)?;
    }
    let progress = Progress::begin();
    let earlier = asked.since.iter().map(|file| load_graph(file, &progress));
    let earlier = earlier.collect::<Result<Vec<Graph>, Failure>>()?;
    let graph = load_graph(&asked.file, &progress)?;
    let mut request = Request { columns: asked.with.clone(), ..Request::new(format) };
    if !earlier.is_empty() {
        let watch = progress.steps("looking for what is still there");
        let numbers = stable_numbers(&earlier.iter().collect::<Vec<_>>(), &graph, watch).map_err(
            |error| match error {
                NotEarlier::Stopped => Failure::from(snakeroot::watch::Stopped),
                other => Failure::wrong(format!("--since: {other}")),
            },
        )?;
        request.numbers = Some(numbers);
    }
    drop(earlier);
    request.part = part(&graph, &asked.file, &asked.part)?;
    let tree = match request.needs_dominators() {
        true => Some(dominators(&graph, &progress)?),
        false => None,
    };
    let watch = progress.steps(format!("writing {}", asked.output.display()));
    if is_printed {
        let written = request.write(&graph, tree.as_ref(), out, watch);
        written.map_err(|error| failure(error, true))?;
        return Ok(());
    }
    let written = request.save(&graph, tree.as_ref(), &asked.output, watch);
    let written = written.map_err(|error| failure(error, false))?;
    drop(progress);
    report(asked, format, written, out)
}

/// What was asked for, or what the name of the file says.
fn format(asked: &ExportArguments) -> Result<Format, Failure> {
    let by_name = || Format::of(&asked.output);
    asked.to.or_else(by_name).ok_or_else(|| {
        let words = Format::ALL.map(Format::word).join(", ");
        Failure::wrong(format!(
            "{}: expected --to with one of {words}, or a name that ends so",
            asked.output.display()
        ))
    })
}

/// Fails where the arguments do not go together.
fn check(asked: &ExportArguments, format: Format) -> Result<(), Failure> {
    let refuse = |argument: &str, expected: &str| {
        let word = format.word();
        Err(Failure::wrong(format!("{argument}: expected --to {expected}, found {word}")))
    };
    let part = &asked.part;
    if !asked.with.is_empty() && !format.takes_columns() {
        return refuse("--with", "parquet or jsonl");
    }
    if !asked.since.is_empty() && format != Format::HeapSnapshot {
        return refuse("--since", "heapsnapshot");
    }
    let names_a_part = part.type_name.is_some() || part.address.is_some() || part.id.is_some();
    if names_a_part && format.takes_a_whole_heap() {
        return refuse("--type, --address and --id", "graphml or dot");
    }
    if asked.output.as_os_str() == "-" {
        if format == Format::Parquet {
            return Err(Failure::wrong("-o -: expected a file for parquet, which is no text"));
        }
        if asked.json {
            return Err(Failure::wrong("--json: expected a file to write, found -o -"));
        }
    }
    Ok(())
}

fn part(graph: &Graph, file: &Path, asked: &PartArguments) -> Result<Option<Part>, Failure> {
    let which = Which { type_name: asked.type_name.clone(), address: asked.address, id: asked.id };
    if which.type_name.is_none() && which.address.is_none() && which.id.is_none() {
        return Ok(None);
    }
    let chosen = choose(graph, file, &which, asked.nth)?;
    Ok(Some(Part {
        starts: vec![chosen.node],
        direction: match asked.direction {
            Way::Referents => Direction::Referents,
            Way::Referrers => Direction::Referrers,
        },
        depth: asked.depth,
        too_many: asked.too_many,
    }))
}

fn failure(error: ExportError, is_printed: bool) -> Failure {
    match error {
        ExportError::Dump(error) => match error.kind() {
            // A reader that goes away is no error.
            DumpErrorKind::Io(inner) if is_printed => {
                Failure::Output(io::Error::new(inner.kind(), inner.to_string()))
            }
            _ => error.into(),
        },
        ExportError::TooMany { is_whole: true, .. } => {
            Failure::wrong(format!("{error} with --type, --address or --id"))
        }
        other => Failure::wrong(other.to_string()),
    }
}

fn report(
    asked: &ExportArguments,
    format: Format,
    written: Written,
    out: Out<'_>,
) -> Result<(), Failure> {
    let Written { nodes, references, bytes, left_out } = written;
    let file = asked.output.display();
    if asked.json {
        let answer = json!({
            "schema": "snakeroot.export/1",
            "file": file.to_string(),
            "format": format.word(),
            "nodes": nodes,
            "references": references,
            "bytes": bytes,
            "left_out": left_out,
        });
        return write_json(&answer, out);
    }
    let (nodes, references) = (grouped(nodes), grouped(references));
    writeln!(out, "{file}: {nodes} objects, {references} references, {}", human_size(bytes))?;
    if left_out > 0 {
        let left_out = grouped(left_out);
        writeln!(
            out,
            "left out: {left_out} names, labels and values, for which DevTools has no room"
        )?;
    }
    Ok(())
}
