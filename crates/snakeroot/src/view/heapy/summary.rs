//! A set in one line.

/// Characters of a set in one line.
pub const SUMMARY_CHARACTERS: usize = 80;

/// Texts with commas between them, as many as so many characters hold; the last says if there are more.
///
/// They are in alphabetic order, but which of them are shown is by the order in which they come.
pub fn enumeration(texts: impl IntoIterator<Item = String>, room: i64) -> String {
    let mut shown: Vec<String> = Vec::new();
    let mut length = 0;
    for text in texts {
        let more = text.chars().count() as i64 + 2;
        if let Some(last) = shown.last_mut()
            && length + more >= room
        {
            last.push_str("...");
            break;
        }
        length += more;
        shown.push(text);
    }
    shown.sort();
    shown.join(", ")
}

/// A set in one line: how many, of what kind, and some of them.
///
/// `parts` are its objects by kind: how many, the kind, and a text for each object.
pub fn summary<T: IntoIterator<Item = String>>(
    count: usize,
    kind: &str,
    parts: Vec<(usize, String, T)>,
) -> String {
    let start = format!("<{count} {kind}: ");
    let mut length = start.chars().count();
    let several = parts.len() > 1;
    let mut shown = Vec::new();
    for (count, kind, texts) in parts {
        let room = SUMMARY_CHARACTERS as i64 - length as i64;
        let mut text = enumeration(texts, room);
        if several {
            text = format!("<{count} {kind}: {text}>");
        }
        length += text.chars().count() + 3;
        shown.push(text);
        if length > SUMMARY_CHARACTERS {
            break;
        }
    }
    if shown.len() > 1 {
        let behind_count = |text: &String| text.find(' ').map(|at| text[at..].to_owned());
        shown.sort_by_key(behind_count);
    }
    let text = format!("{start}{}>", shown.join(" | "));
    if text.chars().count() <= SUMMARY_CHARACTERS {
        return text;
    }
    let kept: String = text.chars().take(SUMMARY_CHARACTERS - 4).collect();
    format!("{kept}...>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_said_in_one_line() {
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let one = vec![(2, "list".into(), texts(&["0x20*1", "0x10*0"]))];
        assert_eq!(summary(2, "list", one), "<2 list: 0x10*0, 0x20*1>");
        let two = vec![(1, "tuple".into(), texts(&["0x1"])), (1, "int".into(), texts(&["5"]))];
        assert_eq!(
            summary(2, "(int | tuple)", two),
            "<2 (int | tuple): <1 int: 5> | <1 tuple: 0x1>>"
        );
        let many: Vec<String> = (0..51).map(|at| format!("0x7f18c5f7{at:04}")).collect();
        assert_eq!(
            summary(51, "__main__.Person", vec![(51, "__main__.Person".into(), many)]),
            "<51 __main__.Person: 0x7f18c5f70000, 0x7f18c5f70001, 0x7f18c5f70002...>"
        );
        let long = vec![(1, "str".into(), texts(&["x".repeat(200).as_str()]))];
        assert_eq!(summary(1, "str", long).len(), SUMMARY_CHARACTERS);
    }
}
