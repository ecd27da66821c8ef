//! heapy's questions: sets of objects by equivalence relations and kinds.
//!
//! A relation says when two objects are alike, a kind is one of its classes. Both mean
//! the same in every heap, so they hold no node. Threads refer to nothing here: they
//! are where paths begin, as modules are.

mod classes;
mod dominated;
mod kind;
mod link;
mod partition;
mod pattern;
mod pattern_paths;
mod reached;
mod reference;
mod relations;
mod roots;
mod search;
mod select;
mod shortest;
mod stat;
mod stops;
mod view_of;
mod ways;

pub use classes::{Producers, clodo};
pub use dominated::dominated;
pub use kind::{Comparison, Kind, Relation, TypeKey};
pub use link::{Link, links};
pub use partition::{Partition, Row, by_size, of_one_kind, partition};
pub use pattern::{Line, LineEnd, Pattern, PatternOptions, Referrers};
pub use pattern_paths::{PatternPaths, PatternStep};
pub use reached::{immediate_dominators_from, reached_from};
pub use reference::Reference;
pub use relations::{HeldBy, relation_of};
pub use roots::{RootEdge, RootEdges};
pub use select::select;
pub use shortest::{Cursor, Path, ShortestPaths, Source, shortest_paths, single_steps};
pub use stat::{OtherHeader, Stat, StatFormat, StatRow, unreachable};
pub use stops::StopKinds;
pub use view_of::{Owners, immediate_dominators, referents, referrers, visible};
pub use ways::{Avoid, Ends};
