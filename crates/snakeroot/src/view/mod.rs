//! Turns an answer into something to look at: a drawing's model, DOT, tables, text.

mod cells;
mod cycles;
mod describe;
mod diff;
mod diff_json;
mod dot;
mod draw;
pub mod drawing;
mod graphml;
mod groups;
pub mod heapy;
pub mod json;
mod merged;
mod refs_dot;
mod roots;
mod suspects;
mod tallies;
mod text;
mod top;

pub use cells::{Cells, escaped};
pub use cycles::{break_words, cycle_json, cycle_text, cycles_json, cycles_text};
pub use describe::{Describer, describe, kind};
pub use diff::{
    diff_notices, diff_summary, diff_table, group_name, growth_drawing, growth_table,
    holders_table, kept_table, signed, signed_size,
};
pub use dot::dot;
pub use draw::{DrawOptions, chains_drawing, drawing, nodes_drawing, short_form};
pub use drawing::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role};
pub use graphml::{GraphMl, graphml};
pub use groups::{groups_table, key_name, key_names, objects_line};
pub use merged::{merged_drawing, merged_label, merged_table, merged_words};
pub use refs_dot::{RefsDot, RefsKey, RefsNode, is_name, refs_dot};
pub use roots::{modules_table, roots_table};
pub use suspects::{suspect_sentence, suspects_text};
pub use tallies::{grown_table, new_ids_table, tally_table};
pub use text::{chain_line, chain_lines, grouped, human_size, share, types_table};
pub use top::top_table;
