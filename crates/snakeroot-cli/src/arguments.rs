//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::export::{Column, Format};
use crate::sets::{ObjectsArguments, RowsArguments};

/// Shows what is in a saved Python heap and what keeps it there.
#[derive(Debug, Parser)]
#[command(name = "snakeroot", bin_name = "snakeroot", version, max_term_width = 100)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// About the process and the capture
    Info(InfoArguments),
    /// How many objects of each type, and how many bytes
    Types(TypesArguments),
    /// What retains most memory: the upper end of the dominator tree
    Top(TopArguments),
    /// A set of objects, by type, module, size or what holds it
    Objects(ObjectsArguments),
    /// What each GC root retains: modules, threads and their local variables
    Roots(RowsArguments),
    /// What each module retains
    Modules(RowsArguments),
    /// Objects that keep each other alive, and where to break their cycles
    Cycles(CyclesArguments),
    /// What keeps an object alive: chains from the GC roots down to it
    Why(WhyArguments),
    /// What holds too much: leak suspects, and where they accumulate
    Suspects(SuspectsArguments),
    /// What an object refers to
    Refs(RefsArguments),
    /// What refers to an object
    Backrefs(RefsArguments),
    /// What changed between two heaps, or was made between two and is still there in a third
    Diff(DiffArguments),
    /// The heap in a form of another tool: Chrome DevTools, Parquet, JSON lines, GraphML, DOT
    Export(ExportArguments),
    /// This interpreter, what works in it and how to mend the rest
    Doctor {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct InfoArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct TypesArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// Which types come first
    #[arg(long, value_enum, default_value = "size")]
    pub(crate) by: By,
    /// The most types to show: 20 where not given, all in JSON and CSV
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum By {
    /// Those with the most bytes
    Size,
    /// Those with the most objects
    Count,
    /// Those whose objects retain the most bytes
    Retained,
}

#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// The most objects to show
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true)]
    pub(crate) limit: usize,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct CyclesArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// The most cycles to show
    #[arg(long, value_name = "N", default_value = "20", allow_negative_numbers = true)]
    pub(crate) limit: usize,
    /// Only what no GC root reaches: what the collector would free
    #[arg(long, conflicts_with = "machinery")]
    pub(crate) garbage: bool,
    /// Follow also what every class, function and module refers to by itself
    #[arg(long)]
    pub(crate) machinery: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SuspectsArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// The share of the heap above which something is a suspect
    #[arg(long, value_name = "SHARE", default_value = "10%", value_parser = share)]
    pub(crate) threshold: f64,
    /// Exit with 1 if a suspect keeps more than this share of the heap: 10%
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) fail_over: Option<f64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
#[command(override_usage = "snakeroot diff [OPTIONS] <OLD> [MIDDLE] <NEW>")]
pub(crate) struct DiffArguments {
    /// Two or three saved heaps of one process, the oldest first
    #[arg(value_name = "HEAP", num_args = 2..=3, required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// By what objects are put together
    #[arg(long, value_enum, default_value = "type")]
    pub(crate) by: DiffBy,
    /// Which rows come first
    #[arg(long, value_enum, default_value = "size")]
    pub(crate) order: DiffOrder,
    /// The most rows to show: 20 where not given, or 10 dominators; in JSON and CSV all, or 100
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print CSV: numbers as they are, one header line
    #[arg(long, conflicts_with = "json")]
    pub(crate) csv: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum DiffBy {
    /// By their type
    Type,
    /// By the module of their type
    Module,
    /// By what dominates them: where what is retained grew
    Dominator,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum DiffOrder {
    /// The largest change in bytes
    Size,
    /// The largest change in the number of objects
    Count,
    /// The most bytes of new objects
    New,
    /// The largest change in retained bytes
    Retained,
}

/// A share of the heap: `10%` or `0.1`.
fn share(text: &str) -> Result<f64, String> {
    let number = match text.strip_suffix('%') {
        Some(number) => number.trim().parse().map(|number: f64| number / 100.0),
        None => text.parse(),
    };
    match number {
        Ok(share) if (0.001..=1.0).contains(&share) => Ok(share),
        _ => Err("expected a share from 0.1% to 100%, such as 10% or 0.1".to_owned()),
    }
}

/// Which object is meant.
#[derive(Debug, Args)]
#[group(required = true, multiple = false, id = "object")]
pub(crate) struct Which {
    /// An object of this type: app.Session, dict
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) type_name: Option<String>,
    /// The object at this address: 0x7f85a5338410
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) address: Option<u64>,
    /// The object in this row of the file
    #[arg(long, value_name = "ID", allow_negative_numbers = true)]
    pub(crate) id: Option<u32>,
}

