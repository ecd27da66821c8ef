//! Turns an answer into something to look at: a drawing's model, DOT, tables, text.

mod describe;
mod dot;
mod draw;
pub mod drawing;
pub mod json;
mod text;

pub use describe::{Describer, describe, kind};
pub use dot::dot;
pub use draw::{DrawOptions, chains_drawing, drawing};
pub use drawing::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role};
pub use text::{chain_line, chain_lines, grouped, human_size, share, types_table};
