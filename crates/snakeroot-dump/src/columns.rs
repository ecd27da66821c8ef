//! The columns of a dump: their names and types, in the order of the file.

use std::sync::Arc;

use parquet::schema::parser::parse_message_type;
use parquet::schema::types::Type;

use crate::export::{Extra, ExtraValues};

/// Footer key: the version of this format.
pub(crate) const KEY_FORMAT: &str = "snakeroot.format";
/// Footer key: about the process and the capture, in JSON.
pub(crate) const KEY_INFO: &str = "snakeroot.info";
/// Footer key: the table of types, in JSON.
pub(crate) const KEY_TYPES: &str = "snakeroot.types";

/// The order of the columns in a file that we write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(crate) enum Column {
    Id,
    Address,
    Type,
    TypeId,
    Size,
    Refcount,
    Flags,
    Name,
    Value,
    Hash,
    NativeSize,
    Root,
    Referents,
    Labels,
}

impl Column {
    pub(crate) const ALL: [Column; 14] = [
        Self::Id,
        Self::Address,
        Self::Type,
        Self::TypeId,
        Self::Size,
        Self::Refcount,
        Self::Flags,
        Self::Name,
        Self::Value,
        Self::Hash,
        Self::NativeSize,
        Self::Root,
        Self::Referents,
        Self::Labels,
    ];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Address => "address",
            Self::Type => "type",
            Self::TypeId => "type_id",
            Self::Size => "size",
            Self::Refcount => "refcount",
            Self::Flags => "flags",
            Self::Name => "name",
            Self::Value => "value",
            Self::Hash => "hash",
            Self::NativeSize => "native_size",
            Self::Root => "root",
            Self::Referents => "referents",
            Self::Labels => "labels",
        }
    }

    /// Whether the column holds a list a row.
    pub(crate) const fn is_list(self) -> bool {
        matches!(self, Self::Referents | Self::Labels)
    }
}

/// The schema of a file that we write: our columns, then further ones.
pub(crate) fn schema(extras: &[Extra<'_>]) -> Arc<Type> {
    const OURS: &str = "
            required int32 id (INTEGER(32, false));
            required int64 address (INTEGER(64, false));
            required binary type (STRING);
            optional int32 type_id (INTEGER(32, false));
            required int64 size (INTEGER(64, false));
            required int32 refcount (INTEGER(32, false));
            required int32 flags (INTEGER(16, false));
            optional binary name (STRING);
            optional binary value (STRING);
            optional int64 hash (INTEGER(64, false));
            optional int64 native_size (INTEGER(64, false));
            optional binary root (STRING);
            required group referents (LIST) {
                repeated group list {
                    required int32 element (INTEGER(32, false));
                }
            }
            optional group labels (LIST) {
                repeated group list {
                    required binary element (STRING);
                }
            }";
    let extras = extras.iter().map(|extra| match extra.values {
        ExtraValues::Numbers(_) => {
            format!("required int64 {} (INTEGER(64, false));", extra.name)
        }
        ExtraValues::Nodes(_) => format!("optional int32 {} (INTEGER(32, false));", extra.name),
    });
    let schema = format!("message heap {{{OURS} {} }}", extras.collect::<String>());
    Arc::new(parse_message_type(&schema).expect("ours is valid, and the other names were checked"))
}

#[cfg(test)]
mod tests {
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    #[test]
    fn the_schema_has_the_columns_in_their_order() {
        let schema = SchemaDescriptor::new(schema(&[]));
        assert_eq!(schema.num_columns(), Column::ALL.len());
        for (at, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, at);
            assert_eq!(schema.column(at).path().parts()[0], column.name());
        }
    }
}
