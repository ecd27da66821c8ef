//! A str as Python writes it.

use std::fmt::Write;

/// The literal that Python's `repr` gives for a text.
///
/// Signs that are not printable are escaped; which these are is said by Rust's table of
/// Unicode, which may know a newer Unicode than the interpreter.
pub fn python_repr(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let mut shown = String::with_capacity(text.len() + 2);
    shown.push(quote);
    for sign in text.chars() {
        match sign {
            '\n' => shown.push_str("\\n"),
            '\r' => shown.push_str("\\r"),
            '\t' => shown.push_str("\\t"),
            '\\' => shown.push_str("\\\\"),
            sign if sign == quote => {
                shown.push('\\');
                shown.push(sign);
            }
            ' '..='~' => shown.push(sign),
            sign if is_printable(sign) => shown.push(sign),
            sign => {
                let number = u32::from(sign);
                let written = match number {
                    0..=0xff => write!(shown, "\\x{number:02x}"),
                    0x100..=0xffff => write!(shown, "\\u{number:04x}"),
                    _ => write!(shown, "\\U{number:08x}"),
                };
                written.expect("a String takes all text");
            }
        }
    }
    shown.push(quote);
    shown
}

fn is_printable(sign: char) -> bool {
    // `escape_debug` also escapes what joins the sign before it, which Python does not: behind
    // another sign it is left alone.
    !sign.is_whitespace() && {
        let text: String = ['a', sign].iter().collect();
        !text.escape_debug().any(|sign| sign == '\\')
    }
}

/// Characters of a shortened literal, and how many of its beginning and end are kept.
const MOST_CHARACTERS: usize = 30;
const KEPT_BEFORE: usize = 13;
const KEPT_BEHIND: usize = 14;

/// A str's literal, its middle left out where it is longer than 30 characters.
pub fn limited(text: &str) -> String {
    let shown = python_repr(&text.chars().take(MOST_CHARACTERS).collect::<String>());
    if shown.chars().count() <= MOST_CHARACTERS {
        return shown;
    }
    let end: Vec<char> = text.chars().rev().take(KEPT_BEHIND).collect();
    let ends: String = text.chars().take(KEPT_BEFORE).chain(end.into_iter().rev()).collect();
    cut(&python_repr(&ends))
}

/// The same of bytes.
pub fn limited_bytes(bytes: &[u8]) -> String {
    // What is cut out need not be written first.
    const KEPT: usize = 64;
    let quote = if bytes.contains(&b'\'') && !bytes.contains(&b'"') { '"' } else { '\'' };
    let mut shown = format!("b{quote}");
    let mut write = |bytes: &[u8]| {
        for &byte in bytes {
            match byte {
                b'\n' => shown.push_str("\\n"),
                b'\r' => shown.push_str("\\r"),
                b'\t' => shown.push_str("\\t"),
                b'\\' => shown.push_str("\\\\"),
                byte if char::from(byte) == quote => {
                    shown.push('\\');
                    shown.push(quote);
                }
                b' '..=b'~' => shown.push(char::from(byte)),
                byte => write!(shown, "\\x{byte:02x}").expect("a String takes all text"),
            }
        }
    };
    if bytes.len() > 2 * KEPT {
        write(&bytes[..KEPT]);
        write(&bytes[bytes.len() - KEPT..]);
    } else {
        write(bytes);
    }
    shown.push(quote);
    if shown.chars().count() <= MOST_CHARACTERS { shown } else { cut(&shown) }
}

fn cut(text: &str) -> String {
    let signs: Vec<char> = text.chars().collect();
    let behind = signs.len().saturating_sub(KEPT_BEHIND);
    let before = signs.iter().take(KEPT_BEFORE);
    before.chain(&['.'; 3]).chain(&signs[behind..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_written_as_python_does() {
        for (text, expected) in [
            ("", "''"),
            ("plain", "'plain'"),
            ("it's", "\"it's\""),
            ("it's \"so\"", "'it\\'s \"so\"'"),
            ("a\\b\n\t\r", "'a\\\\b\\n\\t\\r'"),
            ("\0\x1b\x7f\u{85}\u{a0}\u{ad}", "'\\x00\\x1b\\x7f\\x85\\xa0\\xad'"),
            ("é日\u{1f600}", "'é日\u{1f600}'"),
            ("\u{200b}\u{2028}\u{e000}\u{10ffff}", "'\\u200b\\u2028\\ue000\\U0010ffff'"),
            ("e\u{301}", "'e\u{301}'"),
        ] {
            assert_eq!(python_repr(text), expected);
        }
    }

    #[test]
    fn the_middle_of_a_long_literal_is_left_out() {
        assert_eq!(limited("short"), "'short'");
        assert_eq!(limited(&"x".repeat(28)), format!("'{}'", "x".repeat(28)));
        assert_eq!(
            limited("abcdefghijklmnopqrstuvwxyz0123456789"),
            "'abcdefghijkl...xyz0123456789'"
        );
        assert_eq!(limited_bytes(b"it's\0"), "b\"it's\\x00\"");
        assert_eq!(limited_bytes(&[b'a'; 1000]), "b'aaaaaaaaaaa...aaaaaaaaaaaaa'");
    }
}
