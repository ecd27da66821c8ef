//! From what was found to a picture, and where the picture goes.

use std::collections::{HashMap, HashSet};

use pyo3::prelude::*;
use pyo3::types::PyModule as PyModuleType;
use snakeroot::NodeId;
use snakeroot::analysis::Direction;
use snakeroot::view::{self, DrawOptions, NodeKind, RefsDot, RefsNode};
use snakeroot_walk::calls;

use super::label;
use super::request::Request;
use super::surroundings::{Source, Surroundings, is_object, surroundings};
use crate::counts::print;
use crate::node::Node;
use crate::picture::Picture;

/// Characters of a value that a box shows.
const MOST_CHARACTERS: usize = 40;

impl<'py> Request<'py> {
    /// Draws, and takes the picture to where it belongs.
    pub(super) fn run(self, py: Python<'py>) -> PyResult<Option<Picture>> {
        let picture = self.picture(py)?;
        if let Some(output) = &self.output {
            calls::call(&output.getattr("write")?, (picture.source(),))?;
            return Ok(None);
        }
        let Some(path) = self.filename else {
            picture.present(py)?;
            return Ok(Some(picture));
        };
        py.detach(|| picture.write(&path))?;
        let line = picture.written_line(&path);
        print(py, None, &line)?;
        Ok(None)
    }

    fn picture(&self, py: Python<'py>) -> PyResult<Picture> {
        let around = surroundings(py, self)?;
        let texts = Texts::of(py, self, &around)?;
        let graph: &snakeroot::Graph = &around.graph;
        let extra = |node: NodeId| texts.extra.get(&node).cloned();
        let highlight = |node: NodeId| texts.highlighted.contains(&node);
        let value = |node: NodeId| texts.values.get(&node).cloned();
        let attributes = |node: NodeId| texts.attributes.get(&node).cloned().unwrap_or_default();
        let held = |node: NodeId| around.own_references(self, node);
        let retained = |node: NodeId| around.retained.get(&graph.snapshot().address(node)).copied();
        let drawing = view::drawing(
            graph,
            &around.found,
            &DrawOptions {
                shortnames: self.shortnames,
                refcounts: self.refcounts,
                held: Some(&held),
                sizes: self.sizes.unwrap_or(true),
                retained: self.retained.then_some(&retained),
                extra: Some(&extra),
                highlight: Some(&highlight),
                value: Some(&value),
                attributes: Some(&attributes),
            },
        );
        let failed = std::cell::Cell::new(None);
        let key = |from: NodeId, to: NodeId| {
            let (from, to) = (around.objects.get(&from)?, around.objects.get(&to)?);
            if !self.repr {
                return None;
            }
            label::key(from, to, self.shortnames).unwrap_or_else(|error| {
                failed.set(Some(error));
                None
            })
        };
        let refs = RefsDot { max_depth: self.max_depth, nodes: &texts.nodes, key: &key };
        let dot = view::refs_dot(graph, &around.found, &refs);
        if let Some(error) = failed.into_inner() {
            return Err(error);
        }
        Ok(Picture::of_references(drawing, self.engine, dot, around.found.graph.node_count()))
    }
}

/// What the boxes say.
#[derive(Default)]
struct Texts {
    nodes: Vec<RefsNode>,
    values: HashMap<NodeId, String>,
    extra: HashMap<NodeId, String>,
    highlighted: HashSet<NodeId>,
    attributes: HashMap<NodeId, Vec<(String, String)>>,
}

