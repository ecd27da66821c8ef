//! Chains of references, on the live process or in a held heap.

use std::cell::RefCell;
use std::collections::HashSet;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;
use snakeroot::NodeId;
use snakeroot::analysis::{self, Direction};
use snakeroot_walk::{Backwards, Options, calls};

use super::request::ignored;
use super::surroundings::{
    Asked, Table, collect_garbage, held, is_module, is_object, is_shown, own_object, steps,
};
use crate::arguments;
use crate::heap::Heap;
use crate::live;
use crate::node::Node;

/// `is_proper_module` as Python has it.
pub(super) static NATIVE_PREDICATE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// What `find_ref_chain` and `find_backref_chain` are asked for.
pub(super) struct Search<'a, 'py> {
    start: &'a Bound<'py, PyAny>,
    predicate: &'a Bound<'py, PyAny>,
    direction: Direction,
    max_depth: f64,
    ignore: HashSet<u64>,
    collect: bool,
    untracked: bool,
}

impl<'a, 'py> Search<'a, 'py> {
    pub(super) fn new(
        start: &'a Bound<'py, PyAny>,
        predicate: &'a Bound<'py, PyAny>,
        direction: Direction,
        max_depth: f64,
        extra_ignore: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Self> {
        if !predicate.is_callable() {
            return Err(PyTypeError::new_err(format!(
                "predicate: expected a function, found {}",
                arguments::type_name(predicate)
            )));
        }
        let ignore = ignored(extra_ignore)?;
        Ok(Self { start, predicate, direction, max_depth, ignore, collect: true, untracked: false })
    }

    pub(super) fn with(self, collect: bool, untracked: bool) -> Self {
        Self { collect, untracked, ..self }
    }

    /// Whether the predicate is `is_proper_module`, which needs no Python call.
    fn is_native(&self) -> bool {
        let native = NATIVE_PREDICATE.get(self.start.py());
        native.is_some_and(|native| native.is(self.predicate))
    }

    fn accepts(&self, object: &Bound<'py, PyAny>) -> PyResult<bool> {
        calls::is_true(&calls::call(self.predicate, (object,))?)
    }

    /// The chain, from holder to held; the start alone where there is none.
    pub(super) fn run(&self, heap: Option<&Heap>) -> PyResult<Bound<'py, PyList>> {
        let py = self.start.py();
        if let Some(heap) = Asked::of(heap, std::iter::once(self.start))? {
            return self.of_heap(&heap);
        }
        let found = match self.direction {
            _ if self.untracked => self.of_whole()?,
            Direction::Referents => self.forwards()?,
            // Whatever a module leads to is alive: no collection is needed to tell.
            Direction::Referrers if self.is_native() => snakeroot_walk::chain_from_module(
                py,
                crate::probe(py)?,
                self.start,
                self.max_depth,
                &self.ignore,
            )?,
            Direction::Referrers => self.backwards()?,
        };
        PyList::new(py, found.unwrap_or_else(|| vec![self.start.clone()]))
    }

    fn forwards(&self) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let table = RefCell::new(Table::default());
        let start = table.borrow_mut().place(self.start.clone());
        let neighbours = |at: u32| {
            let object = table.borrow().at(at);
            let mut referents = snakeroot_walk::referents(&object)?;
            referents.retain(|it| !self.ignore.contains(&(it.as_ptr() as u64)));
            let mut table = table.borrow_mut();
            Ok(referents.into_iter().map(|referent| table.place(referent)).collect())
        };
        let path = analysis::try_path(
            start,
            self.max_depth,
            neighbours,
            |_| false,
            |at| {
                let object = table.borrow().at(at);
                self.accepts(&object)
            },
        )?;
        Ok(path.map(|path| path.into_iter().map(|at| table.borrow().at(at)).collect()))
    }

    fn backwards(&self) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let py = self.start.py();
        if self.collect {
            collect_garbage(py)?;
        }
        let asked = Backwards {
            depth: self.max_depth,
            ignore: &self.ignore,
            stop_at_modules: false,
            most: None,
            only: None,
            call: &[],
            named: &[],
        };
        let starts = std::slice::from_ref(self.start);
        let found = snakeroot_walk::referrers(py, crate::probe(py)?, starts, &asked)?;
        let rows = |at: u32| Ok(found.rows[at as usize].clone());
        let path = analysis::try_path(
            0,
            self.max_depth,
            rows,
            |_| false,
            |at| self.accepts(&found.objects[at as usize]),
        )?;
        let object = |at: u32| found.objects[at as usize].clone();
        Ok(path.map(|path| path.into_iter().rev().map(object).collect()))
    }

    /// Over all of the live process.
    fn of_whole(&self) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let py = self.start.py();
        if self.collect {
            collect_garbage(py)?;
        }
        let also = vec![self.start.as_ptr() as usize];
        let options = Options { stay_attached: true, also, ..Options::default() };
        let (graph, alive) = live::walk(py, &options)?;
        let start = graph.at(self.start.as_ptr() as u64);
        let start = start.ok_or_else(|| own_object(self.start))?;
        let (depth, native) = (steps(self.max_depth), self.is_native());
        // No Python code has run since the walk.
        let mut objects = Default::default();
        if !native {
            objects = held(py, &graph, &alive, &[start], self.direction, depth);
        }
        let skip = |node: NodeId| {
            !is_object(&graph, node) || self.ignore.contains(&graph.snapshot().address(node))
        };
        let goal = |node: NodeId| match objects.get(&node) {
            _ if native => Ok(is_module(&graph, node)),
            Some(object) => self.accepts(object),
            None => Ok(false),
        };
        let chain =
            analysis::try_shortest_chain(&graph, start, self.direction, Some(depth), skip, goal)?;
        let object = |node: NodeId| match objects.get(&node) {
            Some(object) => Some(object.clone()),
            None => snakeroot_walk::object_at(py, &alive, &graph, node),
        };
        Ok(chain.map(|chain| chain.nodes.into_iter().filter_map(object).collect()))
    }

    /// In a held heap: the chain is of its nodes, and the predicate is given nodes.
    fn of_heap(&self, heap: &Asked) -> PyResult<Bound<'py, PyList>> {
        let py = self.start.py();
        let graph = &heap.graph;
        let start = arguments::node_of(graph, heap.live, self.start)?;
        let native = self.is_native();
        let skip = |node: NodeId| {
            self.ignore.contains(&graph.snapshot().address(node))
                || !is_shown(graph, node, self.direction, self.untracked, self.collect)
        };
        let goal = |node: NodeId| match native {
            true => Ok(is_module(graph, node)),
            false => {
                let node = Node::new(graph.clone(), node);
                calls::is_true(&calls::call(self.predicate, (node,))?)
            }
        };
        let depth = Some(steps(self.max_depth));
        let chain = analysis::try_shortest_chain(graph, start, self.direction, depth, skip, goal)?;
        let nodes = chain.map_or_else(|| vec![start], |chain| chain.nodes);
        PyList::new(py, nodes.into_iter().map(|node| Node::new(graph.clone(), node)))
    }
}
