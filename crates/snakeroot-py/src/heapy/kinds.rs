//! Equivalence relations and kinds as Python objects.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use pyo3::basic::CompareOp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use snakeroot::analysis::heapy::{Comparison, HeldBy, Kind as CoreKind, Relation, TypeKey};
use snakeroot::view::heapy::{kind_brief, kind_repr, relation_repr};

use super::session::Inner;
use super::set::IdentitySet;
use crate::arguments::whole;

/// A class of an equivalence relation, or what is made of such with `&`, `|`, `-`, `^` and `~`.
///
/// It stands for the objects in it whatever heap they are in: `h & kind` selects them.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct Kind {
    session: Arc<Inner>,
    kind: CoreKind,
}

impl Kind {
    pub(crate) fn new(session: Arc<Inner>, kind: CoreKind) -> Self {
        Self { session, kind }
    }

    fn other(&self, kind: CoreKind) -> Self {
        Self::new(self.session.clone(), kind)
    }
}

/// The kind that an argument stands for: a kind, or a type for its instances.
pub(crate) fn kind_of(what: &Bound<'_, PyAny>) -> Option<CoreKind> {
    if let Ok(kind) = what.cast::<Kind>() {
        return Some(kind.get().kind.clone());
    }
    what.cast::<PyType>().ok().map(|ty| CoreKind::Type(type_key(ty)))
}

/// A live type; its name is read, no Python code of a metaclass runs.
pub(crate) fn type_key(ty: &Bound<'_, PyType>) -> TypeKey {
    let (module, qualname) = crate::probe(ty.py())
        .map(|probe| snakeroot_walk::type_names(ty, probe))
        .unwrap_or_default();
    TypeKey { address: ty.as_ptr() as u64, module, qualname }
}

fn expected_kind(what: &Bound<'_, PyAny>) -> PyErr {
    PyTypeError::new_err(format!(
        "expected a kind, a set or a type, found {}",
        crate::arguments::type_name(what)
    ))
}

#[pymethods]
impl Kind {
    fn __getattr__(&self, name: &str) -> PyResult<Py<PyAny>> {
        Err(super::left_out::of_kind(name))
    }

    /// The kind of what compares so with it: `op` is one of `<`, `<=`, `==`, `!=`, `>=`, `>`.
    ///
    /// Of types a subtype is less, of sizes the smaller one, of sets of referrers or labels a part.
    fn alt(&self, op: &str) -> PyResult<Self> {
        let comparison = match op {
            "==" => return Ok(self.other(self.kind.clone())),
            "!=" => return Ok(self.other(self.kind.clone().complement())),
            _ => Comparison::ALL.into_iter().find(|known| known.sign() == op),
        };
        let Some(comparison) = comparison else {
            return Err(PyValueError::new_err(format!(
                "alt: expected one of <, <=, ==, !=, >=, >; found {op:?}"
            )));
        };
        let is_comparable = matches!(
            self.kind,
            CoreKind::Type(_)
                | CoreKind::Size(_)
                | CoreKind::ReferredBy(..)
                | CoreKind::Via(_)
                | CoreKind::Prod(_)
        );
        match &self.kind {
            _ if is_comparable => {}
            CoreKind::DictOf(owner) if matches!(**owner, CoreKind::Type(_)) => {
                let owner = CoreKind::Alt(owner.clone(), comparison);
                return Ok(self.other(CoreKind::DictOf(Box::new(owner))));
            }
            kind => {
                return Err(PyValueError::new_err(format!(
                    "alt: expected a kind by type, size, referrers, labels or producer, found {}",
                    kind_brief(kind)
                )));
            }
        }
        Ok(self.other(CoreKind::Alt(Box::new(self.kind.clone()), comparison)))
    }

    /// The kind of the dicts that objects of this kind have as `__dict__`.
    #[getter]
    fn dictof(&self) -> Self {
        self.other(CoreKind::DictOf(Box::new(self.kind.clone())))
    }

    /// In few words.
    #[getter]
    fn brief(&self) -> String {
        kind_brief(&self.kind)
    }

