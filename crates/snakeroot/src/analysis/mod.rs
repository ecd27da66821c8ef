//! Questions to a graph: each is a function to a plain, owned answer.
//!
//! Nothing here prints, opens a file or makes text: that is the views'. Weak
//! references are not followed by any analysis.

mod census;
mod chain;
mod neighbourhood;
mod noise;
mod why;

pub use census::{Census, TypeCount, census};
pub use chain::{Chain, Direction, shortest_chain, try_shortest_chain};
pub use neighbourhood::{
    Neighbourhood, NeighbourhoodEdge, NeighbourhoodNode, NeighbourhoodOptions, neighbourhood,
    try_neighbourhood,
};
pub use why::{is_root, why};