impl Texts {
    fn of<'py>(
        py: Python<'py>,
        request: &Request<'py>,
        around: &Surroundings<'py>,
    ) -> PyResult<Self> {
        let mut texts = Self::default();
        for weight in around.found.graph.node_weights() {
            texts.add(py, request, around, weight.node)?;
        }
        Ok(texts)
    }

    fn add<'py>(
        &mut self,
        py: Python<'py>,
        request: &Request<'py>,
        around: &Surroundings<'py>,
        node: NodeId,
    ) -> PyResult<()> {
        let graph: &snakeroot::Graph = &around.graph;
        let object = around.objects.get(&node);
        let mut said = RefsNode::default();
        let entry = graph.snapshot().type_of(node);
        let mut lines = vec![match object {
            Some(object) => {
                snakeroot_walk::type_name(object, request.shortnames, crate::probe(py)?)
            }
            None if request.shortnames => entry.short_name().to_owned(),
            None => entry.full_name(),
        }];
        if request.refcounts && is_object(graph, node) {
            let is_immortal =
                graph.snapshot().flags(node).contains(snakeroot::snapshot::Flags::IMMORTAL);
            let count = match object {
                _ if is_immortal => "immortal".to_owned(),
                _ => graph
                    .snapshot()
                    .refcount(node)
                    .saturating_sub(around.own_references(request, node))
                    .to_string(),
            };
            lines[0].push_str(&format!(" [{count}]"));
        }
        let value = match object {
            Some(object) if request.repr => Some(label::short(object)?),
            Some(_) => snakeroot_walk::preview(py, &around.alive, graph, node, MOST_CHARACTERS),
            None => None,
        };
        lines.push(value.clone().unwrap_or_else(|| view::short_form(graph, node)));
        // A module's name stands in the title of its box.
        let value = value.filter(|_| view::kind(graph, node) != NodeKind::Module);
        self.values.extend(value.map(|value| (node, value)));
        let address = graph.snapshot().address(node);
        let mut figures = Vec::new();
        if request.sizes == Some(true) && is_object(graph, node) {
            figures.push(view::human_size(graph.snapshot().size(node)));
        }
        if let Some(&bytes) = around.retained.get(&address).filter(|_| request.retained) {
            figures.push(format!("retains {}", view::human_size(bytes)));
        }
        if !figures.is_empty() {
            lines.push(figures.join(", "));
        }
        said.is_module = match object {
            Some(object) => object.cast::<PyModuleType>().is_ok(),
            None => view::kind(graph, node) == NodeKind::Module,
        };
        said.has_del = object.is_some_and(snakeroot_walk::has_finalizer);
        // Callbacks are given the object, or of a held heap its node.
        let given = match (&around.graph, object) {
            (_, Some(object)) => Some(object.clone()),
            (Source::Held(shared), None) => {
                Some(Bound::new(py, Node::new(shared.clone(), node))?.into_any())
            }
            (Source::Own(_), None) => None,
        };
        if let Some(given) = given {
            self.ask(request, node, &given, &mut said, &mut lines)?;
        }
        said.label = lines.join("\n");
        self.nodes.push(said);
        Ok(())
    }

    /// Asks the callbacks that are there.
    fn ask<'py>(
        &mut self,
        request: &Request<'py>,
        node: NodeId,
        given: &Bound<'py, PyAny>,
        said: &mut RefsNode,
        lines: &mut Vec<String>,
    ) -> PyResult<()> {
        if let Some(extra_info) = &request.extra_info {
            let extra = label::lossy(&calls::text(&calls::call(extra_info, (given,))?)?);
            lines.push(extra.clone());
            self.extra.insert(node, extra);
        }
        if let Some(attrs) = &request.extra_node_attrs {
            let attrs = calls::call(attrs, (given,))?;
            for pair in attrs.call_method0("items")?.try_iter()? {
                let (name, value): (String, Bound<'py, PyAny>) = pair?.extract()?;
                if !value.is_none() {
                    said.attributes.push((name, label::lossy(&calls::text(&value)?)));
                }
            }
            said.attributes.sort();
            self.attributes.insert(node, said.attributes.clone());
        }
        if let Some(highlight) = &request.highlight
            && calls::is_true(&calls::call(highlight, (given,))?)?
        {
            said.is_highlighted = true;
            self.highlighted.insert(node);
        }
        Ok(())
    }
}

/// The words of a direction that a function's name has.
pub(super) fn function_of(direction: Direction) -> &'static str {
    match direction {
        Direction::Referrers => "show_backrefs",
        Direction::Referents => "show_refs",
    }
}
