//! JSON lines: one object a line, with the fields of the dump's columns.

use std::io::{self, Write};
use std::iter::Peekable;

use snakeroot::snapshot::{Flags, LabelTable};
use snakeroot::watch::Watch;
use snakeroot::{LabelId, NodeId, Snapshot};

use super::{Extra, ExtraValues, TICK, check_extras, put_number, put_text};
use crate::error::DumpError;

/// Writes one JSON object a node, each in a line of its own.
///
/// The fields are the columns of the dump, in their order, then `extras`. Other than
/// there, `address` and `hash` are texts (`"0x7f85a5338410"`: a JSON number may lose the
/// low bits) and `flags` a list of names; `labels` is null where nothing is known of any.
///
/// # Errors
///
/// When `out` gives one, when the watch stops it, or when `extras` do not fit.
///
/// # Complexity
///
/// O(V + E) time; nothing is kept but the full names of types.
pub fn write_json_lines(
    snapshot: &Snapshot,
    extras: &[Extra<'_>],
    watch: &dyn Watch,
    out: &mut dyn Write,
) -> Result<(), DumpError> {
    check_extras(snapshot, extras)?;
    let types: Vec<String> = snapshot.types().iter().map(|entry| entry.full_name()).collect();
    let mut names = snapshot.names().iter().peekable();
    let mut values = snapshot.values().iter().peekable();
    let mut hashes = snapshot.hashes().iter().copied().peekable();
    let mut natives = snapshot.native_sizes().iter().copied().peekable();
    let mut roots = snapshot.roots().iter().map(|(node, root)| (*node, root)).peekable();
    for node in snapshot.nodes() {
        if node.index() % TICK == 0 {
            watch.tick(node.index() as u64, snapshot.node_count() as u64)?;
        }
        let type_id = snapshot.type_ids()[node.index()];
        let flags = snapshot.flags(node);
        out.write_all(b"{\"id\":")?;
        put_number(out, node.place())?;
        let address =
            (!flags.contains(Flags::SYNTHETIC)).then(|| format!("{:#x}", snapshot.address(node)));
        field(out, "address", address.as_deref(), put_text)?;
        field(out, "type", Some(&*types[type_id.index()]), put_text)?;
        let type_node = snapshot.types()[type_id.index()].node.map(NodeId::place);
        field(out, "type_id", type_node, put_number)?;
        field(out, "size", Some(snapshot.size(node)), put_number)?;
        field(out, "refcount", Some(snapshot.refcount(node)), put_number)?;
        let flags = Flags::NAMES.iter().filter(|&&(flag, _)| flags.contains(flag));
        field(out, "flags", Some(flags.map(|&(_, name)| name)), put_list(put_text))?;
        field(out, "name", of(node, &mut names), put_text)?;
        field(out, "value", of(node, &mut values), put_text)?;
        let hash = of(node, &mut hashes).map(|hash| format!("{hash:#018x}"));
        field(out, "hash", hash.as_deref(), put_text)?;
        field(out, "native_size", of(node, &mut natives), put_number)?;
        let root = of(node, &mut roots).map(ToString::to_string);
        field(out, "root", root.as_deref(), put_text)?;
        let range = snapshot.referents().range(node);
        let referents = &snapshot.referents().targets()[range.clone()];
        let places = referents.iter().map(|referent| referent.place());
        field(out, "referents", Some(places), put_list(put_number))?;
        let labels = &snapshot.labels()[range];
        let is_known =
            labels.is_empty() || labels.iter().any(|&label| label != LabelTable::UNNAMED);
        let table = snapshot.label_table();
        let label =
            |out: &mut dyn Write, label: &LabelId| put_text(out, &table.get(*label).to_stored());
        field(out, "labels", is_known.then_some(labels.iter()), put_list(label))?;
        for extra in extras {
            match extra.values {
                ExtraValues::Numbers(all) => {
                    field(out, extra.name, Some(all[node.index()]), put_number)?;
                }
                ExtraValues::Nodes(all) => {
                    field(out, extra.name, all[node.index()].map(NodeId::place), put_number)?;
                }
            }
        }
        out.write_all(b"}\n")?;
    }
    Ok(())
}

/// What a node has, of pairs that ascend by node and are asked in that order.
fn of<T>(node: NodeId, pairs: &mut Peekable<impl Iterator<Item = (NodeId, T)>>) -> Option<T> {
    pairs.next_if(|&(at, _)| at == node).map(|(_, value)| value)
}

fn field<T>(
    out: &mut dyn Write,
    name: &str,
    value: Option<T>,
    put: impl FnOnce(&mut dyn Write, T) -> io::Result<()>,
) -> io::Result<()> {
    write!(out, ",\"{name}\":")?;
    match value {
        Some(value) => put(out, value),
        None => out.write_all(b"null"),
    }
}

fn put_list<T, I: Iterator<Item = T>>(
    put: impl Fn(&mut dyn Write, T) -> io::Result<()>,
) -> impl FnOnce(&mut dyn Write, I) -> io::Result<()> {
    move |out, items| {
        out.write_all(b"[")?;
        for (at, item) in items.enumerate() {
            if at > 0 {
                out.write_all(b",")?;
            }
            put(out, item)?;
        }
        out.write_all(b"]")
    }
}
