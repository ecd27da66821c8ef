//! Some nodes and the references among them as GraphML.

use std::io;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::describe::describe;
use crate::graph::{Edge, Graph, NodeSet};
use crate::id::NodeId;
use crate::snapshot::Flags;

/// What is told of a node or an edge: of which of the two, by which name, in which type.
const KEYS: [(&str, &str, &str); 10] = [
    ("node", "label", "string"),
    ("node", "type", "string"),
    ("node", "name", "string"),
    ("node", "value", "string"),
    ("node", "address", "string"),
    ("node", "size", "long"),
    ("node", "refcount", "long"),
    ("node", "root", "string"),
    ("edge", "reference", "string"),
    ("edge", "weak", "boolean"),
];

/// A text, and how many references are in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphMl {
    /// The XML.
    pub text: String,
    /// Edges.
    pub references: u64,
}

/// Some nodes and all references among them as GraphML, which Gephi, yEd, networkx and igraph read.
///
/// A node has its id in the snapshot (`n7`) and, where there is one, a `label` for people, `type`, `name`,
/// `value`, `address`, `size` in bytes, `refcount` and `root`; an edge has `reference`, how Python would
/// reach the referent (`.name`, `["key"]`, `[3]`), and `weak`. Characters that XML has not are escaped (`\u{1b}`).
///
/// # Complexity
///
/// O of the nodes and their referents; the text is held.
pub fn graphml(graph: &Graph, nodes: &NodeSet) -> GraphMl {
    let mut bytes = Vec::new();
    let references = write(graph, nodes, &mut bytes).expect("memory takes all bytes");
    let text = String::from_utf8(bytes).expect("made of text");
    GraphMl { text, references }
}

fn write(graph: &Graph, nodes: &NodeSet, bytes: &mut Vec<u8>) -> io::Result<u64> {
    let mut references = 0;
    let mut writer = Writer::new_with_indent(bytes, b' ', 1);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let root = writer.create_element("graphml");
    root.with_attribute(("xmlns", "http://graphml.graphdrawing.org/xmlns")).write_inner_content(
        |writer| {
            for (of, name, kind) in KEYS {
                let key = writer.create_element("key").with_attribute(("id", name));
                let key = key.with_attribute(("for", of)).with_attribute(("attr.name", name));
                key.with_attribute(("attr.type", kind)).write_empty()?;
            }
            let element = writer.create_element("graph").with_attribute(("id", "heap"));
            element.with_attribute(("edgedefault", "directed")).write_inner_content(|writer| {
                nodes.iter().try_for_each(|node| write_node(graph, node, writer))?;
                for node in nodes.iter() {
                    for edge in graph.edges_from(node) {
                        if nodes.contains(edge.referent) {
                            write_edge(graph, edge, writer)?;
                            references += 1;
                        }
                    }
                }
                Ok(())
            })?;
            Ok(())
        },
    )?;
    writer.get_mut().push(b'\n');
    Ok(references)
}

fn write_node(graph: &Graph, node: NodeId, writer: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    let snapshot = graph.snapshot();
    let id = format!("n{}", node.place());
    let element = writer.create_element("node").with_attribute(("id", &*id));
    element.write_inner_content(|writer| {
        data(writer, "label", &describe(graph, node))?;
        data(writer, "type", &snapshot.type_of(node).full_name())?;
        if let Some(name) = snapshot.names().get(node) {
            data(writer, "name", name)?;
        }
        if let Some(value) = snapshot.values().get(node) {
            data(writer, "value", value)?;
        }
        if !snapshot.flags(node).contains(Flags::SYNTHETIC) {
            data(writer, "address", &format!("{:#x}", snapshot.address(node)))?;
        }
        data(writer, "size", &snapshot.size(node).to_string())?;
        data(writer, "refcount", &snapshot.refcount(node).to_string())?;
        match snapshot.root(node) {
            Some(root) => data(writer, "root", &root.to_string()),
            None => Ok(()),
        }
    })?;
    Ok(())
}

fn write_edge(graph: &Graph, edge: Edge, writer: &mut Writer<&mut Vec<u8>>) -> io::Result<()> {
    let (source, target) =
        (format!("n{}", edge.referrer.place()), format!("n{}", edge.referent.place()));
    let element = writer.create_element("edge").with_attribute(("source", &*source));
    element.with_attribute(("target", &*target)).write_inner_content(|writer| {
        let label = graph.snapshot().label_table().get(edge.label);
        data(writer, "reference", &label.to_string())?;
        data(writer, "weak", if graph.is_strong(edge.label) { "false" } else { "true" })
    })?;
    Ok(())
}

fn data(writer: &mut Writer<&mut Vec<u8>>, key: &str, text: &str) -> io::Result<()> {
    let element = writer.create_element("data").with_attribute(("key", key));
    element.write_text_content(BytesText::new(&possible(text)))?;
    Ok(())
}

/// A text of characters that XML 1.0 has; a reader would take the return sign for a line feed.
fn possible(text: &str) -> String {
    let mut all = String::with_capacity(text.len());
    for sign in text.chars() {
        match sign {
            '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'.. => {
                all.push(sign);
            }
            _ => all.extend(sign.escape_default()),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_and_the_references_among_them_are_told() {
        let graph = Graph::from_notation(
            "root -> a@app.A:48=\"<&\u{1b}>\" -[[\"k\"]]> b; a ~> b; a -> c; run@frame -> a",
        );
        let graph = graph.unwrap();
        let mut nodes = NodeSet::new(graph.node_count());
        for name in ["root", "a", "b", "run"] {
            nodes.insert(graph.named(name));
        }
        let found = graphml(&graph, &nodes);
        assert_eq!(found.references, 4);
        insta::assert_snapshot!("graphml", found.text);
    }

    #[test]
    fn what_xml_has_not_is_escaped() {
        assert_eq!(possible("a\tb\nc\r\0\u{fffe}é😀\u{7f}"), "a\tb\nc\\r\\u{0}\\u{fffe}é😀\u{7f}");
    }
}
