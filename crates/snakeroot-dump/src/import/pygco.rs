//! pygco: lines of JSON, the first and the last about the capture, the others
//! objects with the ids they refer to.

use std::io::BufRead;

use serde::Deserialize;
use snakeroot::Snapshot;
use snakeroot::snapshot::{Flags, LabelTable};

use super::heap::{Heap, Roots, Targets, Twice};
use super::json::{Lines, Text};
use super::time;
use crate::error::{DumpError, DumpErrorKind};

const FORMAT: &str = "pygco-dump-jsonl";
const VERSION: u64 = 1;

/// A line of any kind.
#[derive(Deserialize)]
struct Record<'a> {
    #[serde(borrow)]
    record_type: Text<'a>,
    // Of the first and the last line.
    #[serde(borrow, default)]
    phase: Option<Text<'a>>,
    #[serde(borrow, default)]
    format: Option<Text<'a>>,
    #[serde(default)]
    format_version: Option<u64>,
    #[serde(borrow, default)]
    created_at: Option<Text<'a>>,
    #[serde(default)]
    pid: Option<u64>,
    #[serde(borrow, default)]
    python_version: Option<Text<'a>>,
    #[serde(borrow, default)]
    platform: Option<Text<'a>>,
    #[serde(default)]
    include_referents: Option<bool>,
    #[serde(default)]
    total_object_records: Option<u64>,
    // Of an object.
    #[serde(default)]
    id: Option<u64>,
    #[serde(borrow, default, rename = "type")]
    type_name: Option<Text<'a>>,
    #[serde(borrow, default)]
    module: Option<Text<'a>>,
    #[serde(borrow, default)]
    qualname: Option<Text<'a>>,
    #[serde(default)]
    size: Option<u64>,
    #[serde(default)]
    gc_tracked: Option<bool>,
    #[serde(default)]
    stub: Option<bool>,
    #[serde(default)]
    referents: Option<Vec<u64>>,
    #[serde(borrow, default)]
    repr: Option<Text<'a>>,
}

pub(super) fn read(input: impl BufRead) -> Result<Snapshot, DumpError> {
    let mut lines = Lines::new(input, "pygco");
    let mut heap = Heap::new("pygco", Targets::Addresses);
    heap.notice("read from a file of pygco");
    heap.notice(
        "sizes are those of sys.getsizeof, which include the header of the garbage collector",
    );
    heap.notice(
        "not recorded: labels of references, reference counts, which references are weak, threads, \
         names of modules, classes and functions",
    );
    if lines.advance()? {
        begin(&lines, &mut heap)?;
    }
    let (mut stubs, mut unsized_objects) = (0, 0);
    let mut ended = false;
    while lines.advance()? {
        let record: Record<'_> = lines.parse()?;
        if ended {
            return Err(lines.damaged("expected nothing after the record that ends the dump"));
        }
        match (&*record.record_type.0, record.phase.as_ref().map(|phase| &*phase.0)) {
            ("object", _) => {
                stubs += u64::from(record.stub == Some(true));
                unsized_objects += u64::from(record.size.is_none());
                object(&lines, &mut heap, record)?;
            }
            ("metadata", Some("end")) => {
                let found = heap.len() as u64;
                let expected = record.total_object_records.unwrap_or(found);
                if expected != found {
                    return Err(lines.damaged(format!(
                        "expected {expected} objects, as total_object_records says, found {found}"
                    )));
                }
                ended = true;
            }
            (found, _) => {
                return Err(lines.damaged(format!(
                    "expected an object or the end of the dump, found a record of type {found:?}"
                )));
            }
        }
    }
    if !ended {
        return Err(DumpError::damaged(format!(
            "pygco: expected a last record with the phase \"end\", found the end of the file after \
             {} objects",
            heap.len()
        )));
    }
    if stubs > 0 {
        heap.notice(format!(
            "stubs, of which it was not recorded what they refer to: {stubs} objects"
        ));
    }
    if unsized_objects > 0 {
        heap.notice(format!("objects without a size: {}; 0 is taken", unsized_objects));
    }
    heap.finish(Twice::Refused, Roots::Found)
}

/// The first line.
fn begin<R: BufRead>(lines: &Lines<R>, heap: &mut Heap) -> Result<(), DumpError> {
    let record: Record<'_> = lines.parse()?;
    let is = |text: &Option<Text<'_>>, wanted| text.as_ref().is_some_and(|text| text.0 == wanted);
    if record.record_type.0 != "metadata" || !is(&record.phase, "start") {
        return Err(lines.damaged("expected metadata with the phase \"start\" first"));
    }
    if !is(&record.format, FORMAT) || record.format_version != Some(VERSION) {
        let found = record.format.as_ref().map_or("none", |format| &*format.0);
        let version = record.format_version.map_or("none".into(), |version| version.to_string());
        let reason = format!(
            "pygco: expected the format {FORMAT:?} in version {VERSION}, found {found:?} in version {version}"
        );
        return Err(DumpErrorKind::Refused { reason }.into());
    }
    let text = |text: Option<Text<'_>>| text.map(|text| text.0.into_owned()).unwrap_or_default();
    let python = text(record.python_version);
    heap.info.python = python.split_whitespace().next().unwrap_or_default().into();
    heap.info.platform = text(record.platform);
    heap.info.pid = record.pid.and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0);
    heap.info.started_ms = time::milliseconds(&text(record.created_at));
    heap.info.enumeration = "gc.get_objects".into();
    if record.include_referents == Some(false) {
        heap.notice("the dump was made without references");
    }
    Ok(())
}

fn object<R>(lines: &Lines<R>, heap: &mut Heap, record: Record<'_>) -> Result<(), DumpError>
where
    R: BufRead,
{
    let (Some(id), Some(full)) = (record.id, record.type_name) else {
        return Err(lines.damaged("expected an object with id and type, found one without"));
    };
    let type_id = match (&record.module, &record.qualname) {
        (Some(module), Some(qualname)) => heap.type_id(&module.0, &qualname.0),
        _ => heap.type_id("", &full.0),
    };
    let is_tracked = record.gc_tracked == Some(true);
    let flags = if is_tracked { Flags::TRACKED } else { Flags::default() };
    heap.info.tracked += u64::from(is_tracked);
    let row = heap.row(id, type_id, record.size.unwrap_or(0), flags)?;
    for &target in record.referents.iter().flatten() {
        heap.edge(target, LabelTable::UNNAMED);
    }
    if let Some(text) = record.repr {
        heap.value(row, &text.0);
    }
    Ok(())
}
