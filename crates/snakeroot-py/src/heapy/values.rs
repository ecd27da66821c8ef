//! How single objects are shown: by value, name or address.
//!
//! Values are read from the live object, if it still lives; from then on they are kept with the
//! walk. Only exact builtin types are read, so no Python code runs.

use std::collections::HashMap;
use std::sync::PoisonError;

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyComplex, PyFloat, PyString, PyType};
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{self, Kind as CoreKind};
use snakeroot::snapshot::LabelKind;
use snakeroot::view::heapy::{kind_brief, limited, limited_bytes, summary, type_name};

use super::kinds::type_key;
use crate::shared::Shared;

/// How an object is shown, and where it stands among its like.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    pub(crate) text: String,
    pub(crate) place: Place,
}

/// What objects are ordered by; those of one type have the same.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Place {
    Address(u64),
    /// Ints beyond this stand at the ends.
    Int(i128),
    /// The bits of floats, so that they are in the floats' order.
    Floats(Vec<i64>),
    Bytes(Vec<u8>),
    Text(String),
}

/// The values that were read of one walk's objects.
pub(crate) type Known = HashMap<NodeId, Shown>;

/// How objects of a type are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Address,
    Length,
    Value,
    Limited,
    Function,
    BuiltinFunction,
    Method,
    Module,
    Type,
    Code,
    Frame,
    Traceback,
}

impl Style {
    fn header(self) -> &'static str {
        match self {
            Self::Address => "Address",
            Self::Length => "Address*Length",
            Self::Value => "Value",
            Self::Limited => "Representation (limited)",
            Self::Function | Self::BuiltinFunction | Self::Module | Self::Type => "Name",
            Self::Method => "Type/<Type at address> . method",
            Self::Code => "File:Line:Name",
            Self::Frame => "Name at Address",
            Self::Traceback => "Frame at Address",
        }
    }
}

/// Shows the objects of one walk.
pub(crate) struct Values<'a, 'py> {
    pub(crate) py: Python<'py>,
    pub(crate) graph: &'a Shared,
    /// Whether the objects may still live.
    live: bool,
}

impl<'a, 'py> Values<'a, 'py> {
    pub(crate) fn new(py: Python<'py>, graph: &'a Shared, live: bool) -> Self {
        Self { py, graph, live }
    }

    /// The class of an object by its type, of a dict by its owner's.
    pub(crate) fn kind(&self, node: NodeId) -> CoreKind {
        heapy::clodo(self.graph, self.graph.owners(), node)
    }

    fn style(&self, node: NodeId) -> Style {
        let entry = self.graph.snapshot().type_of(node);
        match (&*entry.module, &*entry.qualname) {
            ("builtins", "list" | "dict" | "tuple") => Style::Length,
            ("builtins", "bool" | "complex" | "float" | "int" | "NoneType") => Style::Value,
            ("builtins", "str" | "bytes") => Style::Limited,
            ("builtins", "function") => Style::Function,
            ("builtins", "builtin_function_or_method") => Style::BuiltinFunction,
            ("builtins", "method") => Style::Method,
            ("builtins", "module") => Style::Module,
            ("builtins", "code") => Style::Code,
            ("builtins", "frame") | ("", "frame") => Style::Frame,
            ("builtins", "traceback") => Style::Traceback,
            ("builtins", "type") => Style::Type,
            _ if self.graph.is_metatype(self.graph.snapshot().type_ids()[node.index()]) => {
                Style::Type
            }
            _ => Style::Address,
        }
    }

    /// What stands above the column with objects of one kind.
    pub(crate) fn header(&self, node: NodeId) -> String {
        match self.graph.owners().of(node) {
            Some(owner) => format!("Owner {}", self.style(owner).header()),
            None => self.style(node).header().into(),
        }
    }

