//! How one object on a path leads to the next, as Python objects.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::basic::CompareOp;
use pyo3::prelude::*;
use pyo3::types::PyInt;
use snakeroot::analysis::heapy::{HeldBy, Link};
use snakeroot::view::heapy::link_text;

/// How one object on a path leads to the next; one of the classes `R_…` says of which kind it is.
#[pyclass(frozen, subclass, module = "snakeroot.heapy")]
pub(crate) struct RelationBase {
    link: Link,
}

#[pymethods]
impl RelationBase {
    /// The attribute, the key or the index; a key that is neither str nor int in its short form.
    #[getter]
    fn r<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = |text: &str| Ok(text.into_pyobject(py)?.into_any());
        let place = |place: u32| Ok(place.into_pyobject(py)?.into_any());
        match &self.link {
            Link::Held(held) => match held {
                HeldBy::Attribute(name) | HeldBy::Internal(name) | HeldBy::Local(_, name) => {
                    text(name)
                }
                HeldBy::Key(key) => text(key),
                HeldBy::Index(key) | HeldBy::Stack(key) => {
                    match key.parse::<i128>().is_ok_and(|number| number.to_string() == **key) {
                        true => py.get_type::<PyInt>().call1((&**key,)),
                        false => text(key),
                    }
                }
                HeldBy::KeyAt(at) | HeldBy::Element(at) => place(*at),
                HeldBy::Unknown => Ok(py.None().into_bound(py)),
            },
            Link::Cell(_, name) => text(name),
            Link::Root { .. } => text(&link_text(&self.link, "%s", false)),
        }
    }

    /// heapy's number for relations of the class.
    #[getter]
    fn code(&self) -> i8 {
        self.link.code()
    }

    /// The text `a` with this relation behind it; with `safe` a long key has its middle left out.
    #[pyo3(signature = (a, safe=true))]
    fn stra(&self, a: &str, safe: bool) -> String {
        link_text(&self.link, a, safe)
    }

    fn __str__(&self) -> String {
        link_text(&self.link, "%s", true)
    }

    fn __repr__(&self) -> String {
        format!("<{}>", link_text(&self.link, "_", true))
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<Py<PyAny>> {
        let py = other.py();
        let Ok(other) = other.cast::<Self>() else { return Ok(py.NotImplemented()) };
        let is_same = self.link == other.get().link;
        Ok(match op {
            CompareOp::Eq => is_same.into_pyobject(py)?.to_owned().into_any().unbind(),
            CompareOp::Ne => (!is_same).into_pyobject(py)?.to_owned().into_any().unbind(),
            _ => py.NotImplemented(),
        })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.link.hash(&mut hasher);
        hasher.finish()
    }
}

macro_rules! relations {
    ($($(#[$doc:meta])* $name:ident = $python:literal;)*) => {
        $(
            $(#[$doc])*
            #[pyclass(frozen, extends = RelationBase, module = "snakeroot.heapy", name = $python)]
            pub(crate) struct $name;
        )*

        pub(super) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
            module.add_class::<RelationBase>()?;
            $(module.add_class::<$name>()?;)*
            Ok(())
        }
    };
}

relations! {
    /// By nothing that is known: `.??`.
    NoRelation = "R_NORELATION";
    /// By an attribute: `.name`.
    Attribute = "R_ATTRIBUTE";
    /// As a value of a dict or an item of a sequence: `['key']`, `[3]`.
    IndexVal = "R_INDEXVAL";
    /// As the key of an entry: `.keys()[3]`.
    IndexKey = "R_INDEXKEY";
    /// By a field that Python has no name for: `->ob_type`.
    InterAttr = "R_INTERATTR";
    /// As the name of an attribute. No heap of this module has it: names of attributes are shared by a class.
    HasAttr = "R_HASATTR";
    /// By a local variable: `.f_locals['x']`.
    LocalVar = "R_LOCAL_VAR";
    /// By the cell of a variable that functions share: `.f_locals ['x']`.
    Cell = "R_CELL";
    /// By a place on a frame's value stack: `->f_valuestack[3]`.
    Stack = "R_STACK";
    /// As an element of a set: `list(_)[3]`.
    InSet = "R_INSET";
    /// By the root, through a thread or a module: `.threads['MainThread'].frames[0]`.
    RelSrc = "R_RELSRC";
    /// By being the same object. No path has it.
    Identity = "R_IDENTITY";
}

/// A link as an object of its class.
pub(super) fn to_python(py: Python<'_>, link: &Link) -> PyResult<Py<PyAny>> {
    let base = || PyClassInitializer::from(RelationBase { link: link.clone() });
    macro_rules! of {
        ($class:ident) => {
            Ok(Bound::new(py, base().add_subclass($class))?.into_any().unbind())
        };
    }
    match link {
        Link::Held(HeldBy::Attribute(_)) => of!(Attribute),
        Link::Held(HeldBy::Key(_) | HeldBy::Index(_)) => of!(IndexVal),
        Link::Held(HeldBy::KeyAt(_)) => of!(IndexKey),
        Link::Held(HeldBy::Internal(_)) => of!(InterAttr),
        Link::Held(HeldBy::Local(..)) => of!(LocalVar),
        Link::Held(HeldBy::Stack(_)) => of!(Stack),
        Link::Held(HeldBy::Element(_)) => of!(InSet),
        Link::Held(HeldBy::Unknown) => of!(NoRelation),
        Link::Cell(..) => of!(Cell),
        Link::Root { .. } => of!(RelSrc),
    }
}
