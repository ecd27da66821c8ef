//! PyHeap: threads with their local variables, then objects with what they hold.
//!
//! Whole numbers have their most significant byte first. After the contents of
//! exact dicts, lists, tuples and sets come the other referents of an object,
//! and of most types all attributes that `dir` names, wherever they come from:
//! these are no references, but where just one of them leads to a referent, its
//! name is that reference's label.

use std::collections::{HashMap, HashSet};
use std::io::BufRead;

use snakeroot::snapshot::{Flags, LabelKind, LabelTable, RootKind};
use snakeroot::{LabelId, Snapshot, TypeId};

use super::builtin;
use super::bytes::Fields;
use super::heap::{Heap, Roots, Targets, Twice};
use super::sniff::PYHEAP_MARK;
use super::time;
use crate::error::{DumpError, DumpErrorKind};

const VERSION: u32 = 1;
/// The flag that objects have their text.
const HAS_TEXT: u64 = 1;
/// How the text of a class and of a module begins.
const CLASS_TEXT: &str = "<class '";
const MODULE_TEXT: &str = "<module '";

pub(super) fn read(input: impl BufRead) -> Result<Snapshot, DumpError> {
    let mut heap = Heap::new("PyHeap", Targets::Addresses);
    let (class_label, module_label) =
        (heap.label(LabelKind::Slot, "__class__")?, heap.label(LabelKind::Slot, "__module__")?);
    let mut reader = Reader {
        fields: Fields::new(input, "PyHeap"),
        heap,
        has_text: false,
        known: HashMap::new(),
        often: Vec::new(),
        common: HashSet::new(),
        types: HashMap::new(),
        classes: HashMap::new(),
        names: Vec::new(),
        attributes: Vec::new(),
        synthetics: Vec::new(),
        class_label,
        module_label,
    };
    reader.header()?;
    reader.threads()?;
    reader.tables()?;
    reader.objects()?;
    reader.types()?;
    reader.finish()
}

/// What the text and the attributes of a class say of it.
struct Class {
    /// `app.Session`, or `dict` for a built-in one.
    full_name: String,
    /// Where the str is that is its `__module__`.
    module: Option<u64>,
}

/// A thread or a frame, whose node comes after all objects.
struct Synthetic {
    name: String,
    is_thread: bool,
    locals: Vec<(u64, LabelId)>,
}

struct Reader<R> {
    fields: Fields<R>,
    heap: Heap,
    has_text: bool,
    /// Types that the reader must know, by name.
    known: HashMap<String, u64>,
    /// Names of attributes that are written as numbers.
    often: Vec<LabelId>,
    /// Types whose objects have no attributes written.
    common: HashSet<u64>,
    /// Types by address.
    types: HashMap<u64, TypeId>,
    /// Objects that are classes by their text.
    classes: HashMap<u64, Class>,
    /// Rows with the names that their texts give them if they are of a built-in type.
    names: Vec<(u32, &'static str, String)>,
    /// Of the object that is read: where its attributes lead, and their labels.
    attributes: Vec<(u64, LabelId)>,
    synthetics: Vec<Synthetic>,
    class_label: LabelId,
    module_label: LabelId,
}

impl<R: BufRead> Reader<R> {
    fn header(&mut self) -> Result<(), DumpError> {
        let fields = &mut self.fields;
        fields.long("the mark")?;
        let version = fields.word("the version")?;
        if version != VERSION {
            let reason = format!("PyHeap: expected version {VERSION}, found {version}");
            return Err(DumpErrorKind::Refused { reason }.into());
        }
        self.heap.info.started_ms = time::milliseconds(&fields.text("the time")?);
        let at = fields.at();
        let flags = fields.long("flags")?;
        if flags & !HAS_TEXT != 0 {
            return Err(
                fields.damaged(at, format_args!("expected flags up to 1, found {flags:#x}"))
            );
        }
        self.has_text = flags & HAS_TEXT != 0;
        for _ in 0..fields.word("the number of types")? {
            let name = fields.text("a type's name")?;
            self.known.insert(name, fields.long("a type's address")?);
        }
        self.heap.notice("read from a file of PyHeap");
        self.heap.notice(
            "sizes are those of sys.getsizeof, which include the header of the garbage collector",
        );
        self.heap.notice(
            "not recorded: labels of references but those of dicts, lists, tuples, sets and some \
             attributes, reference counts, which references are weak",
        );
        if !self.has_text {
            self.heap.notice("not recorded: values, names of modules, the modules of classes");
        }
        Ok(())
    }

