//! What objgraph's counting verbs are asked, and over which objects they count:
//! the live process, objects that are given, or a held heap.

use std::sync::Arc;

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use snakeroot::NodeId;
use snakeroot::analysis::{self, Tally};
use snakeroot_walk::{Options, TypeTally};

use crate::arguments;
use crate::heap::Heap;
use crate::live;
use crate::node::Node;
use crate::shared::Shared;

/// An argument of which only the truth counts, as with an `if` of Python's.
#[derive(Clone, Copy)]
pub(crate) struct Truth(pub(crate) bool);

impl<'a, 'py> FromPyObject<'a, 'py> for Truth {
    type Error = PyErr;

    fn extract(what: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        Ok(Self(what.is_truthy()?))
    }
}

/// Where a list is cut, as by a slice from its beginning: a negative number counts from the end.
#[derive(Clone, Copy)]
pub(crate) struct Limit(Option<isize>);

impl Limit {
    /// What objgraph's functions have where none is given.
    pub(crate) const TEN: Self = Self(Some(10));

    /// Cuts a list.
    pub(crate) fn cut<T>(self, list: &mut Vec<T>) {
        match self.0 {
            None => {}
            Some(end) if end < 0 => list.truncate(list.len().saturating_sub(end.unsigned_abs())),
            Some(end) => list.truncate(end.unsigned_abs()),
        }
    }

    /// The same limit where 0 means none.
    pub(crate) fn or_all(self) -> Self {
        Self(self.0.filter(|&end| end != 0))
    }
}

impl<'a, 'py> FromPyObject<'a, 'py> for Limit {
    type Error = PyErr;

    fn extract(what: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if what.is_none() {
            return Ok(Self(None));
        }
        match what.extract::<isize>() {
            Err(error) if error.is_instance_of::<PyOverflowError>(what.py()) => {
                Ok(Self(Some(if what.lt(0)? { isize::MIN } else { isize::MAX })))
            }
            end => Ok(Self(Some(end?))),
        }
    }
}

/// Which sizes a table shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sizes {
    No,
    Shallow,
    Retained,
}

impl<'a, 'py> FromPyObject<'a, 'py> for Sizes {
    type Error = PyErr;

    fn extract(what: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        if let Ok(word) = what.extract::<&str>() {
            return match word {
                "retained" => Ok(Self::Retained),
                _ => Err(PyValueError::new_err(format!(
                    "sizes: expected True, False or \"retained\", found {word:?}"
                ))),
            };
        }
        Ok(if what.is_truthy()? { Self::Shallow } else { Self::No })
    }
}

/// An argument that is there and not `None`.
pub(crate) fn given<'a, 'py>(what: Option<&'a Bound<'py, PyAny>>) -> Option<&'a Bound<'py, PyAny>> {
    what.filter(|what| !what.is_none())
}

/// A held heap that is asked instead of the live process.
pub(crate) fn held<'a, 'py>(
    heap: Option<&'a Bound<'py, PyAny>>,
) -> PyResult<Option<&'a Bound<'py, Heap>>> {
    given(heap)
        .map(|heap| {
            heap.cast::<Heap>().map_err(|_| {
                PyTypeError::new_err(format!(
                    "heap: expected a heap that snapshot() or load() gave, found {}",
                    arguments::type_name(heap)
                ))
            })
        })
        .transpose()
}

/// The nodes of a held heap that are meant: those given, or all that count.
pub(crate) fn nodes(
    heap: &Heap,
    objects: Option<&Bound<'_, PyAny>>,
    untracked: bool,
) -> PyResult<Vec<NodeId>> {
    let graph = heap.shared();
    match given(objects) {
        None => Ok(analysis::counted(graph.snapshot(), untracked).collect()),
        Some(objects) => objects
            .try_iter()?
            .map(|node| arguments::node_of(graph, heap.is_live(), &node?))
            .collect(),
    }
}

/// What is to be counted, and how.
pub(crate) struct Asked<'a, 'py> {
    pub(crate) objects: Option<&'a Bound<'py, PyAny>>,
    pub(crate) shortnames: bool,
    pub(crate) filter: Option<&'a Bound<'py, PyAny>>,
    pub(crate) untracked: bool,
    pub(crate) sizes: Sizes,
    pub(crate) heap: Option<&'a Bound<'py, PyAny>>,
}