    fn __and__<'py>(
        this: Bound<'py, Self>,
        other: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = this.py();
        if let Ok(set) = other.cast::<IdentitySet>() {
            let found = set.get().of_kind(py, &this.get().kind)?;
            return Ok(Bound::new(py, found)?.into_any());
        }
        let kind = kind_of(&other).ok_or_else(|| expected_kind(&other))?;
        let both = this.get().other(this.get().kind.clone().and(kind));
        Ok(Bound::new(py, both)?.into_any())
    }

    fn __rand__<'py>(
        this: Bound<'py, Self>,
        other: Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        Self::__and__(this, other)
    }

    fn __or__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kind = kind_of(other).ok_or_else(|| expected_kind(other))?;
        Ok(self.other(self.kind.clone().or(kind)))
    }

    fn __ror__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__or__(other)
    }

    fn __sub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kind = kind_of(other).ok_or_else(|| expected_kind(other))?;
        Ok(self.other(self.kind.clone().and(kind.complement())))
    }

    fn __rsub__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kind = kind_of(other).ok_or_else(|| expected_kind(other))?;
        Ok(self.other(kind.and(self.kind.clone().complement())))
    }

    fn __xor__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        let kind = kind_of(other).ok_or_else(|| expected_kind(other))?;
        let (left, right) = (self.kind.clone(), kind);
        let only_left = left.clone().and(right.clone().complement());
        Ok(self.other(only_left.or(right.and(left.complement()))))
    }

    fn __rxor__(&self, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        self.__xor__(other)
    }

    fn __invert__(&self) -> Self {
        self.other(self.kind.clone().complement())
    }

    /// Whether an object is of this kind.
    fn __contains__(&self, py: Python<'_>, what: &Bound<'_, PyAny>) -> PyResult<bool> {
        let set = super::session::iso(py, &self.session, std::slice::from_ref(what), &[])?;
        Ok(set.of_kind(py, &self.kind)?.count() == 1)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<bool> {
        let Some(kind) = kind_of(other) else {
            return match op {
                CompareOp::Eq => Ok(false),
                CompareOp::Ne => Ok(true),
                _ => Err(expected_kind(other)),
            };
        };
        let (own, other) = (&self.kind, &kind);
        let at_most = |left: &CoreKind, right: &CoreKind| left.is_part_of(right);
        Ok(match op {
            // The parts of a kind may come in any order.
            CompareOp::Eq => at_most(own, other) && at_most(other, own),
            CompareOp::Ne => !(at_most(own, other) && at_most(other, own)),
            CompareOp::Le => at_most(own, other),
            CompareOp::Lt => at_most(own, other) && !at_most(other, own),
            CompareOp::Ge => at_most(other, own),
            CompareOp::Gt => at_most(other, own) && !at_most(own, other),
        })
    }

    fn __hash__(&self) -> u64 {
        // Two kinds of one type may differ in how much is known of it.
        let mut hasher = DefaultHasher::new();
        kind_brief(&self.kind).hash(&mut hasher);
        hasher.finish()
    }

    fn __str__(&self) -> String {
        self.brief()
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        kind_repr(&self.kind, &self.session.prefix(py))
    }
}

/// When two objects are alike. Called, it makes a kind; `h.by(relation)` groups a set.
#[pyclass(frozen, module = "snakeroot.heapy")]
pub(crate) struct EquivalenceRelation {
    session: Arc<Inner>,
    relation: Relation,
}

impl EquivalenceRelation {
    pub(crate) fn new(session: Arc<Inner>, relation: Relation) -> Self {
        Self { session, relation }
    }

    fn kind(&self, kind: CoreKind) -> Kind {
        Kind::new(self.session.clone(), kind)
    }
}

/// The relation that an argument means: a relation, or its name.
pub(crate) fn relation_of(what: &Bound<'_, PyAny>) -> PyResult<Relation> {
    if let Ok(relation) = what.cast::<EquivalenceRelation>() {
        return Ok(relation.get().relation.clone());
    }
    let Ok(words) = what.extract::<String>() else {
        return Err(PyTypeError::new_err(format!(
            "by: expected an equivalence relation or its name, found {}",
            crate::arguments::type_name(what)
        )));
    };
    Relation::from_words(&words).ok_or_else(|| {
        let mut names = Relation::NAMED.map(|(name, _)| name).to_vec();
        names.push("Rcs");
        names.sort_unstable();
        PyValueError::new_err(format!(
            "by: expected names among {} with & between them, found {words:?}",
            names.join(", ")
        ))
    })
}

