//! What one cycle is made of.

use std::cmp::Reverse;

use indexmap::IndexMap;

use super::breaking::BreakAt;
use super::finalizers::finalizers;
use super::shortest::shortest;
use super::{Cycle, Cycles};
use crate::analysis::{Chain, TypeCount};
use crate::graph::Graph;
use crate::id::{NodeId, TypeId};
use crate::watch::{Stopped, Watch};

/// What one cycle is made of, and where to break it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CycleDetail {
    /// Its types, those with the most nodes first; of equal ones the one with more bytes.
    pub types: Vec<TypeCount>,
    /// The nodes that have a finalizer, ascending: `__del__`, in Python or in C, as far as labels tell.
    pub finalizers: Vec<NodeId>,
    /// A shortest way around: its last node is its first.
    pub path: Chain,
    /// Whether no shorter way around was left to be looked for.
    pub is_shortest: bool,
    /// The reference of the path that is best taken away; `None` where each is machinery.
    pub break_at: Option<BreakAt>,
}

impl Cycles {
    /// What one of these cycles is made of.
    ///
    /// The shortest way around is looked for from each node in turn, and what is then on no
    /// cycle any more is left out. In a cycle of many nodes, only some are tried after the first
    /// way was found; [`CycleDetail::is_shortest`] says whether all were.
    ///
    /// # Complexity
    ///
    /// O(E log E) time for the E references within the cycle, and 4 million steps more at most. 8 bytes a reference and
    /// 28 a node of scratch, and 4 a node of the heap where the cycle is a large one.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the watch says so.
    pub fn detail(
        &self,
        graph: &Graph,
        cycle: &Cycle,
        watch: &dyn Watch,
    ) -> Result<CycleDetail, Stopped> {
        let nodes = self.nodes(cycle);
        let (path, is_shortest) = shortest(graph, &self.machinery, self.without(), nodes, watch)?;
        Ok(CycleDetail {
            types: types(graph, nodes),
            finalizers: finalizers(graph, nodes),
            break_at: BreakAt::of(graph, &self.machinery, &path),
            path,
            is_shortest,
        })
    }

    /// The first cycles, at most `limit`, each with what it is made of.
    ///
    /// # Errors
    ///
    /// [`Stopped`] when the watch says so.
    pub fn details(
        &self,
        graph: &Graph,
        limit: usize,
        watch: &dyn Watch,
    ) -> Result<Vec<(Cycle, CycleDetail)>, Stopped> {
        let first = self.rows().iter().take(limit);
        first.map(|cycle| Ok((*cycle, self.detail(graph, cycle, watch)?))).collect()
    }
}

fn types(graph: &Graph, nodes: &[NodeId]) -> Vec<TypeCount> {
    let snapshot = graph.snapshot();
    let mut counts: IndexMap<TypeId, TypeCount> = IndexMap::new();
    for &node in nodes {
        let type_id = snapshot.type_ids()[node.index()];
        let row = counts.entry(type_id).or_insert(TypeCount { type_id, count: 0, size: 0 });
        row.count += 1;
        row.size = row.size.saturating_add(snapshot.size(node));
    }
    let mut rows: Vec<TypeCount> = counts.into_values().collect();
    rows.sort_by_key(|row| (Reverse(row.count), Reverse(row.size), row.type_id));
    rows
}