    fn threads(&mut self) -> Result<(), DumpError> {
        let Self { fields, heap, synthetics, .. } = self;
        for _ in 0..fields.word("the number of threads")? {
            let name = format!("{:?}", fields.text("a thread's name")?);
            fields.byte("whether a thread is alive")?;
            fields.byte("whether a thread is a daemon")?;
            synthetics.push(Synthetic { name, is_thread: true, locals: Vec::new() });
            for _ in 0..fields.word("the number of frames")? {
                let file = fields.text("a file's name")?;
                let line = fields.word("a line")?;
                let function = fields.text("a function's name")?;
                let mut locals = Vec::new();
                for _ in 0..fields.word("the number of local variables")? {
                    let label = heap.label(LabelKind::Local, &fields.text("a variable's name")?)?;
                    locals.push((fields.long("a variable's address")?, label));
                }
                let file = file.rsplit(['/', '\\']).next().unwrap_or_default();
                let name = match line {
                    0 => format!("{function}() {file}"),
                    _ => format!("{function}() {file}:{line}"),
                };
                synthetics.push(Synthetic { name, is_thread: false, locals });
            }
        }
        Ok(())
    }

    /// The names of attributes, and the types whose attributes are not written.
    fn tables(&mut self) -> Result<(), DumpError> {
        for _ in 0..self.fields.word("the number of names")? {
            let at = self.fields.at();
            let length = self.fields.short("a name's length")?;
            let length = usize::try_from(length).map_err(|_| {
                self.fields.damaged(at, format_args!("expected a name's length, found {length}"))
            })?;
            let name = self.fields.text_of(length, "a name")?;
            let label = self.attribute_label(&name)?;
            self.often.push(label);
        }
        for _ in 0..self.fields.word("the number of types")? {
            let address = self.fields.long("a type's address")?;
            self.common.insert(address);
            for _ in 0..self.fields.word("the number of attributes")? {
                self.attribute()?;
            }
        }
        Ok(())
    }

    fn attribute_label(&mut self, name: &str) -> Result<LabelId, DumpError> {
        let is_special = name.len() > 4 && name.starts_with("__") && name.ends_with("__");
        let kind = if is_special { LabelKind::Slot } else { LabelKind::Attribute };
        self.heap.label(kind, name)
    }

    /// An attribute: where it leads, and its label.
    fn attribute(&mut self) -> Result<(u64, LabelId), DumpError> {
        let at = self.fields.at();
        let length = self.fields.short("an attribute's name")?;
        let label = if let Ok(length) = usize::try_from(length) {
            let name = self.fields.text_of(length, "an attribute's name")?;
            self.attribute_label(&name)?
        } else {
            let place = usize::from((-1 - length).unsigned_abs());
            *self.often.get(place).ok_or_else(|| {
                let most = self.often.len();
                self.fields.damaged(at, format_args!("expected a name below {most}, found {place}"))
            })?
        };
        Ok((self.fields.long("an attribute's address")?, label))
    }

    fn objects(&mut self) -> Result<(), DumpError> {
        let known = |name: &str| self.known.get(name).copied();
        let containers = ["dict", "list", "tuple", "set", "str"].map(known);
        let element = self.heap.label(LabelKind::Element, "")?;
        for _ in 0..self.fields.word("the number of objects")? {
            let address = self.fields.long("an object's address")?;
            let type_address = self.fields.long("the address of an object's type")?;
            let size = self.fields.word("an object's size")?;
            let type_id = *self.types.entry(type_address).or_insert_with(|| {
                let type_id = self.heap.new_type("", "");
                self.heap.type_addresses.push((type_id, type_address));
                type_id
            });
            let row = self.heap.row(address, type_id, size.into(), Flags::default())?;
            let is = |at: usize| containers[at] == Some(type_address);
            let [is_dict, is_list, is_tuple, is_set, is_str] = [0, 1, 2, 3, 4].map(is);
            let is_container = is_dict || is_list || is_tuple || is_set;
            if is_container {
                for at in 0..self.fields.word("the number of items")? {
                    let item = self.fields.long("an item's address")?;
                    if is_dict {
                        self.heap.entry(item, self.fields.long("a value's address")?)?;
                    } else {
                        self.heap.edge(item, if is_set { element } else { LabelId::item(at) });
                    }
                }
            }
            for _ in 0..self.fields.word("the number of referents")? {
                let target = self.fields.long("a referent's address")?;
                let is_class = target == type_address;
                self.heap
                    .edge(target, if is_class { self.class_label } else { LabelTable::UNNAMED });
            }
            self.attributes.clear();
            if !self.common.contains(&type_address) {
                for _ in 0..self.fields.word("the number of attributes")? {
                    let attribute = self.attribute()?;
                    self.attributes.push(attribute);
                }
            }
            let module = self.attributes.iter().find(|(_, label)| *label == self.module_label);
            let module = module.map(|&(address, _)| address);
            self.name_edges();
            if self.has_text && !is_container {
                let text = self.fields.text("an object's text")?;
                self.take_text(row, address, &text, is_str, module);
            }
        }
        Ok(())
    }

    /// Labels the edges of the last object to which just one attribute leads.
    fn name_edges(&mut self) {
        self.attributes.sort_unstable_by_key(|&(address, _)| address);
        let attributes = &self.attributes;
        if attributes.is_empty() {
            return;
        }
        let unnamed = self.heap.edges().filter(|(_, label)| **label == LabelTable::UNNAMED);
        for (target, label) in unnamed {
            let first = attributes.partition_point(|&(address, _)| address < target);
            match attributes[first..] {
                [(one, _), (two, _), ..] if one == target && two == target => {}
                [(one, found), ..] if one == target => *label = found,
                _ => {}
            }
        }
    }

