//! Which format a file is in, by its first bytes.

use crate::error::{DumpError, DumpErrorKind};

/// A format that is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Meliae,
    PyHeap,
    Midden,
    Pygco,
    V8,
}

/// The number 123,000,321 in eight bytes.
pub(super) const PYHEAP_MARK: [u8; 8] = 123_000_321_u64.to_be_bytes();
/// How heapy's tables begin.
const STAT_MARK: &[u8] = b".loader:";
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// Keys of a JSON object that are looked at, and shown characters of each.
const MOST_KEYS: usize = 64;
const SHOWN_KEYS: usize = 6;
const SHOWN_CHARS: usize = 24;

/// Tells the format.
///
/// # Errors
///
/// When it is none of these; what was found is said.
pub(super) fn tell(head: &[u8]) -> Result<Format, DumpError> {
    let refused = |reason: &str| Err(DumpErrorKind::Refused { reason: reason.into() }.into());
    if head.starts_with(&PYHEAP_MARK) {
        return Ok(Format::PyHeap);
    }
    if head.starts_with(b"PAR1") {
        return refused("a Parquet file that is packed once more: unpack it first");
    }
    if head.starts_with(b"\x1f\x8b") || head.starts_with(b"\x28\xb5\x2f\xfd") {
        return refused("a file that is packed twice: unpack it first");
    }
    if head.starts_with(STAT_MARK) {
        return refused(
            "a table of numbers that heapy wrote, which holds no objects: \
             read it with hpy().load of snakeroot.heapy",
        );
    }
    let text = head.strip_prefix(BYTE_ORDER_MARK).unwrap_or(head).trim_ascii_start();
    if text.first() != Some(&b'{') {
        let shown = &text[..text.len().min(SHOWN_CHARS)];
        return Err(DumpErrorKind::NoHeap { found: format!("\"{}\"", shown.escape_ascii()) }.into());
    }
    let keys = keys(text);
    let has = |key: &str| keys.contains(&key.as_bytes());
    if has("snapshot") {
        Ok(Format::V8)
    } else if has("record_type") {
        Ok(Format::Pygco)
    } else if has("address") && (has("refs") || has("type")) {
        Ok(Format::Meliae)
    } else if has("id") && (has("references") || has("type")) {
        Ok(Format::Midden)
    } else {
        let shown = keys
            .iter()
            .take(SHOWN_KEYS)
            .map(|key| format!("\"{}\"", key[..key.len().min(SHOWN_CHARS)].escape_ascii()));
        let shown: Vec<String> = shown.collect();
        let found = match shown.is_empty() {
            true => "a JSON object without keys".into(),
            false => format!("a JSON object with the keys {}", shown.join(", ")),
        };
        Err(DumpErrorKind::NoHeap { found }.into())
    }
}

/// The keys of a JSON object as far as they are there, without what is inside
/// the values. Escapes stay as they are.
fn keys(text: &[u8]) -> Vec<&[u8]> {
    let mut keys = Vec::new();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(&byte) = text.get(at) {
        at += 1;
        match byte {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let start = at;
                while let Some(&inner) = text.get(at).filter(|&&inner| inner != b'"') {
                    at += if inner == b'\\' { 2 } else { 1 };
                }
                let Some(key) = text.get(start..at) else { break };
                at += 1;
                let rest = text.get(at..).unwrap_or_default().trim_ascii_start();
                if depth == 1 && rest.first() == Some(&b':') {
                    keys.push(key);
                }
            }
            _ => {}
        }
        if depth == 0 || keys.len() == MOST_KEYS {
            break;
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_the_object_itself() {
        let keys = |text: &'static str| -> Vec<String> {
            keys(text.as_bytes()).iter().map(|key| key.escape_ascii().to_string()).collect()
        };
        assert_eq!(keys(r#"{"a": {"b": 1}, "c" : ["d", "e:"], "f"#), ["a", "c"]);
        assert_eq!(keys(r#"{"a\"b": "c\\", "d": 1} {"e": 2}"#), ["a\\\\\\\"b", "d"]);
        assert_eq!(keys(r#"{"a\"#), Vec::<String>::new());
    }

    #[test]
    fn each_format_is_told_by_what_it_must_have() {
        let told = |head: &str| tell(head.as_bytes()).unwrap();
        assert_eq!(told(r#"{"address": 16, "type": "list", "refs": [1, 2"#), Format::Meliae);
        assert_eq!(told(r#"{"id": 16, "type": "builtins.list""#), Format::Midden);
        assert_eq!(told(r#"{"record_type":"metadata","phase":"start"}"#), Format::Pygco);
        assert_eq!(told("\u{feff}\n {\"snapshot\":{"), Format::V8);
        assert_eq!(tell(&PYHEAP_MARK).unwrap(), Format::PyHeap);
    }
}
