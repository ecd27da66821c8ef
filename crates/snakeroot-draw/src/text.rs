//! Makes untrusted text harmless: one line, no invisible tricks, not too long.
//!
//! Nothing is escaped here: that is for whoever writes a format.

/// The longest title, in characters.
pub(crate) const MAX_TITLE_CHARS: usize = 60;
/// The longest line below a title, in characters.
pub(crate) const MAX_LINE_CHARS: usize = 60;
/// The longest label of an edge, in characters.
pub(crate) const MAX_LABEL_CHARS: usize = 40;
/// The longest note, in characters.
pub(crate) const MAX_NOTE_CHARS: usize = 160;
/// The longest tooltip, in characters.
pub(crate) const MAX_TOOLTIP_CHARS: usize = 1_000;

/// One line of at most `max` characters, an ellipsis for the rest.
///
/// Control characters are written out, so that a label with a newline is told
/// from one without; what would turn or hide other text is dropped.
pub(crate) fn one_line(text: &str, max: usize) -> String {
    shortened(text, max, false)
}

/// As [`one_line`], but newlines stay.
pub(crate) fn several_lines(text: &str, max: usize) -> String {
    shortened(text, max, true)
}

fn shortened(text: &str, max: usize, keep_newlines: bool) -> String {
    let mut kept = String::new();
    // Where to cut if more than `max` characters come.
    let mut cut = 0;
    let mut chars = 0;
    for letter in text.chars() {
        let shown = match shown(letter) {
            _ if letter == '\n' && keep_newlines => Shown::Letter(letter),
            shown => shown,
        };
        chars += match shown {
            Shown::Nothing => 0,
            Shown::Letter(letter) => {
                kept.push(letter);
                1
            }
            Shown::Code => {
                let before = kept.len();
                kept.extend(letter.escape_default());
                kept.len() - before
            }
        };
        if chars > max {
            kept.truncate(cut);
            kept.push('…');
            break;
        }
        if chars < max {
            cut = kept.len();
        }
    }
    kept
}

/// What stands for a character.
enum Shown {
    Nothing,
    Letter(char),
    /// Its escape, as in `\t`.
    Code,
}

fn shown(letter: char) -> Shown {
    match letter {
        '\n' | '\u{2028}' | '\u{2029}' => Shown::Letter('⏎'),
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' => Shown::Code,
        // Bidirectional controls, zero-width characters, the soft hyphen, tags
        // and variation selectors.
        '\u{ad}'
        | '\u{61c}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{e0000}'..='\u{e0fff}' => Shown::Nothing,
        '\u{fdd0}'..='\u{fdef}' => Shown::Letter('\u{fffd}'),
        _ if letter as u32 & 0xfffe == 0xfffe => Shown::Letter('\u{fffd}'),
        _ if letter.is_whitespace() => Shown::Letter(' '),
        _ => Shown::Letter(letter),
    }
}

/// Escapes what [`one_line`] and [`several_lines`] return, for XML text and
/// attributes in either quotes.
pub(crate) fn xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' => escaped.push_str("&#10;"),
            _ => escaped.push(letter),
        }
    }
    escaped
}

/// Whether XML 1.0 allows a character and recommends it.
#[cfg(test)]
pub(crate) fn legal_in_xml(letter: char) -> bool {
    matches!(
        letter,
        '\n' | '\u{20}'..='\u{7e}' | '\u{a0}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}'
            | '\u{10000}'..
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn newlines_and_other_controls_become_visible() {
        assert_eq!(one_line("a\nb\tc\0d\u{85}", 60), "a⏎b\\tc\\u{0}d\\u{85}");
    }

    #[test]
    fn what_turns_or_hides_text_is_dropped() {
        assert_eq!(one_line("a\u{202e}b\u{200b}c\u{2066}d\u{feff}", 60), "abcd");
    }

    #[test]
    fn the_cut_shows() {
        assert_eq!(one_line("abcdef", 5), "abcd…");
        assert_eq!(one_line("abcde", 5), "abcde");
        assert_eq!(one_line("abc\0", 5), "abc…");
    }

    #[test]
    fn markup_is_escaped() {
        assert_eq!(xml("<a href=\"x\">'&'"), "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;");
    }

    proptest! {
        #[test]
        fn whatever_comes_in_is_legal_in_xml_when_it_comes_out(text in any::<String>()) {
            let clean = several_lines(&text, 50);
            prop_assert!(clean.chars().all(legal_in_xml), "{clean:?}");
        }
    }
}