    /// Takes what `str` gave for an object, as its value and for what it tells of its name.
    fn take_text(&mut self, row: u32, address: u64, text: &str, is_str: bool, module: Option<u64>) {
        if is_str {
            return self.heap.text(row, text);
        }
        if let Some(full_name) =
            text.strip_prefix(CLASS_TEXT).and_then(|rest| rest.strip_suffix("'>"))
        {
            self.heap.name(row, full_name);
            self.classes.insert(address, Class { full_name: full_name.into(), module });
            return;
        }
        let module = text.strip_prefix(MODULE_TEXT).and_then(|rest| rest.split('\'').next());
        let function = || text.strip_prefix("<function ")?.rsplit_once(" at 0x");
        if let Some(name) = module {
            self.names.push((row, "builtins.module", name.into()));
        } else if let Some((name, _)) = function() {
            self.names.push((row, "builtins.function", name.into()));
        }
        self.heap.value(row, text);
    }

    fn types(&mut self) -> Result<(), DumpError> {
        let wanted: HashSet<u64> = self.classes.values().filter_map(|class| class.module).collect();
        let texts = self.heap.texts().filter(|(address, _)| wanted.contains(address));
        let texts: HashMap<u64, Box<str>> =
            texts.map(|(address, text)| (address, text.into())).collect();
        let known: HashSet<u64> = self.known.values().copied().collect();
        let mut named = HashSet::new();
        for _ in 0..self.fields.word("the number of types")? {
            let address = self.fields.long("a type's address")?;
            let name = self.fields.text("a type's name")?;
            let Some(&type_id) = self.types.get(&address) else { continue };
            let (module, qualname) = match self.classes.get(&address) {
                Some(class) => class.split(&name, &texts),
                None if known.contains(&address) || builtin::is_builtin(&name) => {
                    ("builtins", &*name)
                }
                None => ("", &*name),
            };
            let entry = &mut self.heap.types[type_id.index()];
            (entry.module, entry.qualname) = (module.into(), qualname.into());
            named.insert(address);
        }
        match self.types.keys().filter(|address| !named.contains(address)).min() {
            Some(address) => Err(self.fields.damaged(
                self.fields.at(),
                format_args!("expected a name for the type at {address:#x}, found none"),
            )),
            None => Ok(()),
        }
    }

    /// The mark at the end; then threads and frames become nodes.
    fn finish(mut self) -> Result<Snapshot, DumpError> {
        let at = self.fields.at();
        let mark = self.fields.long("the mark at the end")?;
        if mark.to_be_bytes() != PYHEAP_MARK {
            return Err(self.fields.damaged(
                at,
                format_args!(
                    "expected the mark {:#x} at the end, found {mark:#x}",
                    u64::from_be_bytes(PYHEAP_MARK)
                ),
            ));
        }
        if !self.fields.is_at_end()? {
            return Err(self.fields.damaged(at + 8, "expected the end of the file, found more"));
        }
        let mut heap = self.heap;
        for (row, wanted, name) in &self.names {
            if heap.type_of(*row).full_name() == *wanted {
                heap.name(*row, name);
            }
        }
        let (thread_type, frame_type) = (heap.type_id("", "thread"), heap.type_id("", "frame"));
        let (mut thread, mut frames) = (0, 0);
        for Synthetic { name, is_thread, locals } in self.synthetics {
            let type_id = if is_thread { thread_type } else { frame_type };
            let row = heap.row(0, type_id, 0, Flags::SYNTHETIC)?;
            heap.name(row, &name);
            locals.into_iter().for_each(|(target, label)| heap.edge(target, label));
            if is_thread {
                (thread, frames) = (row, 0_u64);
                heap.root(row, RootKind::Thread, &name);
            } else {
                let label = heap.label(LabelKind::Frame, &frames.to_string())?;
                heap.link(thread, row, label);
                frames += 1;
            }
        }
        heap.finish(Twice::Refused, Roots::Found)
    }
}

impl Class {
    /// Module and qualified name, of a class with this `__name__`.
    ///
    /// A class written in Python says its module; the name of one in C is the
    /// last part of its full name; a built-in one is shown without a module.
    fn split<'a>(&'a self, name: &'a str, texts: &'a HashMap<u64, Box<str>>) -> (&'a str, &'a str) {
        let full = &*self.full_name;
        let module = self.module.and_then(|address| texts.get(&address)).map(|text| &**text);
        let rest_after = |module: &str| full.strip_prefix(module)?.strip_prefix('.');
        if let Some((module, rest)) = module.and_then(|module| Some((module, rest_after(module)?)))
        {
            return (module, rest);
        }
        match full.strip_suffix(name).and_then(|before| before.strip_suffix('.')) {
            Some(module) => (module, name),
            None if full == name => ("builtins", name),
            None => ("", name),
        }
    }
}