fn address(text: &str) -> Result<u64, String> {
    let parsed = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| "expected a number such as 0x7f85a5338410".into())
}

#[derive(Debug, Args)]
pub(crate) struct WhyArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) which: Which,
    /// With --type, which of the objects
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) nth: u64,
    /// With --type, the chains of all its objects, equal steps made one
    #[arg(long, conflicts_with = "nth")]
    pub(crate) merge: bool,
    /// Leave out the chains through the object at this address; may be repeated
    #[arg(long, value_name = "ADDRESS", value_parser = address)]
    pub(crate) avoid: Vec<u64>,
    /// The most chains to show: 3 where not given; of merged ones the most steps, 20
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct RefsArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    #[command(flatten)]
    pub(crate) which: Which,
    /// With --type, which of the objects
    #[arg(long, value_name = "K", default_value = "1", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) nth: u64,
    /// How many references away to look
    #[arg(long, value_name = "N", default_value = "3", allow_negative_numbers = true)]
    pub(crate) depth: u32,
    /// The most neighbours of one object to show; the others are counted
    #[arg(long, value_name = "N", default_value = "10", allow_negative_numbers = true)]
    pub(crate) too_many: usize,
    /// Draw a picture into this file: .png, .svg or .dot
    #[arg(short, long, value_name = "PICTURE")]
    pub(crate) output: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct ExportArguments {
    /// The saved heap
    pub(crate) file: PathBuf,
    /// The form; where not given, what the file's name ends in tells
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub(crate) to: Option<Format>,
    /// The file to write; - for standard output
    #[arg(short, long, value_name = "OUT")]
    pub(crate) output: PathBuf,
    /// For parquet and jsonl: answers as further columns
    #[arg(long, value_enum, value_name = "COLUMNS", value_delimiter = ',')]
    pub(crate) with: Vec<Column>,
    /// For heapsnapshot: an earlier heap of the process, exported before; objects keep their ids.
    /// Of several the oldest first
    #[arg(long, value_name = "HEAP")]
    pub(crate) since: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) part: PartArguments,
    /// Print JSON about what was written
    #[arg(long)]
    pub(crate) json: bool,
}

/// A part of the heap, for GraphML and DOT.
#[derive(Debug, Args)]
pub(crate) struct PartArguments {
    /// For graphml and dot: the part around an object of this type
    #[arg(long = "type", value_name = "TYPE", group = "start")]
    pub(crate) type_name: Option<String>,
    /// For graphml and dot: the part around the object at this address
    #[arg(long, value_name = "ADDRESS", value_parser = address, group = "start")]
    pub(crate) address: Option<u64>,
    /// For graphml and dot: the part around the object in this row of the file
    #[arg(long, value_name = "ID", allow_negative_numbers = true, group = "start")]
    pub(crate) id: Option<u32>,
    /// With --type, which of the objects
    #[arg(long, value_name = "K", default_value = "1", requires = "type_name", conflicts_with_all = ["address", "id"], value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) nth: u64,
    /// Of a part: what it refers to, or what refers to it
    #[arg(long, value_enum, default_value = "referents", requires = "start")]
    pub(crate) direction: Way,
    /// Of a part: how many references away to look
    #[arg(
        long,
        value_name = "N",
        default_value = "3",
        requires = "start",
        allow_negative_numbers = true
    )]
    pub(crate) depth: u32,
    /// Of a part: the most neighbours of one object to take
    #[arg(
        long,
        value_name = "N",
        default_value = "10",
        requires = "start",
        allow_negative_numbers = true
    )]
    pub(crate) too_many: usize,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Way {
    /// What the object refers to
    Referents,
    /// What refers to the object
    Referrers,
}

/// A number of chains: none at all would say nothing.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected 1 or more".to_owned()),
        Ok(number) => Ok(number),
    }
}
