//! Lines of reference patterns.

use crate::analysis::heapy::{HeldBy, LineEnd, Link, PatternStep, Relation};

use super::paths::link_text;
use super::summary::enumeration;

/// Characters of a line of a reference pattern.
const LINE_CHARACTERS: usize = 80;

/// What stands above a reference pattern by a relation.
pub fn pattern_label(relation: &Relation) -> String {
    format!("Reference Pattern by <{}>.", by_name(relation))
}

fn by_name(relation: &Relation) -> String {
    match relation {
        Relation::Unity => "unity".into(),
        Relation::Type => "type".into(),
        Relation::Clodo => "[dict of] class".into(),
        Relation::Size => "individual size".into(),
        Relation::Id => "object identity".into(),
        Relation::Idset => "by identity set".into(),
        Relation::Module => "module".into(),
        Relation::Via => "referred via".into(),
        Relation::Prod => "producer".into(),
        Relation::DictOf(inner) => format!("[dict of] {}", by_name(inner)),
        Relation::ReferredBy(_) => "referrer kinds".into(),
        Relation::And(parts) => {
            let parts: Vec<String> = parts.iter().map(by_name).collect();
            format!("<{}>", parts.join(" & "))
        }
    }
}

/// The name of a line by its places: a letter for each, and a number for more than two alike. `_` for none.
pub fn line_name(places: &[u32]) -> String {
    if places.is_empty() {
        return "_".into();
    }
    let mut name = String::new();
    for run in places.chunk_by(|left, right| left == right) {
        // Behind z the signs that follow it: heapy names them so.
        let letter = char::from_u32(u32::from('a') + run[0]).unwrap_or('?');
        match run.len() {
            1 | 2 => (0..run.len()).for_each(|_| name.push(letter)),
            count => name.push_str(&format!("{letter}{count}")),
        }
    }
    name
}

/// The places that a line's name says; `None` where it is none.
pub fn line_places(name: &str) -> Option<Vec<u32>> {
    if name == "_" {
        return Some(Vec::new());
    }
    const MOST_PLACES: usize = 10_000;
    let mut places = Vec::new();
    let mut signs = name.chars().peekable();
    while let Some(sign) = signs.next() {
        let place = u32::from(sign).checked_sub(u32::from('a'))?;
        let mut digits = String::new();
        while let Some(digit) = signs.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        let count = if digits.is_empty() { 1 } else { digits.parse().ok()? };
        if places.len() + count > MOST_PLACES {
            return None;
        }
        places.extend(std::iter::repeat_n(place, count));
    }
    (!places.is_empty()).then_some(places)
}

/// A line: `texts` show its objects, of which there are `count` of a kind.
pub fn pattern_line(
    index: usize,
    places: &[u32],
    end: LineEnd,
    count: usize,
    kind: &str,
    texts: impl IntoIterator<Item = String>,
) -> String {
    let start = format!("{index:2}: {} ", line_name(places));
    let fill = if index.is_multiple_of(2) { "-" } else { " " };
    let fill = fill.repeat((9 + places.len()).saturating_sub(start.chars().count()));
    let end = match end {
        LineEnd::Open => "[-]".into(),
        LineEnd::Seen(line) => format!("[^ {line}]"),
        LineEnd::Root => "[R]".into(),
        LineEnd::Stop => "[S]".into(),
        LineEnd::Deep => "[+]".into(),
    };
    let start = format!("{start}{fill} {end} ");
    let room = LINE_CHARACTERS.saturating_sub(start.chars().count());
    let counted = format!("{count} {kind}: ");
    let left = room as i64 - counted.chars().count() as i64;
    let text = format!("{counted}{}", enumeration(texts, left));
    if text.chars().count() <= room {
        return start + &text;
    }
    let kept: String = text.chars().take(room.saturating_sub(3)).collect();
    format!("{start}{kept}...")
}

/// Widths of the lines of paths through a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PatternWidths {
    /// Characters of a line's name and an object's place together.
    pub name: usize,
    /// Lines from the first one to where paths begin.
    pub depth: usize,
}

impl PatternWidths {
    /// For lines with these places, each with its number of objects.
    pub fn new<'a>(lines: impl IntoIterator<Item = (&'a [u32], usize)>) -> Self {
        let (mut name, mut count, mut depth) = (0, 0, 0);
        for (places, objects) in lines {
            name = name.max(line_name(places).chars().count());
            count = count.max(objects.to_string().len());
            depth = depth.max(places.len());
        }
        Self { name: 3 + name + count, depth }
    }
}

/// A step of paths through a pattern, from an object of the line with these places; `target` shows the object
/// at the end.
pub fn pattern_step(
    number: usize,
    places: &[u32],
    widths: PatternWidths,
    step: &PatternStep,
    target: &str,
) -> String {
    let name = line_name(places);
    let place = format!("[{}]", step.place);
    let used = name.chars().count() + place.len();
    let gap = " ".repeat(widths.name.saturating_sub(used));
    let indent = " ".repeat(widths.depth + 1 - places.len());
    let start = format!("{number:2}: {name}{gap}{place}{indent}");
    let Some(links) = &step.links else { return format!("{start}= {target}") };
    let texts: Vec<String> = links
        .iter()
        .map(|link| match link {
            Link::Held(HeldBy::Unknown) => "??".into(),
            link => link_text(link, "", true),
        })
        .collect();
    let seen = step.seen.map(|number| format!(" -> #{number}")).unwrap_or_default();
    format!("{start}@ {}{seen}", texts.join(" / "))
}

/// What says that there are more lines; how many is known of a pattern that is complete.
pub fn more_lines(left: Option<usize>) -> String {
    let left = left.map(|left| format!("{left} more lines. ")).unwrap_or_default();
    format!("<{left}Type e.g. '_.more' for more.>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_as_heapy_prints_them() {
        let texts =
            |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let shown = texts(&["0x7f18c5f70a50", "0x7f18c5f73450", "0x7f18c5f73650"]);
        assert_eq!(
            pattern_line(0, &[], LineEnd::Open, 51, "__main__.Person", shown),
            " 0: _ --- [-] 51 __main__.Person: 0x7f18c5f70a50, 0x7f18c5f73450..."
        );
        assert_eq!(
            pattern_line(2, &[0, 0], LineEnd::Stop, 1, "dict of module", texts(&["__main__"])),
            " 2: aa ---- [S] 1 dict of module: __main__"
        );
        assert_eq!(
            pattern_line(11, &[4, 0, 1], LineEnd::Seen(8), 1, "list", texts(&["0x1*0"])),
            "11: eab      [^ 8] 1 list: 0x1*0"
        );
        let long = pattern_line(1, &[0], LineEnd::Deep, 1, &"k".repeat(90), texts(&["0x1"]));
        assert_eq!(long.len(), LINE_CHARACTERS);
        assert!(long.ends_with("kkk..."), "{long}");
    }

    #[test]
    fn a_name_is_read_back() {
        for (places, name) in [
            (&[][..], "_"),
            (&[0], "a"),
            (&[0, 0, 1], "aab"),
            (&[0, 0, 0], "a3"),
            (&[1, 0, 0, 0, 0, 25], "ba4z"),
            (&[26], "{"),
        ] {
            assert_eq!(line_name(places), name);
            assert_eq!(line_places(name).as_deref(), Some(places));
        }
        for name in ["", "A", "3", "a99999999999", "a0"] {
            assert_eq!(line_places(name), None, "{name}");
        }
    }
}