/// One argument, by place or by name.
fn only<'py>(args: &Bound<'py, PyTuple>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    if args.len() != 1 {
        return Err(PyTypeError::new_err(format!(
            "{name}: expected one argument, found {}",
            args.len()
        )));
    }
    args.get_item(0)
}

#[pymethods]
impl EquivalenceRelation {
    /// A kind: `Type(list)`, `Clodo(dictof=P)`, `Clodo(dictof=())`, `Size(56)`, `Id(address)`,
    /// `Module("app")`, `Rcs(kind, …)`, `Via("['key']", …)`, `Prod(file, line)`, `Unity()`.
    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Kind> {
        let named = |name: &str| -> PyResult<Option<Bound<'_, PyAny>>> {
            kwargs.map_or(Ok(None), |kwargs| kwargs.get_item(name))
        };
        let kind = match &self.relation {
            Relation::Unity => CoreKind::Anything,
            Relation::Type => type_argument(&self.session, &only(args, "Type")?)?,
            Relation::Clodo => match named("dictof")? {
                Some(owner) if args.is_empty() => match owner.cast::<PyTuple>() {
                    Ok(nothing) if nothing.is_empty() => CoreKind::unowned(),
                    _ => CoreKind::DictOf(Box::new(type_argument(&self.session, &owner)?)),
                },
                _ => match type_argument(&self.session, &only(args, "Clodo")?)? {
                    kind if kind == CoreKind::dict() => {
                        return Err(PyTypeError::new_err(
                            "Clodo: expected a type other than dict, dictof=<type> or dictof=(), found dict",
                        ));
                    }
                    kind => kind,
                },
            },
            Relation::Size => CoreKind::Size(whole("Size", &only(args, "Size")?)?),
            Relation::Id | Relation::Idset => CoreKind::Id(whole("Id", &only(args, "Id")?)?),
            Relation::Module => {
                let name = match args.len() {
                    0 => named("name")?,
                    _ => Some(args.get_item(0)?),
                };
                let at = named("at")?.map(|at| whole("at", &at)).transpose()?;
                match name {
                    None if at.is_none() => CoreKind::NoModule,
                    None => CoreKind::Id(at.unwrap_or_default()),
                    Some(name) => {
                        let name: String = name.extract()?;
                        CoreKind::Module(name.into(), at.unwrap_or_default())
                    }
                }
            }
            Relation::Via => {
                let texts: Vec<String> =
                    args.iter().map(|text| text.extract()).collect::<PyResult<_>>()?;
                let relations = texts.iter().map(|text| {
                    HeldBy::parse(text).ok_or_else(|| {
                        PyValueError::new_err(format!(
                            "Via: expected a relation such as .name, ['key'], [0] or .keys()[0], found {text:?}"
                        ))
                    })
                });
                CoreKind::Via(relations.collect::<PyResult<_>>()?)
            }
            Relation::Prod => match args.len() {
                0 => CoreKind::Prod(None),
                2 => {
                    let (file, line): (String, u64) = args.extract()?;
                    CoreKind::Prod(Some((file.into(), line)))
                }
                count => {
                    return Err(PyTypeError::new_err(format!(
                        "Prod: expected no arguments or a file and a line, found {count}"
                    )));
                }
            },
            Relation::DictOf(_) => {
                let owner = only(args, "dictof")?;
                let owner = kind_of(&owner).ok_or_else(|| expected_kind(&owner))?;
                CoreKind::DictOf(Box::new(owner))
            }
            Relation::ReferredBy(inner) => {
                let kinds = args
                    .iter()
                    .map(|kind| kind_of(&kind).ok_or_else(|| expected_kind(&kind)))
                    .collect::<PyResult<Vec<_>>>()?;
                CoreKind::ReferredBy(inner.clone(), kinds)
            }
            Relation::And(_) => {
                return Err(PyTypeError::new_err(
                    "a relation made with & is not called: combine kinds with & instead",
                ));
            }
        };
        Ok(self.kind(kind))
    }

    /// Both at once.
    fn __and__(&self, other: PyRef<'_, Self>) -> Self {
        let relation = self.relation.clone().and(other.relation.clone());
        Self::new(self.session.clone(), relation)
    }

    /// By this relation between the owners of dicts.
    #[getter]
    fn dictof(&self) -> Self {
        let relation = Relation::DictOf(Box::new(self.relation.clone()));
        Self::new(self.session.clone(), relation)
    }

    /// By the set of the kinds, by this relation, of the referrers.
    #[getter]
    fn refdby(&self) -> Self {
        let relation = Relation::ReferredBy(Box::new(self.relation.clone()));
        Self::new(self.session.clone(), relation)
    }

    /// The kinds that the objects of a set are of, together.
    fn __getitem__(&self, py: Python<'_>, set: PyRef<'_, IdentitySet>) -> PyResult<Kind> {
        Ok(self.kind(set.kind_by(py, &self.relation)?))
    }

    /// Whether all objects of a set are alike.
    fn __contains__(&self, py: Python<'_>, set: PyRef<'_, IdentitySet>) -> PyResult<bool> {
        Ok(set.by_relation(self.relation.clone()).row_count(py)? == 1)
    }

    fn __richcmp__(&self, other: &Bound<'_, PyAny>, op: CompareOp) -> PyResult<bool> {
        let Ok(other) = other.cast::<Self>() else {
            return match op {
                CompareOp::Eq => Ok(false),
                CompareOp::Ne => Ok(true),
                _ => Err(PyTypeError::new_err("expected an equivalence relation")),
            };
        };
        let (own, other) = (&self.relation, &other.get().relation);
        Ok(match op {
            CompareOp::Eq => own == other,
            CompareOp::Ne => own != other,
            CompareOp::Le => own.refines(other),
            CompareOp::Lt => own != other && own.refines(other),
            CompareOp::Ge => other.refines(own),
            CompareOp::Gt => own != other && other.refines(own),
        })
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.relation.hash(&mut hasher);
        hasher.finish()
    }

    /// `Type.Dict`, `Type.Module`: a type by the name that it has in `types`, or in `builtins` in small letters.
    fn __getattr__(&self, py: Python<'_>, name: &str) -> PyResult<Kind> {
        let unknown = || super::left_out::of_relation(name);
        if self.relation != Relation::Type || name.starts_with('_') {
            return Err(unknown());
        }
        let types = py.import("types")?.getattr(format!("{name}Type"));
        let found = types.or_else(|_| py.import("builtins")?.getattr(name.to_lowercase()));
        let found = found.map_err(|_| unknown())?;
        let ty = found.cast::<PyType>().map_err(|_| unknown())?;
        Ok(self.kind(CoreKind::Type(type_key(ty))))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        relation_repr(&self.relation, &self.session.prefix(py))
    }
}

/// A type, or what `repr` of its kind wrote: `<type app.P at 0x…>`.
fn type_argument(session: &Inner, what: &Bound<'_, PyAny>) -> PyResult<CoreKind> {
    if let Ok(ty) = what.cast::<PyType>() {
        let mut key = type_key(ty);
        if !session.is_live() {
            key.address = 0;
        }
        return Ok(CoreKind::Type(key));
    }
    let text: String = what.extract().unwrap_or_default();
    let parse = || {
        let words = text.strip_prefix('<')?.strip_suffix('>')?;
        let (name, address) = words.split_once(' ')?.1.split_once(" at 0x")?;
        let (module, qualname) = name.rsplit_once('.')?;
        let address = u64::from_str_radix(address, 16).ok()?;
        Some(TypeKey { address, module: module.into(), qualname: qualname.into() })
    };
    parse().map(CoreKind::Type).ok_or_else(|| {
        PyTypeError::new_err(format!(
            "expected a type, or a str such as '<type app.P at 0x7f00>', found {}",
            crate::arguments::type_name(what)
        ))
    })
}
