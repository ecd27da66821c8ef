//! The verbs on sets of objects: which to take, in which groups.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use snakeroot::analysis::{self, By, Selection};
use snakeroot::snapshot::{Flags, RootKind};
use snakeroot::{Graph, view};

use crate::Failure;
use crate::progress::Progress;
use crate::tables::{self, write_data};
use crate::verbs::{dominators, load_graph};

/// Rows shown where no limit is given.
const DEFAULT_ROWS: usize = 20;

type Out<'a> = &'a mut dyn Write;

/// Which objects, and in which groups.
#[derive(Debug, Args)]
pub(crate) struct ObjectsArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// Only objects of this type: app.Session, dict; may be given several times
    #[arg(long = "type", value_name = "TYPE")]
    types: Vec<String>,
    /// Only objects of this module, or of one below it: app
    #[arg(long, value_name = "MODULE")]
    module: Option<String>,
    /// Only objects of this size or larger: 4096, 64KiB, 1.5MiB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    min_size: Option<u64>,
    /// Only objects of this size or smaller
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_size: Option<u64>,
    /// Only objects with this flag; may be given several times
    #[arg(long = "flag", value_name = "FLAG", value_parser = flag_names())]
    flags: Vec<String>,
    /// Only GC roots of this kind
    #[arg(long, value_name = "KIND", value_parser = root_names())]
    root: Option<String>,
    /// What the objects of one row have in common
    #[arg(long, value_enum, default_value = "type")]
    by: GroupBy,
    /// The most rows to show: 20 where not given, all in JSON and CSV
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum GroupBy {
    /// Their type
    Type,
    /// The module of their type; of a function, a class or a module its own
    Module,
    /// Their size, in powers of two
    Size,
    /// The kinds of objects that refer to them
    Referrers,
    /// The labels of the references to them
    Via,
}

/// How many rows.
#[derive(Debug, Args)]
pub(crate) struct RowsArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// The most rows to show: 20 where not given, all in JSON and CSV
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    csv: bool,
}

fn flag_names() -> clap::builder::PossibleValuesParser {
    Flags::NAMES.map(|(_, name)| name).into()
}

fn root_names() -> clap::builder::PossibleValuesParser {
    RootKind::ALL.map(RootKind::word).into()
}

/// A size as people write it.
fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|sign: char| sign.is_ascii_alphabetic());
    let unit = match &*text[digits.len()..].to_ascii_lowercase() {
        "" | "b" => 1_u64,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        _ => return Err("expected a size such as 4096, 64KiB, 1.5MiB, 2GiB".into()),
    };
    let wrong = || "expected a size such as 4096, 64KiB, 1.5MiB, 2GiB".to_owned();
    let digits = digits.trim_end();
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(unit).ok_or_else(wrong);
    }
    let number: f64 = digits.parse().map_err(|_| wrong())?;
    let bytes = number * unit as f64;
    if (0.0..1.8e19).contains(&bytes) { Ok(bytes.ceil() as u64) } else { Err(wrong()) }
}

/// What was asked of the objects.
fn selection(graph: &Graph, asked: &ObjectsArguments) -> Result<Selection, Failure> {
    let in_file = |error| Failure::wrong(format!("{error} in {}", asked.file.display()));
    let mut types = None;
    for name in &asked.types {
        let found = analysis::types_named(graph, name).map_err(in_file)?;
        types.get_or_insert_with(Vec::new).extend(found);
    }
    let mut flags = Flags::default();
    for (flag, name) in Flags::NAMES {
        if asked.flags.iter().any(|asked| asked == name) {
            flags |= flag;
        }
    }
    Ok(Selection {
        types,
        module: asked.module.clone(),
        min_size: asked.min_size,
        max_size: asked.max_size,
        flags,
        root: asked.root.as_deref().and_then(RootKind::from_word),
        ..Selection::default()
    })
}

pub(crate) fn objects(asked: &ObjectsArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let selection = selection(&graph, asked)?;
    let set = analysis::select(&graph, &selection)
        .map_err(|error| Failure::wrong(format!("{error} in {}", asked.file.display())))?;
    let by = match asked.by {
        GroupBy::Type => By::Type,
        GroupBy::Module => By::Module,
        GroupBy::Size => By::Size,
        GroupBy::Referrers => By::Referrers,
        GroupBy::Via => By::Via,
    };
    let groups = analysis::partition(&graph, &set, by, progress.steps("putting them in groups"))?;
    let watch = progress.steps("finding out what they retain");
    let retained = analysis::retained_by(&graph, &set, watch)?;
    let sizes = retained.iter().map(|node| graph.snapshot().size(node));
    let together = sizes.fold(0, u64::saturating_add);
    let retained = groups.retained(&dominators(&graph, &progress)?);
    drop(progress);
    if asked.json || asked.csv {
        let answer = view::json::objects(&graph, &groups, &retained, together, asked.limit);
        return write_data(&answer, asked.csv, &tables::GROUPS, out);
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS);
    writeln!(out, "{}", view::objects_line(&graph, &groups, together))?;
    if !set.is_empty() {
        write!(out, "{}", view::groups_table(&graph, &groups, &retained, limit).text())?;
    }
    Ok(())
}

pub(crate) fn roots(asked: &RowsArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let tree = dominators(&graph, &progress)?;
    drop(progress);
    let rows = analysis::root_rows(&graph, &tree);
    if asked.json || asked.csv {
        let answer = view::json::roots(&graph, &tree, &rows, asked.limit);
        return write_data(&answer, asked.csv, &tables::ROOTS, out);
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS);
    write!(out, "{}", view::roots_table(&graph, &tree, &rows, limit).text())?;
    Ok(())
}

pub(crate) fn modules(asked: &RowsArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let tree = dominators(&graph, &progress)?;
    drop(progress);
    let rows = analysis::module_rows(&graph, &tree);
    if asked.json || asked.csv {
        let answer = view::json::modules(&graph, &tree, &rows, asked.limit);
        return write_data(&answer, asked.csv, &tables::MODULES, out);
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS);
    write!(out, "{}", view::modules_table(&graph, &tree, &rows, limit).text())?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn a_size_is_read_with_its_unit() {
        assert_eq!(size("4096"), Ok(4096));
        assert_eq!(size("64KiB"), Ok(65_536));
        assert_eq!(size("1.5 MiB"), Ok(1_572_864));
        assert_eq!(size("2g"), Ok(2 << 30));
        for wrong in ["", "KiB", "-1", "1TB", "99999999999G", "nan"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }
}
