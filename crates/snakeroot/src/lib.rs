//! The heart of snakeroot: a recorded heap, the graph over it, the questions
//! it answers and the views of the answers.
//!
//! Pure: it knows no Python, opens no file, prints nothing, and holds no unsafe
//! code. Modules depend on each other one way: view → analysis → graph →
//! snapshot → id → watch → parallel.

pub mod analysis;
pub mod graph;
pub mod id;
pub mod parallel;
pub mod snapshot;
pub mod view;
pub mod watch;

pub use graph::Graph;
pub use id::{LabelId, NodeId, TypeId};
pub use snapshot::{Snapshot, SnapshotParts};

/// The README's example, kept running.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
