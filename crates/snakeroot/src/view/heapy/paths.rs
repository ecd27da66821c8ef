//! Paths in heapy's words.

use crate::analysis::heapy::{HeldBy, Link};

use super::names::held_by;
use super::repr::{limited, python_repr};

/// A text with what a link says: behind it, or for an element of a set around it.
///
/// With `is_short` a long key has its middle left out.
pub fn link_text(link: &Link, text: &str, is_short: bool) -> String {
    match link {
        Link::Held(HeldBy::Key(key)) if is_short => format!("{text}[{}]", limited(key)),
        Link::Held(HeldBy::Index(key)) if is_short => format!("{text}[{}]", short_key(key)),
        Link::Held(HeldBy::Element(place)) => format!("list({text})[{place}]"),
        Link::Held(held) => format!("{text}{}", held_by(held)),
        Link::Cell(frame, name) => format!("{text}{frame}.f_locals [{}]", python_repr(name)),
        Link::Root { table, key, behind } => {
            format!("{text}.{table}[{}]{behind}", python_repr(key))
        }
    }
}

/// Characters of a key that is no str.
const KEY_CHARACTERS: usize = 80;

fn short_key(key: &str) -> String {
    if key.chars().count() <= KEY_CHARACTERS {
        return key.to_owned();
    }
    let kept: String = key.chars().take(KEY_CHARACTERS - 3).collect();
    format!("{kept}...")
}

/// A path of some links from what `start` names.
pub fn path_text<'a>(
    start: &str,
    links: impl IntoIterator<Item = &'a Link>,
    is_short: bool,
) -> String {
    let start = start.to_owned();
    links.into_iter().fold(start, |text, link| link_text(link, &text, is_short))
}

/// A line with a path, whose number is given.
pub fn path_line(number: &str, path: &str) -> String {
    format!("{number:>2}: {path}")
}

/// What says that there are more paths.
pub fn more_paths(left: &str) -> String {
    format!("<... {left} more paths ...>")
}

/// What is said where no path is left.
pub const NO_MORE_PATHS: &str = "<No more paths>";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_as_heapy_prints_them() {
        let held = |text: &str| Link::Held(HeldBy::parse(text).unwrap());
        let links = [held(".i0_modules"), held("['__main__']"), held(".__dict__"), held("['st']")];
        let path = path_text("hp.Root", &links, true);
        assert_eq!(path, "hp.Root.i0_modules['__main__'].__dict__['st']");
        assert_eq!(path_line("3", &path), format!(" 3: {path}"));
        assert_eq!(link_text(&held("list(_)[2]"), &path, true), format!("list({path})[2]"));
        let cell = Link::Cell("", "x".into());
        assert_eq!(link_text(&cell, "Src", true), "Src.f_locals ['x']");
        let long = Link::Held(HeldBy::Key("long".repeat(200).into()));
        assert_eq!(link_text(&long, "Src", true), "Src['longlonglong...glonglonglong']");
        assert_eq!(link_text(&long, "", false).len(), 804);
        let frame =
            Link::Root { table: "threads", key: "it's".into(), behind: ".frames[0]".into() };
        assert_eq!(link_text(&frame, "hp.Root", true), "hp.Root.threads[\"it's\"].frames[0]");
        assert_eq!(link_text(&held("[('k', 1)]"), "_", true), "_[('k', 1)]");
    }
}