    /// Reads the values of objects that will be shown, in one go.
    pub(crate) fn read(&self, nodes: impl IntoIterator<Item = NodeId>) -> PyResult<()> {
        if !self.live {
            return Ok(());
        }
        let mut wanted = Vec::new();
        {
            let known = self.graph.values().lock().unwrap_or_else(PoisonError::into_inner);
            for node in nodes {
                let node = self.graph.owners().of(node).unwrap_or(node);
                let style = self.style(node);
                let is_told = matches!(style, Style::Address | Style::Length | Style::Module);
                if !is_told && !known.contains_key(&node) {
                    wanted.push(node);
                }
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let probe = crate::probe(self.py)?;
        let living = snakeroot_walk::living(self.py, probe, self.graph, &wanted)
            .map_err(crate::live::walk_error)?;
        let read = (wanted.iter().zip(living))
            .filter_map(|(&node, object)| object.map(|object| (node, object)));
        self.note(read)?;
        // What is gone, or has no value, is not looked for again.
        for node in wanted {
            let shown = self.shown(node);
            let mut known = self.graph.values().lock().unwrap_or_else(PoisonError::into_inner);
            known.entry(node).or_insert(shown);
        }
        Ok(())
    }

    /// Keeps the values of live objects.
    pub(crate) fn note(
        &self,
        objects: impl IntoIterator<Item = (NodeId, Bound<'py, PyAny>)>,
    ) -> PyResult<()> {
        for (node, object) in objects {
            if let Some(shown) = self.value(node, &object)? {
                let mut known = self.graph.values().lock().unwrap_or_else(PoisonError::into_inner);
                known.insert(node, shown);
            }
        }
        Ok(())
    }

    /// A live object by its value or name; `None` where its address says all.
    fn value(&self, node: NodeId, object: &Bound<'py, PyAny>) -> PyResult<Option<Shown>> {
        let attribute = |name: &str| object.getattr(name);
        let text = match self.style(node) {
            Style::Address | Style::Length | Style::Module => return Ok(None),
            Style::Value => {
                let place = if let Ok(float) = object.cast_exact::<PyFloat>() {
                    Place::Floats(vec![ordered(float.value())])
                } else if let Ok(complex) = object.cast_exact::<PyComplex>() {
                    Place::Floats(vec![ordered(complex.real()), ordered(complex.imag())])
                } else if object.is_none() {
                    Place::Int(0)
                } else {
                    Place::Int(object.extract().unwrap_or_else(|_| match object.lt(0) {
                        Ok(true) => i128::MIN,
                        _ => i128::MAX,
                    }))
                };
                // An int may be too long for Python to write.
                let text = match object.repr() {
                    Ok(text) => string(&text),
                    Err(_) => format!("<int of {} bits>", object.call_method0("bit_length")?),
                };
                return Ok(Some(Shown { text, place }));
            }
            Style::Limited => {
                if let Ok(text) = object.cast_exact::<PyString>() {
                    let text = string(text);
                    return Ok(Some(Shown { text: limited(&text), place: Place::Text(text) }));
                }
                let Ok(bytes) = object.cast_exact::<PyBytes>() else { return Ok(None) };
                let bytes = bytes.as_bytes();
                let place = Place::Bytes(bytes.to_vec());
                return Ok(Some(Shown { text: limited_bytes(bytes), place }));
            }
            Style::Function => {
                format!("{}.{}", word(&attribute("__module__")?), word(&attribute("__name__")?))
            }
            Style::BuiltinFunction => match (attribute("__module__")?, attribute("__name__")?) {
                (module, name) if word(&module) == "builtins" => word(&name),
                (module, name) => format!("{}.{}", word(&module), word(&name)),
            },
            Style::Method => {
                let (this, function) = (attribute("__self__")?, attribute("__func__")?);
                let class = name_of_type(&this.get_type());
                let name = match function.is_exact_instance_of::<pyo3::types::PyFunction>() {
                    true => word(&function.getattr("__name__")?),
                    false => name_of_type(&function.get_type()),
                };
                format!("<{class} at {:#x}>.{name}", this.as_ptr() as usize)
            }
            Style::Type => match object.cast::<PyType>() {
                Ok(ty) => name_of_type(ty),
                Err(_) => return Ok(None),
            },
            Style::Code => code(object)?,
            Style::Frame => frame(object)?,
            Style::Traceback => {
                let own = frame(&attribute("tb_frame")?)?;
                format!("<in frame {own} at {:#x}>", object.as_ptr() as usize)
            }
        };
        Ok(Some(Shown { place: Place::Text(text.clone()), text }))
    }

    /// An object as a column for its kind shows it, of a dict its owner.
    pub(crate) fn shown(&self, node: NodeId) -> Shown {
        if let Some(owner) = self.graph.owners().of(node) {
            let text = self.shown(owner).text;
            return Shown { place: Place::Text(text.clone()), text };
        }
        let known = self.graph.values().lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(shown) = known.get(&node) {
            return shown.clone();
        }
        drop(known);
        let snapshot = self.graph.snapshot();
        let address = snapshot.address(node);
        let recorded = || {
            let text = snapshot.values().get(node).or_else(|| snapshot.names().get(node))?;
            Some(Shown { text: text.into(), place: Place::Text(text.into()) })
        };
        let text = match self.style(node) {
            Style::Address => format!("{address:#x}"),
            Style::Length => format!("{address:#x}*{}", self.length(node)),
            Style::Type => match self.graph.type_of_object(node) {
                Some(id) => {
                    let entry = &snapshot.types()[id.index()];
                    let text = type_name(&entry.module, &entry.qualname);
                    return Shown { place: Place::Text(text.clone()), text };
                }
                None => return recorded().unwrap_or_else(|| gone(address, self.live)),
            },
            Style::Frame => {
                let name = snapshot.names().get(node).unwrap_or_default();
                let name = name.split([' ', '(']).next().unwrap_or_default();
                // A frame that runs is no object.
                match address {
                    0 => format!("<{name}>"),
                    address => format!("<{name} at {address:#x}>"),
                }
            }
            _ => return recorded().unwrap_or_else(|| gone(address, self.live)),
        };
        Shown { text, place: Place::Address(address) }
    }

    /// An object in few words, beside the name of its kind.
    pub(crate) fn brief(&self, node: NodeId) -> String {
        let text = self.shown(node).text;
        if self.graph.owners().of(node).is_some()
            && let Some((_, last)) = text.rsplit_once('.')
        {
            return format!("..{last}");
        }
        text
    }

    /// A set of one object in few words.
    pub(crate) fn brief_of_one(&self, node: NodeId) -> String {
        let kind = kind_brief(&self.kind(node));
        summary(1, &kind, vec![(1, kind.clone(), [self.brief(node)])])
    }

    /// Objects in the order of a table; with kinds between them, by the names of these first.
    pub(crate) fn sort(&self, nodes: &mut [NodeId], is_mixed: bool) -> PyResult<()> {
        self.read(nodes.iter().copied())?;
        let kind = |node| if is_mixed { kind_brief(&self.kind(node)) } else { String::new() };
        let all = nodes.iter().map(|&node| (kind(node), self.shown(node).place, node));
        let mut all: Vec<(String, Place, NodeId)> = all.collect();
        all.sort();
        for (place, (_, _, node)) in nodes.iter_mut().zip(all) {
            *place = node;
        }
        Ok(())
    }

    /// As `brief`, of a dict where it lies whoever's it is.
    pub(crate) fn brief_of_its_own(&self, node: NodeId) -> String {
        match self.graph.owners().of(node) {
            None => self.brief(node),
            Some(_) => {
                format!("{:#x}*{}", self.graph.snapshot().address(node), self.length(node))
            }
        }
    }

    /// A set of one object in one line.
    pub(crate) fn summary_of_one(&self, node: NodeId) -> PyResult<String> {
        self.read([node])?;
        let kind = kind_brief(&self.kind(node));
        Ok(summary(1, &kind, vec![(1, kind.clone(), vec![self.brief(node)])]))
    }

    /// Objects in the order of a table of them: the largest first, those of one size by what they are.
    pub(crate) fn by_size(&self, mut nodes: Vec<NodeId>) -> PyResult<Vec<NodeId>> {
        if nodes.len() < 2 {
            return Ok(nodes);
        }
        self.read(nodes.iter().copied())?;
        let snapshot = self.graph.snapshot();
        nodes.sort_by_key(|&node| (std::cmp::Reverse(snapshot.size(node)), node));
        let first = self.kind(nodes[0]);
        let is_mixed = nodes.iter().any(|&node| self.kind(node) != first);
        for run in nodes.chunk_by_mut(|&left, &right| snapshot.size(left) == snapshot.size(right)) {
            self.sort(run, is_mixed)?;
        }
        Ok(nodes)
    }

    /// Whether objects of different kinds are shown alike, and none by its owner.
    pub(crate) fn are_shown_alike(&self, nodes: &[NodeId]) -> bool {
        let mut styles = nodes.iter().map(|&node| self.style(node));
        let first = styles.next();
        styles.all(|style| Some(style) == first)
            && nodes.iter().all(|&node| self.graph.owners().of(node).is_none())
    }

    /// How many items a list, tuple or dict has.
    fn length(&self, node: NodeId) -> usize {
        let snapshot = self.graph.snapshot();
        let table = snapshot.label_table();
        // A dict has a value in each entry; keys that many dicts share are not its own. Items of a
        // tuple that are variables of a function are labelled by their names.
        let is_item = |kind: LabelKind| {
            use LabelKind::{Index, Key, Local, OtherKey};
            matches!(kind, Index | Key | OtherKey | Local)
        };
        self.graph.edges_from(node).filter(|edge| is_item(table.kind(edge.label))).count()
    }
}

/// What is shown of an object that is no more.
fn gone(address: u64, live: bool) -> Shown {
    let text = if live { format!("{address:#x} (gone)") } else { format!("{address:#x}") };
    Shown { text, place: Place::Address(address) }
}

/// Bits of a float that are in the order of the floats.
fn ordered(value: f64) -> i64 {
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The text of a str. The usual way would leave its UTF-8 with the str, which then is larger.
fn string(text: &Bound<'_, PyString>) -> String {
    let encoded = text.encode_utf8().or_else(|_| {
        let replaced = text.call_method1("encode", ("utf-8", "replace"))?;
        Ok::<_, PyErr>(replaced.cast_into::<PyBytes>()?)
    });
    encoded.map_or_else(
        |_| String::new(),
        |bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned(),
    )
}

/// A name, or for want of one the type of what stands in its place.
fn word(what: &Bound<'_, PyAny>) -> String {
    match what.cast::<PyString>() {
        Ok(text) => string(text),
        Err(_) if what.is_none() => "None".into(),
        Err(_) => name_of_type(&what.get_type()),
    }
}

fn name_of_type(ty: &Bound<'_, PyType>) -> String {
    let key = type_key(ty);
    type_name(&key.module, &key.qualname)
}

fn code(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let file = word(&object.getattr("co_filename")?);
    let file = file.rsplit('/').next().unwrap_or_default();
    let line: i64 = object.getattr("co_firstlineno")?.extract()?;
    Ok(format!("{file}:{line}:{}", word(&object.getattr("co_name")?)))
}

fn frame(object: &Bound<'_, PyAny>) -> PyResult<String> {
    let name = word(&object.getattr("f_code")?.getattr("co_name")?);
    Ok(format!("<{name} at {:#x}>", object.as_ptr() as usize))
}
