//! midden: a line of JSON for each object, with the ids it refers to.
//!
//! The references of a dict are key, value, key, value; those of a list, tuple
//! or set its items in order.

use std::collections::HashSet;
use std::io::BufRead;

use serde::Deserialize;
use snakeroot::snapshot::{Flags, LabelKind, LabelTable};
use snakeroot::{LabelId, Snapshot};

use super::heap::{Heap, Roots, Targets, Twice};
use super::json::{Lines, Text};
use crate::error::DumpError;

#[derive(Deserialize)]
struct Row<'a> {
    id: u64,
    #[serde(borrow, rename = "type")]
    type_name: Text<'a>,
    references: Vec<u64>,
    size: u64,
    #[serde(borrow, default)]
    value: Option<Text<'a>>,
}

/// How a module's value begins, before its name.
const MODULE: &str = "module ";

pub(super) fn read(input: impl BufRead) -> Result<Snapshot, DumpError> {
    let mut lines = Lines::new(input, "midden");
    let mut heap = Heap::new("midden", Targets::Addresses);
    heap.notice("read from a file of midden");
    heap.notice(
        "sizes are those of sys.getsizeof, which include the header of the garbage collector",
    );
    heap.notice(
        "not recorded: labels of references but those of dicts, lists, tuples and sets, reference \
         counts, which references are weak, threads",
    );
    let element = heap.label(LabelKind::Element, "")?;
    let mut odd_dicts = 0_u64;
    while lines.advance()? {
        let Row { id, type_name, references, size, value } = lines.parse()?;
        let type_name = &*type_name.0;
        // Until all modules are known, the full name stands for the type.
        let type_id = heap.type_id("", type_name);
        let row = heap.row(id, type_id, size, Flags::default())?;
        match type_name {
            "builtins.dict" if references.len() % 2 == 0 => {
                for entry in references.chunks_exact(2) {
                    heap.entry(entry[0], entry[1])?;
                }
            }
            "builtins.list" | "builtins.tuple" => {
                for (&target, at) in references.iter().zip(0..) {
                    heap.edge(target, LabelId::item(at));
                }
            }
            "builtins.set" | "builtins.frozenset" => {
                references.iter().for_each(|&target| heap.edge(target, element));
            }
            _ => {
                odd_dicts += u64::from(type_name == "builtins.dict");
                references.iter().for_each(|&target| heap.edge(target, LabelTable::UNNAMED));
            }
        }
        let Some(value) = value else { continue };
        match type_name {
            "builtins.str" => heap.text(row, &value.0),
            "builtins.module" => heap.name(row, value.0.strip_prefix(MODULE).unwrap_or(&value.0)),
            "builtins.bytes" | "builtins.int" | "builtins.float" | "builtins.complex"
            | "builtins.bool" | "builtins.NoneType" => heap.value(row, &value.0),
            // Functions, types and descriptors: their full names.
            _ => heap.name(row, &value.0),
        }
    }
    if odd_dicts > 0 {
        heap.notice(format!(
            "dicts with an odd number of references, of which it is not known which are keys: {odd_dicts}"
        ));
    }
    name_modules(&mut heap);
    heap.finish(Twice::Refused, Roots::Found)
}

/// Cuts the full names of types into module and name.
///
/// The longest name of a recorded module that begins the full name is the
/// module's. Where none does, the last point ends it, which is wrong for classes
/// inside classes.
fn name_modules(heap: &mut Heap) {
    let mut modules: HashSet<Box<str>> = HashSet::from(["builtins".into()]);
    for (row, name) in heap.names() {
        if &*heap.type_of(row).qualname == "builtins.module" {
            modules.insert(name.into());
        }
    }
    for entry in &mut heap.types {
        let full = &*entry.qualname;
        let known = full.rmatch_indices('.').find(|&(at, _)| modules.contains(&full[..at]));
        let before_locals = full.find(".<locals>").unwrap_or(full.len());
        let cut = known.map(|(at, _)| at).or_else(|| full[..before_locals].rfind('.'));
        if let Some(at) = cut.filter(|&at| at > 0 && at + 1 < full.len()) {
            let (module, qualname) = (full[..at].into(), full[at + 1..].into());
            (entry.module, entry.qualname) = (module, qualname);
        }
    }
}
