//! Which types and modules a name means, and which names are near an unknown one.

use std::fmt;

use super::modules::Modules;
use crate::graph::Graph;
use crate::id::TypeId;
use crate::snapshot::TypeEntry;

/// The most names to suggest for one that is unknown.
const MOST_SUGGESTIONS: usize = 3;

/// A name that means nothing in a heap, or too much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing is named so.
    Unknown {
        /// What was looked for: `type`, `module`.
        what: &'static str,
        /// The name.
        name: String,
        /// The names that are nearest to it, the nearest first.
        near: Vec<String>,
    },
    /// Without its module it is the name of several types.
    Ambiguous {
        /// The name.
        name: String,
        /// The full names of the types.
        types: Vec<String>,
    },
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown { what, name, near } => {
                write!(f, "no {what} named {name}")?;
                match near.as_slice() {
                    [] => Ok(()),
                    near => write!(f, " (did you mean {}?)", near.join(" or ")),
                }
            }
            Self::Ambiguous { name, types } => {
                write!(f, "{name} names {} types ({})", types.len(), types.join(", "))
            }
        }
    }
}

impl std::error::Error for NameError {}

/// The types that a name means: the full name (of several types, if they share it), `dict` for
/// `builtins.dict`, or the name without the module where only one type's is so.
///
/// None where there is a class of that name that no object has.
///
/// # Errors
///
/// [`NameError`] where no class is named so, or where the name without the module is
/// that of several.
///
/// # Complexity
///
/// O(types) time, O(V) where no object has a type of that name.
pub fn types_named(graph: &Graph, name: &str) -> Result<Vec<TypeId>, NameError> {
    let types = graph.snapshot().types();
    let all = |fits: &dyn Fn(&TypeEntry) -> bool| -> Vec<TypeId> {
        let entries = types.iter().zip(0..);
        entries.filter(|(entry, _)| fits(entry)).map(|(_, id)| TypeId(id)).collect()
    };
    let exact = all(&|entry| entry.full_name() == name || entry.display_name() == name);
    if !exact.is_empty() {
        return Ok(exact);
    }
    let short = all(&|entry| &*entry.qualname == name || entry.short_name() == name);
    let mut names: Vec<String> = short.iter().map(|id| types[id.index()].full_name()).collect();
    names.sort();
    names.dedup();
    match names.as_slice() {
        [_] => Ok(short),
        [] if has_class(graph, name) => Ok(Vec::new()),
        [] => Err(NameError::Unknown {
            what: "type",
            name: name.to_owned(),
            near: nearest(name, types.iter().map(|entry| (forms(entry), entry.display_name()))),
        }),
        _ => Err(NameError::Ambiguous { name: name.to_owned(), types: names }),
    }
}

/// Whether a class has a name, with its module or without.
fn has_class(graph: &Graph, name: &str) -> bool {
    let snapshot = graph.snapshot();
    let modules = Modules::new(graph);
    snapshot.names().iter().any(|(node, own)| {
        let is_named = || {
            let module = modules.name(modules.of(node));
            let short = own.rsplit('.').next().unwrap_or(own);
            own == name || short == name || name.strip_suffix(own) == Some(&format!("{module}."))
        };
        modules.is_class(node) && is_named()
    })
}

/// What a type may be called.
fn forms(entry: &TypeEntry) -> Vec<String> {
    vec![entry.display_name(), entry.qualname.to_string(), entry.short_name().into()]
}

/// The names that are nearest to an unknown one, the nearest first.
///
/// Each candidate has the forms that it is compared by, and the one that is shown.
pub(super) fn nearest(
    name: &str,
    candidates: impl Iterator<Item = (Vec<String>, String)>,
) -> Vec<String> {
    let wanted = name.to_lowercase();
    let far = 1 + wanted.chars().count() / 3;
    let mut near: Vec<(usize, String)> = candidates
        .filter_map(|(forms, shown)| {
            let distances =
                forms.iter().map(|form| strsim::damerau_levenshtein(&form.to_lowercase(), &wanted));
            distances.min().filter(|&distance| distance <= far).map(|distance| (distance, shown))
        })
        .collect();
    near.sort();
    near.dedup();
    near.truncate(MOST_SUGGESTIONS);
    near.into_iter().map(|(_, name)| name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(name: &str, types: &[(&str, &str)]) -> Vec<String> {
        let entries = types.iter().map(|&(module, qualname)| TypeEntry {
            module: module.into(),
            qualname: qualname.into(),
            node: None,
        });
        nearest(name, entries.map(|entry| (forms(&entry), entry.display_name())))
    }

    #[test]
    fn the_nearest_names_come_first_and_far_ones_not_at_all() {
        let types = [("app", "Session"), ("app", "Sessions"), ("builtins", "dict")];
        assert_eq!(near("app.session", &types), ["app.Session", "app.Sessions"]);
        assert_eq!(near("Sesion", &types), ["app.Session", "app.Sessions"]);
        assert_eq!(near("dct", &types), ["dict"]);
        assert!(near("numpy.ndarray", &types).is_empty());
    }

    #[test]
    fn a_class_without_objects_is_known() {
        let graph = Graph::from_notation(
            "rootmod@module -[:__dict__]> ns@dict -[[\"__name__\"]]> text@str
             Idle@type -[:__dict__]> own@dict -[[\"__module__\"]]> text
             a@app.Box; b@lib.Box; c@lib.Jar",
        )
        .unwrap();
        assert_eq!(types_named(&graph, "Jar").unwrap().len(), 1);
        assert_eq!(types_named(&graph, "lib.Box").unwrap().len(), 1);
        assert_eq!(types_named(&graph, "Idle"), Ok(vec![]));
        assert_eq!(types_named(&graph, "rootmod.Idle"), Ok(vec![]));
        let said = |name| types_named(&graph, name).unwrap_err().to_string();
        assert_eq!(said("Box"), "Box names 2 types (app.Box, lib.Box)");
        assert_eq!(said("app.Idle"), "no type named app.Idle");
        assert_eq!(said("lib.Jas"), "no type named lib.Jas (did you mean lib.Jar or lib.Box?)");
    }
}
