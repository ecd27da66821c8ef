//! What heapy has and this does not, told by its name.

use pyo3::exceptions::{PyAttributeError, PyTypeError};
use pyo3::prelude::*;

/// Attributes of heapy's session that are left out.
const OF_A_SESSION: &[&str] = &[
    "default_reprefix",
    "dumph",
    "findex",
    "gcobjs",
    "heapg",
    "loadc",
    "monitor",
    "pb",
    "relheap",
    "relheapg",
    "relheapu",
    "reprefix",
    "setrelheapg",
    "setrelheapu",
    "sonokind",
    "tc_adapt",
    "tc_repr",
    "test",
    "union",
    "uniset_from_setcastable",
];
/// Attributes of heapy's sets that are left out.
const OF_A_SET: &[&str] = &[
    "biper",
    "disjoint",
    "fam",
    "get_ckc",
    "get_examples",
    "get_render",
    "partition",
    "referrers_gc",
    "test_contains",
];

/// Attributes of heapy's kinds that are left out.
const OF_A_KIND: &[&str] = &["biper", "disjoint", "fam", "get_ckc", "sokind", "test_contains"];
/// Attributes of heapy's equivalence relations that are left out.
const OF_A_RELATION: &[&str] = &["classifier", "get_userkind_iter", "sokind", "sonokind"];

/// The error for an attribute that a session does not have.
pub(crate) fn of_session(name: &str) -> PyErr {
    error("Session", name, OF_A_SESSION)
}

/// The error for an attribute that a set does not have.
pub(crate) fn of_set(name: &str) -> PyErr {
    error("IdentitySet", name, OF_A_SET)
}

/// The error for an attribute that a kind does not have.
pub(crate) fn of_kind(name: &str) -> PyErr {
    error("Kind", name, OF_A_KIND)
}

/// The error for an attribute that an equivalence relation does not have.
pub(crate) fn of_relation(name: &str) -> PyErr {
    error("EquivalenceRelation", name, OF_A_RELATION)
}

/// The error for an operator that sets do not have.
pub(crate) fn operator(form: &str) -> PyErr {
    PyTypeError::new_err(format!(
        "{form} of heapy is left out here: expected &, |, -, ^ or a comparison"
    ))
}

fn error(class: &str, name: &str, left_out: &[&str]) -> PyErr {
    let text = match left_out.contains(&name) {
        true => format!("{class}.{name} of heapy is left out here: dir() lists what there is"),
        false => format!("{class} has no attribute {name:?}: dir() lists what there is"),
    };
    PyAttributeError::new_err(text)
}
