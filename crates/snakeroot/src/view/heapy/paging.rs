//! Long answers in pages.

/// Lines of a page.
pub const PAGE_LINES: usize = 10;

/// What prints in pages.
pub trait Paged {
    /// Why a line cannot be had.
    type Error;

    /// What stands above the first page.
    fn label(&self) -> Option<String>;

    /// What stands above the lines of every page.
    fn header(&self) -> Option<String>;

    /// The line at a place, which may take several rows; `None` behind the last.
    fn line(&self, place: usize) -> Result<Option<String>, Self::Error>;

    /// Whether a page may end behind a line.
    fn may_end_after(&self, _place: usize) -> bool {
        true
    }

    /// What says that there is more behind a page of the lines `first..=last`.
    fn more(&self, first: usize, last: usize) -> String;

    /// What is said instead of lines where there are none.
    fn empty(&self) -> Option<String> {
        None
    }
}

/// One page from a line on, and where the next one begins. The label stands above it
/// where `with_label`; `lines` is `None` for all that is left.
///
/// A page has one line more where only that one is left.
///
/// # Errors
///
/// Where a line cannot be had.
pub fn page<P: Paged + ?Sized>(
    paged: &P,
    first: usize,
    lines: Option<usize>,
    with_label: bool,
) -> Result<(String, usize), P::Error> {
    let mut text: Vec<String> = Vec::new();
    if with_label {
        text.extend(paged.label());
    }
    let mut next = paged.line(first)?;
    if next.is_none() {
        text.extend(paged.empty());
    } else {
        text.extend(paged.header());
    }
    let mut place = first;
    while let Some(line) = next {
        let is_full = lines.is_some_and(|lines| place - first >= lines);
        if is_full && (place == 0 || paged.may_end_after(place - 1)) {
            if paged.line(place + 1)?.is_none() {
                text.push(line);
                place += 1;
            } else {
                text.push(paged.more(first, place - 1));
            }
            break;
        }
        text.push(line);
        place += 1;
        next = paged.line(place)?;
    }
    Ok((text.join("\n").trim_end().to_owned(), place))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Numbers(usize);

    impl Paged for Numbers {
        type Error = ();

        fn label(&self) -> Option<String> {
            Some("label".into())
        }

        fn header(&self) -> Option<String> {
            Some("header".into())
        }

        fn line(&self, place: usize) -> Result<Option<String>, ()> {
            Ok((place < self.0).then(|| place.to_string()))
        }

        fn more(&self, first: usize, last: usize) -> String {
            format!("<{first}..{last} of {}>", self.0)
        }

        fn empty(&self) -> Option<String> {
            Some("nothing".into())
        }
    }

    #[test]
    fn pages_follow_each_other_and_a_single_last_line_is_not_left_behind() {
        let said = |numbers: usize, first, with_label| {
            page(&Numbers(numbers), first, Some(3), with_label).unwrap()
        };
        assert_eq!(said(3, 0, true), ("label\nheader\n0\n1\n2".into(), 3));
        assert_eq!(said(4, 0, true), ("label\nheader\n0\n1\n2\n3".into(), 4));
        assert_eq!(said(5, 0, true), ("label\nheader\n0\n1\n2\n<0..2 of 5>".into(), 3));
        assert_eq!(said(5, 3, false), ("header\n3\n4".into(), 5));
        assert_eq!(said(5, 5, false), ("nothing".into(), 5));
        let all = page(&Numbers(5), 0, None, true).unwrap().0;
        assert_eq!(all, "label\nheader\n0\n1\n2\n3\n4");
    }
}
