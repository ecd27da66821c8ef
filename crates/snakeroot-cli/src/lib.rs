//! The `snakeroot` command: asks saved heaps.
//!
//! A library, so that the Python package's command is this one too. It knows
//! dumps only, never a live process, and is the one place that prints.

mod arguments;
mod choice;
mod cycles;
mod diff;
pub mod export;
mod listing;
mod progress;
mod sets;
mod suspects;
mod tables;
mod verbs;
mod why;

use std::ffi::OsString;
use std::fmt;
use std::io::{self, BufWriter, Write};

use clap::{CommandFactory, FromArgMatches};

use arguments::{Arguments, Verb};

/// The host's own examination: given whether JSON is wanted, what it found.
///
/// An `Err` is a check that failed, in words.
pub type Doctor<'a> = &'a dyn Fn(bool) -> Result<String, String>;

/// Everything went as asked.
const DONE: u8 = 0;
/// A check found what it looks for.
const CHECK_FAILED: u8 = 1;
/// Wrong usage, or a file that cannot be used.
const WRONG: u8 = 2;

/// Runs the command and gives its exit status: 0 done, 1 a check failed, 2 wrong usage or a bad file.
///
/// `args` begins with the program's name. Without a `doctor` the verb of that
/// name is not offered. A reader that goes away (`| head`) is no error.
pub fn run(args: impl IntoIterator<Item = OsString>, doctor: Option<Doctor<'_>>) -> u8 {
    let mut out = BufWriter::new(io::stdout().lock());
    // Not locked: progress is written there meanwhile.
    run_with(args, doctor, &mut out, &mut io::stderr())
}

/// As [`run`], with the places to write to.
pub fn run_with(
    args: impl IntoIterator<Item = OsString>,
    doctor: Option<Doctor<'_>>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> u8 {
    match answer(args, doctor, out).and_then(|status| {
        out.flush()?;
        Ok(status)
    }) {
        Ok(status) => status,
        Err(Failure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => DONE,
        Err(failure) => {
            // Where even this cannot be written, nothing is left to say.
            let _ = match &failure {
                Failure::Usage(error) => write!(err, "{error}"),
                other => writeln!(err, "snakeroot: {other}"),
            };
            if matches!(failure, Failure::Check(_)) { CHECK_FAILED } else { WRONG }
        }
    }
}

fn answer(
    args: impl IntoIterator<Item = OsString>,
    doctor: Option<Doctor<'_>>,
    out: &mut dyn Write,
) -> Result<u8, Failure> {
    let command = Arguments::command()
        .mut_subcommand("doctor", |verb| if doctor.is_none() { verb.hide(true) } else { verb });
    let matches = match command.try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => return Err(Failure::Usage(error)),
        Err(help) => {
            write!(out, "{help}")?;
            return Ok(DONE);
        }
    };
    match Arguments::from_arg_matches(&matches).map_err(Failure::Usage)?.verb {
        Verb::Info(asked) => verbs::info(&asked, out)?,
        Verb::Types(asked) => verbs::types(&asked, out)?,
        Verb::Top(asked) => verbs::top(&asked, out)?,
        Verb::Objects(asked) => sets::objects(&asked, out)?,
        Verb::Roots(asked) => sets::roots(&asked, out)?,
        Verb::Modules(asked) => sets::modules(&asked, out)?,
        Verb::Cycles(asked) => cycles::cycles(&asked, out)?,
        Verb::Why(asked) => why::why(&asked, out)?,
        Verb::Suspects(asked) => return suspects::suspects(&asked, out),
        Verb::Refs(asked) => verbs::refs(&asked, out)?,
        Verb::Backrefs(asked) => verbs::backrefs(&asked, out)?,
        Verb::Diff(asked) => diff::diff(&asked, out)?,
        Verb::Export(asked) => export::verb::export(&asked, out)?,
        Verb::Doctor { json } => {
            let doctor = doctor.ok_or_else(|| {
                Failure::wrong(
                    "doctor examines a Python interpreter: run python -m snakeroot doctor",
                )
            })?;
            let text = doctor(json).map_err(Failure::Check)?;
            writeln!(out, "{}", text.trim_end())?;
        }
    }
    Ok(DONE)
}

/// Why there is no answer.
#[derive(Debug)]
enum Failure {
    /// What was typed is not understood.
    Usage(clap::Error),
    /// A file, an object or a type that cannot be used.
    Wrong(String),
    /// A check found what it looks for.
    Check(String),
    /// The answer could not be written.
    Output(io::Error),
}

impl Failure {
    fn wrong(text: impl Into<String>) -> Self {
        Self::Wrong(text.into())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<snakeroot::watch::Stopped> for Failure {
    fn from(stopped: snakeroot::watch::Stopped) -> Self {
        Self::Wrong(stopped.to_string())
    }
}

impl From<snakeroot_dump::DumpError> for Failure {
    fn from(error: snakeroot_dump::DumpError) -> Self {
        Self::Wrong(error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => write!(f, "{error}"),
            Self::Wrong(text) | Self::Check(text) => f.write_str(text),
            Self::Output(error) => write!(f, "the answer could not be written: {error}"),
        }
    }
}
