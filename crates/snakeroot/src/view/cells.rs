//! A table before it is text: for a terminal or a notebook.

use super::text;

/// A table: a header and rows of as many cells. All columns but the first hold numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// What each column holds.
    pub header: Vec<&'static str>,
    /// The rows, from the top.
    pub rows: Vec<Vec<String>>,
}

impl Cells {
    pub(super) fn new<const N: usize>(header: [&'static str; N], rows: Vec<[String; N]>) -> Self {
        Self { header: header.into(), rows: rows.into_iter().map(Vec::from).collect() }
    }

    /// With blanks between the columns, a line a row.
    pub fn text(&self) -> String {
        text::aligned(&self.header, &self.rows)
    }

    /// As an HTML table. Blanks at the beginning of a cell stay, they show what stands below what.
    pub fn html(&self) -> String {
        let mut html = String::from("<table><thead><tr>");
        for cell in &self.header {
            html.push_str(&format!("<th>{}</th>", escaped(cell)));
        }
        html.push_str("</tr></thead><tbody>\n");
        for row in &self.rows {
            html.push_str("<tr>");
            for (place, cell) in row.iter().enumerate() {
                let style = if place == 0 {
                    "text-align: left; white-space: pre"
                } else {
                    "text-align: right; white-space: nowrap"
                };
                html.push_str(&format!("<td style=\"{style}\">{}</td>", escaped(cell)));
            }
            html.push_str("</tr>\n");
        }
        html.push_str("</tbody></table>");
        html
    }
}

/// Text that may stand in HTML: names in a heap may be anything.
pub fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            sign => safe.push(sign),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        let table = Cells {
            header: vec!["type", "count"],
            rows: vec![vec!["  <b>&\"x\"".into(), "3".into()]],
        };
        let html = table.html();
        assert!(html.contains(">  &lt;b&gt;&amp;&quot;x&quot;</td>"), "{html}");
        assert_eq!(table.text(), "type       count\n  <b>&\"x\"      3\n");
    }
}
