//! heapy's session: `from snakeroot.heapy import hpy`.
//!
//! A module for each part: the session, sets and their tables, kinds, pages. Paths, reference
//! patterns and statistics have theirs.

mod doc;
mod edges;
mod kinds;
mod left_out;
mod links;
mod maprox;
mod pages;
mod parts;
mod path;
mod paths;
mod pattern;
mod pattern_paths;
mod pattern_rows;
mod producers;
mod root;
mod session;
mod set;
mod set_methods;
mod stat;
mod table;
mod values;

use pyo3::prelude::*;

pub(crate) use values::Known;

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<session::Session>()?;
    module.add_class::<set::IdentitySet>()?;
    module.add_class::<kinds::Kind>()?;
    module.add_class::<kinds::EquivalenceRelation>()?;
    module.add_class::<maprox::MappingProxy>()?;
    module.add_class::<doc::Doc>()?;
    module.add_class::<pages::More>()?;
    module.add_class::<parts::Parts>()?;
    module.add_class::<stat::Stat>()?;
    links::register(module)?;
    module.add_class::<edges::Edges>()?;
    module.add_class::<path::Path>()?;
    module.add_class::<paths::PathsIter>()?;
    module.add_class::<paths::ShortestPaths>()?;
    module.add_class::<pattern::ReferencePattern>()?;
    module.add_class::<pattern_rows::RefPatIter>()?;
    module.add_class::<pattern_rows::RefPatRow>()?;
    module.add_class::<pattern_paths::PatternPaths>()?;
    module.add_class::<root::RootState>()?;
    module.add_class::<stat::StatRow>()?;
    module.add_function(wrap_pyfunction!(session::hpy, module)?)
}