impl<'py> Asked<'_, 'py> {
    /// The counts by name, in the order of first appearance.
    pub(crate) fn tallies(&self, py: Python<'py>) -> PyResult<Vec<Tally>> {
        let filter = match given(self.filter) {
            Some(filter) if filter.is_truthy()? => Some(filter),
            _ => None,
        };
        let mut tallies = match held(self.heap)? {
            Some(heap) => self.of_heap(py, heap.get(), filter)?,
            None if self.sizes == Sizes::Retained => {
                return Err(PyValueError::new_err(
                    "sizes: \"retained\" is known of a held heap only: \
                     expected heap=snapshot() beside it, found none",
                ));
            }
            None => self.of_process(py, filter)?,
        };
        if self.sizes == Sizes::No {
            tallies.iter_mut().for_each(|tally| tally.size = None);
        }
        Ok(tallies)
    }

    fn of_heap(
        &self,
        py: Python<'py>,
        heap: &Heap,
        filter: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Tally>> {
        let graph: &Arc<Shared> = heap.shared();
        let tree = match self.sizes {
            Sizes::Retained => Some(graph.dominators(py)?),
            _ => None,
        };
        let mut nodes = nodes(heap, self.objects, self.untracked)?;
        if let Some(filter) = filter {
            let mut kept = Vec::new();
            for node in nodes {
                if filter.call1((Node::new(graph.clone(), node),))?.is_truthy()? {
                    kept.push(node);
                }
            }
            nodes = kept;
        }
        let shortnames = self.shortnames;
        Ok(py.detach(|| analysis::tally(graph, nodes, shortnames, tree)))
    }

    fn of_process(
        &self,
        py: Python<'py>,
        filter: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Vec<Tally>> {
        let probe = crate::probe(py)?;
        let (shortnames, with_sizes) = (self.shortnames, self.sizes != Sizes::No);
        let objects = match (given(self.objects).cloned(), filter, self.untracked) {
            (Some(objects), ..) => objects,
            (None, Some(_), false) => {
                snakeroot_walk::module(py, c"gc")?.call_method0("get_objects")?
            }
            (None, Some(filter), true) => return self.of_all(py, filter),
            (None, None, true) => {
                let (graph, _) = live::walk(py, &Options::default())?;
                let all = || analysis::counted(graph.snapshot(), true);
                return Ok(py.detach(|| analysis::tally(&graph, all(), shortnames, None)));
            }
            (None, None, false) => {
                let tallies = if with_sizes {
                    snakeroot_walk::tally_with_sizes(py, probe, shortnames)?
                } else {
                    snakeroot_walk::tally(py, probe, shortnames)?
                };
                return Ok(tallies.into_iter().map(tally).collect());
            }
        };
        let mut tallier = snakeroot_walk::Tallier::new(probe, shortnames);
        let mut kept = Vec::new();
        for object in objects.try_iter()? {
            let object = no_node(object?)?;
            if let Some(filter) = filter
                && !filter.call1((&object,))?.is_truthy()?
            {
                continue;
            }
            if with_sizes {
                kept.push(object);
            } else {
                tallier.add(&object);
            }
        }
        let tallies = if with_sizes {
            snakeroot_walk::tally_of(py, probe, &kept, shortnames)
        } else {
            tallier.finish()
        };
        Ok(tallies.into_iter().map(tally).collect())
    }

    /// Counts what passes a filter among all objects of the process, tracked or not.
    fn of_all(&self, py: Python<'py>, filter: &Bound<'py, PyAny>) -> PyResult<Vec<Tally>> {
        let mut kept = Vec::new();
        for (_, object) in all_objects(py, |_, nodes| nodes)? {
            if filter.call1((&object,))?.is_truthy()? {
                kept.push(object);
            }
        }
        let tallies = snakeroot_walk::tally_of(py, crate::probe(py)?, &kept, self.shortnames);
        Ok(tallies.into_iter().map(tally).collect())
    }
}

/// An object of the process, which is counted; a node is none.
///
/// # Errors
///
/// `TypeError` for a node: it is counted with its heap, and not as what it stands for.
pub(crate) fn no_node(object: Bound<'_, PyAny>) -> PyResult<Bound<'_, PyAny>> {
    match object.cast::<Node>() {
        Ok(_) => Err(PyTypeError::new_err(
            "objects: expected objects of the process, found a Node: pass its heap too, heap=...",
        )),
        Err(_) => Ok(object),
    }
}

/// Walks the whole heap and takes references to the objects that `choose` picks
/// of its nodes, with their addresses.
pub(crate) fn all_objects<'py>(
    py: Python<'py>,
    choose: impl FnOnce(&snakeroot::Graph, Vec<NodeId>) -> Vec<NodeId>,
) -> PyResult<Vec<(u64, Bound<'py, PyAny>)>> {
    let options = Options { stay_attached: true, ..Options::default() };
    let (graph, alive) = live::walk(py, &options)?;
    let nodes = choose(&graph, analysis::counted(graph.snapshot(), true).collect());
    // No Python code has run since the walk.
    let object = |node: NodeId| snakeroot_walk::object_at(py, &alive, &graph, node);
    let objects =
        nodes.into_iter().filter_map(|node| Some((graph.snapshot().address(node), object(node)?)));
    Ok(objects.collect())
}

fn tally(tally: TypeTally) -> Tally {
    let TypeTally { name, count, size } = tally;
    Tally { name, count, size, retained: None }
}
