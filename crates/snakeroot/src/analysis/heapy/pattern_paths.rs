//! How the objects of one line of a reference pattern lead down to the first line, object by object.

use std::collections::HashMap;
use std::sync::Arc;

use super::link::{Link, links};
use crate::graph::Graph;
use crate::id::NodeId;

/// One step, or an end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternStep {
    /// How many lines of the pattern are below: 0 for its first line.
    pub depth: usize,
    /// Which object.
    pub node: NodeId,
    /// Its place among those that were looked at together.
    pub place: usize,
    /// By what it leads on; `None` where the first line is reached.
    pub links: Option<Vec<Link>>,
    /// The step that went on from there before, which is not said again.
    pub seen: Option<usize>,
}

impl PatternStep {
    /// Whether a path ends here.
    pub fn is_last(&self) -> bool {
        self.links.is_none() || self.seen.is_some()
    }
}

/// The steps in the order in which they are printed, made one by one.
#[derive(Debug)]
pub struct PatternPaths {
    /// By depth: the objects that paths pass there.
    sets: Vec<Arc<[NodeId]>>,
    /// Where paths begin, in order.
    sources: Vec<NodeId>,
    next_source: usize,
    stack: Vec<Frame>,
    steps: Vec<PatternStep>,
    /// By object and depth: the first step from there.
    seen: HashMap<(NodeId, usize), usize>,
}

#[derive(Debug)]
struct Frame {
    node: NodeId,
    place: usize,
    depth: usize,
    /// What it leads to one line below.
    next: Vec<NodeId>,
    at: usize,
}

impl PatternPaths {
    /// From some objects down through sets, of which the first are those that paths end at; each set ascends.
    pub fn new(sources: Vec<NodeId>, sets: Vec<Arc<[NodeId]>>) -> Self {
        let (stack, steps, seen) = (Vec::new(), Vec::new(), HashMap::new());
        Self { sets, sources, next_source: 0, stack, steps, seen }
    }

    /// The steps that were made.
    pub fn steps(&self) -> &[PatternStep] {
        &self.steps
    }

    /// Makes the next step; `false` where there is none. `order` puts objects into the order of a table.
    ///
    /// # Complexity
    ///
    /// O(d log d) for d edges that leave the object.
    ///
    /// # Errors
    ///
    /// Those of `order`.
    pub fn advance<E>(
        &mut self,
        graph: &Graph,
        mut order: impl FnMut(Vec<NodeId>) -> Result<Vec<NodeId>, E>,
    ) -> Result<bool, E> {
        loop {
            let Some(frame) = self.stack.last_mut() else {
                let Some(&node) = self.sources.get(self.next_source) else { return Ok(false) };
                let place = self.next_source;
                let depth = self.sets.len().saturating_sub(1);
                self.enter(graph, node, place, depth, &mut order)?;
                self.next_source += 1;
                continue;
            };
            let Frame { node, place, depth, .. } = *frame;
            if depth == 0 {
                self.stack.pop();
                self.steps.push(PatternStep { depth, node, place, links: None, seen: None });
                return Ok(true);
            }
            let Some(&next) = frame.next.get(frame.at) else {
                self.stack.pop();
                continue;
            };
            let at = frame.at;
            let seen = self.seen.get(&(next, depth - 1)).copied();
            let links = Some(links(graph, node, next));
            let number = self.steps.len();
            self.steps.push(PatternStep { depth, node, place, links, seen });
            if seen.is_none()
                && let Err(error) = self.enter(graph, next, at, depth - 1, &mut order)
            {
                self.steps.truncate(number);
                return Err(error);
            }
            let below = self.stack.len() - usize::from(seen.is_none()) - 1;
            self.stack[below].at += 1;
            return Ok(true);
        }
    }

    fn enter<E>(
        &mut self,
        graph: &Graph,
        node: NodeId,
        place: usize,
        depth: usize,
        order: &mut impl FnMut(Vec<NodeId>) -> Result<Vec<NodeId>, E>,
    ) -> Result<(), E> {
        let mut next = Vec::new();
        if let Some(set) = depth.checked_sub(1).map(|depth| &self.sets[depth]) {
            let there = graph.strong_referents(node);
            next.extend(there.filter(|node| set.binary_search(node).is_ok()));
            next.sort_unstable();
            next.dedup();
            next = order(next)?;
        }
        self.seen.insert((node, depth), self.steps.len());
        self.stack.push(Frame { node, place, depth, next, at: 0 });
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::analysis::heapy::HeldBy;

    #[test]
    fn a_step_that_was_made_before_is_not_made_again() {
        let graph = Graph::from_notation(
            "s1 -[[0]]> m1; s1 -[[1]]> m1; s2 -[.a]> m1; s2 -[.b]> m2; m1 m2 -[.x]> end; s1 -> out -> end",
        )
        .unwrap();
        let nodes = |names: &[&str]| -> Vec<NodeId> {
            names.iter().map(|name| graph.named(name)).collect()
        };
        let mut sets: Vec<Vec<NodeId>> =
            vec![nodes(&["end"]), nodes(&["m1", "m2"]), nodes(&["s1", "s2"])];
        sets.iter_mut().for_each(|set| set.sort_unstable());
        let sets = sets.into_iter().map(Into::into).collect();
        let mut paths = PatternPaths::new(nodes(&["s1", "s2"]), sets);
        while paths.advance(&graph, Ok::<_, Infallible>).unwrap() {}
        let said: Vec<String> = paths
            .steps()
            .iter()
            .map(|step| {
                let name = graph.snapshot().names().get(step.node).unwrap();
                let links = step.links.as_ref().map(|links| {
                    let text = |link: &Link| match link {
                        Link::Held(HeldBy::Index(text) | HeldBy::Attribute(text)) => {
                            text.to_string()
                        }
                        other => format!("{other:?}"),
                    };
                    links.iter().map(text).collect::<Vec<_>>().join("/")
                });
                format!("{} {name}[{}] {links:?} {:?}", step.depth, step.place, step.seen)
            })
            .collect();
        assert_eq!(
            said,
            [
                "2 s1[0] Some(\"0/1\") None",
                "1 m1[0] Some(\"x\") None",
                "0 end[0] None None",
                "2 s2[1] Some(\"a\") Some(1)",
                "2 s2[1] Some(\"b\") None",
                "1 m2[1] Some(\"x\") Some(2)",
            ]
        );
    }
}
