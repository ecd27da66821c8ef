//! Questions to a graph: each is a function to a plain, owned answer.
//!
//! Nothing here prints, opens a file or makes text: that is the views'. Weak
//! references are not followed by any analysis.

mod census;
mod chain;
mod components;
mod cycles;
pub mod diff;
mod dominators;
mod expand;
mod fingerprint;
mod group;
pub mod heapy;
mod held;
mod ids;
mod machinery;
mod merged;
mod modules;
mod names;
mod neighbourhood;
mod noise;
mod paths;
mod retained;
mod root_rows;
mod select;
mod structure;
mod suspects;
mod tally;
mod why;

pub use census::{Census, TypeCount, census};
pub use chain::{Chain, Direction, shortest_chain, try_shortest_chain};
pub use components::{Components, components, try_components};
pub use cycles::{
    BreakAt, Cycle, CycleDetail, CycleScope, Cycles, GarbageTotal, cycles, try_cycles,
};
pub use dominators::{DominatorTree, dominators, try_dominators};
pub use expand::{Bounds, Expansion, Met, try_expand, try_path};
pub use group::{By, Group, Key, Partition, ReferrerKind, partition};
pub use held::{referents_of, referrers_of};
pub use ids::{IdColumn, IdHistory, IdRow, Ids, ids};
pub use merged::{MergedChains, MergedStep, why_merged};
pub use modules::Modules;
pub use names::{NameError, types_named};
pub use neighbourhood::{
    Neighbourhood, NeighbourhoodEdge, NeighbourhoodNode, NeighbourhoodOptions, neighbourhood,
    try_neighbourhood,
};
pub use retained::retained_by;
pub use root_rows::{RootRow, module_rows, root_rows};
pub use select::{Selection, select};
pub use suspects::{Content, Suspect, Suspects, suspects};
pub use tally::{Grown, Tally, counted, grown, named, tally, unreferred};
pub use why::{is_root, roots, try_why, why};
