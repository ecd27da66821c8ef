//! Writes a dump as large as is wanted, to try what a heap of that size takes.
//!
//! `cargo run --release -p snakeroot-dump --example made_up_heap -- OBJECTS FILE`
//!
//! Three references an object; about 54 bytes of memory an object meanwhile.

use std::error::Error;
use std::path::PathBuf;

#[path = "../../snakeroot/benches/made_up/mod.rs"]
#[allow(dead_code)] // the benchmarks draw numbers too
mod made_up;

fn main() -> Result<(), Box<dyn Error>> {
    let usage = "expected a number of objects and a file";
    let mut arguments = std::env::args().skip(1);
    let objects: u32 = arguments.next().ok_or(usage)?.replace('_', "").parse()?;
    let file = PathBuf::from(arguments.next().ok_or(usage)?);
    snakeroot_dump::save(&made_up::heap(objects), &file)?;
    Ok(())
}
