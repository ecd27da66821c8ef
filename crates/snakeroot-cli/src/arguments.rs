//! What can be typed.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

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
    /// What keeps an object alive: chains from the GC roots down to it
    Why(WhyArguments),
    /// What an object refers to
    Refs(RefsArguments),
    /// What refers to an object
    Backrefs(RefsArguments),
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
    /// The most types to show: 20 where not given, all in JSON
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) limit: Option<usize>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum By {
    /// Those with the most bytes
    Size,
    /// Those with the most objects
    Count,
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
    /// The most chains to show
    #[arg(long, value_name = "N", default_value = "3", allow_negative_numbers = true, value_parser = at_least_one)]
    pub(crate) limit: usize,
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

/// A number of chains: none at all would say nothing.
fn at_least_one(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) | Err(_) => Err("expected 1 or more".to_owned()),
        Ok(number) => Ok(number),
    }
}
