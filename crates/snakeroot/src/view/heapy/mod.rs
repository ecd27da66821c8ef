//! heapy's printed forms, to the byte: names of kinds, tables, pages.

mod names;
mod paging;
mod paths;
mod pattern;
mod record;
mod repr;
mod summary;
mod table;
mod wrap;

pub use names::{
    full_type_name, kind_brief, kind_name, kind_repr, relation_header, relation_repr, type_name,
};
pub use paging::{PAGE_LINES, Paged, page};
pub use paths::{NO_MORE_PATHS, link_text, more_paths, path_line, path_text};
pub use pattern::{
    PatternWidths, line_name, line_places, more_lines, pattern_label, pattern_line, pattern_step,
};
pub use record::{RecordError, ends_record, read_record, record_lines};
pub use repr::{limited, limited_bytes, python_repr};
pub use summary::{SUMMARY_CHARACTERS, enumeration, summary};
pub use table::{
    DiffTotals, RowNumbers, diff_header, diff_label, diff_row, id_header, id_label, id_row,
    more_rows, set_header, set_label, set_row,
};
