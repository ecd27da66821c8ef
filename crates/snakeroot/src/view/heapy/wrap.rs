//! Long rows broken into lines, at the places where Python's `textwrap` breaks them.

/// Characters of a line in heapy's tables.
pub(super) const LINE_CHARACTERS: usize = 100;

/// A text in lines of so many characters, those behind the first one indented.
///
/// White space becomes blanks, and what stands at the end of a line goes. A
/// line may end behind a hyphen between letters, and anywhere in a word that is longer than a line.
pub(super) fn wrap(text: &str, width: usize, indent: usize) -> Vec<String> {
    let text = expanded(text);
    let mut chunks: Vec<Vec<char>> = chunks(&text);
    chunks.reverse();
    let mut lines: Vec<String> = Vec::new();
    while !chunks.is_empty() {
        let own = if lines.is_empty() { 0 } else { indent };
        let room = width.saturating_sub(own).max(1);
        if !lines.is_empty() && chunks.last().is_some_and(|chunk| is_blank(chunk)) {
            chunks.pop();
        }
        let mut line: Vec<Vec<char>> = Vec::new();
        let mut length = 0;
        while let Some(chunk) = chunks.last() {
            if length + chunk.len() > room {
                break;
            }
            length += chunk.len();
            line.extend(chunks.pop());
        }
        if let Some(chunk) = chunks.last_mut()
            && chunk.len() > room
        {
            let left = if width < own + 1 { 1 } else { room - length };
            // Behind the last hyphen that fits, if something else stands before it.
            let hyphen = chunk[..left.min(chunk.len())].iter().rposition(|&sign| sign == '-');
            let end = match hyphen.filter(|_| chunk.len() > left) {
                Some(at) if at > 0 && chunk[..at].iter().any(|&sign| sign != '-') => at + 1,
                _ => left,
            };
            let rest = chunk.split_off(end);
            line.push(std::mem::replace(chunk, rest));
        }
        if line.last().is_some_and(|chunk| is_blank(chunk)) {
            line.pop();
        }
        if !line.is_empty() {
            let text: String = line.concat().into_iter().collect();
            lines.push(format!("{}{text}", " ".repeat(own)));
        }
    }
    lines
}

/// Tabs to the next place that eight divides, all other white space to a blank.
fn expanded(text: &str) -> Vec<char> {
    let mut out = Vec::with_capacity(text.len());
    let mut column = 0;
    for sign in text.chars() {
        match sign {
            '\t' => {
                let blanks = 8 - column % 8;
                out.extend(std::iter::repeat_n(' ', blanks));
                column += blanks;
                continue;
            }
            '\n' | '\r' => {
                out.push(' ');
                column = 0;
                continue;
            }
            '\u{b}' | '\u{c}' => out.push(' '),
            sign => out.push(sign),
        }
        column += 1;
    }
    out
}

fn is_blank(chunk: &[char]) -> bool {
    chunk.iter().all(|sign| sign.is_whitespace())
}

/// The blank that lines break at: Python's six.
fn is_break(sign: char) -> bool {
    matches!(sign, ' ' | '\t' | '\n' | '\r' | '\u{b}' | '\u{c}')
}

fn is_word(sign: char) -> bool {
    sign.is_alphanumeric() || sign == '_'
}

/// What may stand before a dash that belongs to no word.
fn ends_word(sign: char) -> bool {
    is_word(sign) || matches!(sign, '!' | '"' | '\'' | '&' | '.' | ',' | '?')
}

fn is_letter(sign: char) -> bool {
    is_word(sign) && !sign.is_numeric()
}

/// A text in pieces that are not broken: blanks, dashes between words, and words up to a hyphen.
fn chunks(text: &[char]) -> Vec<Vec<char>> {
    let mut chunks = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let end = chunk_end(text, at);
        chunks.push(text[at..end].to_vec());
        at = end;
    }
    chunks
}

/// Where the piece that begins at a place ends.
fn chunk_end(text: &[char], start: usize) -> usize {
    let run = |from: usize, is: fn(char) -> bool| {
        from + text[from..].iter().take_while(|&&sign| is(sign)).count()
    };
    if is_break(text[start]) {
        return run(start, is_break);
    }
    if start > 0 && ends_word(text[start - 1]) {
        let end = run(start, |sign| sign == '-');
        if end - start >= 2 && text.get(end).is_some_and(|&sign| is_word(sign)) {
            return end;
        }
    }
    for end in start + 1..=text.len() {
        if end == text.len() || is_break(text[end]) {
            return end;
        }
        if is_hyphen_in_word(text, end) && end > start + 1 {
            return end;
        }
        let dashes = run(end, |sign| sign == '-') - end;
        let follows = text.get(end + dashes).is_some_and(|&sign| is_word(sign));
        if dashes >= 2 && follows && ends_word(text[end - 1]) {
            return end;
        }
    }
    text.len()
}

/// Whether a word may be broken before `end`, because a hyphen stands there between letters.
fn is_hyphen_in_word(text: &[char], end: usize) -> bool {
    let letter = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(|&s| is_letter(s));
    let hyphen = |at: Option<usize>| at.and_then(|at| text.get(at)) == Some(&'-');
    let before = |by: usize| end.checked_sub(by);
    if !hyphen(before(1)) {
        return false;
    }
    let behind =
        letter(before(2)) && (letter(before(3)) || (hyphen(before(3)) && letter(before(4))));
    let ahead = letter(Some(end))
        && (letter(Some(end + 1)) || (hyphen(Some(end + 1)) && letter(Some(end + 2))));
    behind && ahead
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_row_stays_and_loses_blanks_at_its_end() {
        assert_eq!(wrap("   8    4   80 ", 100, 12), ["   8    4   80"]);
        assert_eq!(wrap("", 100, 12), [""; 0]);
        assert_eq!(wrap("a\tb\nc", 100, 0), ["a       b c"]);
    }

    #[test]
    fn a_long_row_breaks_at_blanks_hyphens_and_at_last_anywhere() {
        assert_eq!(wrap("one two three", 7, 2), ["one two", "  three"]);
        assert_eq!(wrap("one two three", 6, 2), ["one", "  two ", "  thre", "  e"]);
        assert_eq!(wrap("well-known words", 8, 0), ["well-", "known", "words"]);
        assert_eq!(wrap("abcdefghij", 4, 1), ["abcd", " efg", " hij"]);
        assert_eq!(wrap("it's so--and more", 9, 0), ["it's so--", "and more"]);
    }
}
