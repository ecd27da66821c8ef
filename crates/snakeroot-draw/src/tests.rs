//! What every picture keeps, whatever the drawing: on random graphs, by looking
//! at the places and at sampled points of the lines. And a few pictures whole.

use proptest::prelude::*;
use snakeroot::view::{Drawing, DrawnEdge, DrawnNode, EdgeStyle, NodeKind, Role};

use crate::compose::Line;
use crate::text::legal_in_xml;
use crate::{DrawError, Layout, NodeBox, Options, layout, png, svg};

/// Nodes named by the letters of `targets` and `edges`; `a -> b: label` per line.
fn drawing(targets: &str, edges: &str) -> Drawing {
    let mut names: Vec<String> = Vec::new();
    let mut drawing = Drawing { targets_last: true, ..Drawing::default() };
    let mut place = |name: &str| {
        names.iter().position(|known| known == name).unwrap_or_else(|| {
            names.push(name.to_owned());
            names.len() - 1
        })
    };
    for line in edges.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (ends, label) = line.split_once(": ").unwrap_or((line, ""));
        let (source, target) = ends.split_once(" -> ").unwrap();
        drawing.edges.push(DrawnEdge {
            source: place(source),
            target: place(target),
            label: label.to_owned(),
            style: if targets.contains(target) { EdgeStyle::Strong } else { EdgeStyle::Plain },
        });
    }
    drawing.nodes = names
        .iter()
        .map(|name| {
            let role = if targets.contains(name) { Role::Target } else { Role::Plain };
            node(name, &["1 ref"], role)
        })
        .collect();
    drawing
}

fn node(title: &str, lines: &[&str], role: Role) -> DrawnNode {
    DrawnNode {
        id: title.to_owned(),
        title: title.to_owned(),
        lines: lines.iter().map(|&line| line.to_owned()).collect(),
        kind: NodeKind::Dict,
        role,
        tooltip: format!("the long form of {title}"),
        attributes: Vec::new(),
    }
}

fn laid_out(drawing: &Drawing) -> Layout {
    layout(drawing, &Options::default()).unwrap()
}

fn bottom(place: &NodeBox) -> f32 {
    place.top + place.height
}

/// Whether two rectangles (left, top, right, bottom) share more than a border.
fn overlap(one: [f32; 4], other: [f32; 4]) -> bool {
    one[0] < other[2] - 0.1
        && other[0] < one[2] - 0.1
        && one[1] < other[3] - 0.1
        && other[1] < one[3] - 0.1
}

fn rectangle(place: &NodeBox) -> [f32; 4] {
    [place.left, place.top, place.left + place.width, bottom(place)]
}

fn label_rectangle(line: &Line) -> Option<[f32; 4]> {
    line.label
        .as_ref()
        .map(|(_, width, at)| [at.x - width / 2.0, at.y - 6.0, at.x + width / 2.0, at.y + 6.0])
}

/// Whether a point lies on the border of a box.
fn on_border(x: f32, y: f32, [left, top, right, bottom]: [f32; 4]) -> bool {
    let near = |one: f32, other: f32| (one - other).abs() < 0.1;
    let within = x > left - 0.1 && x < right + 0.1 && y > top - 0.1 && y < bottom + 0.1;
    within && (near(x, left) || near(x, right) || near(y, top) || near(y, bottom))
}

/// What no picture may break.
fn check(layout: &Layout) -> Result<(), TestCaseError> {
    let boxes: Vec<[f32; 4]> = layout.boxes.iter().map(rectangle).collect();
    let page = [0.0, 0.0, layout.width, layout.height];
    for (place, &one) in boxes.iter().enumerate() {
        prop_assert!(one[0] >= 0.0 && one[1] >= 0.0 && one[2] <= page[2] && one[3] <= page[3]);
        for &other in &boxes[..place] {
            prop_assert!(!overlap(one, other), "boxes {one:?} and {other:?}");
        }
    }
    let labels: Vec<[f32; 4]> = layout.lines.iter().filter_map(label_rectangle).collect();
    for (place, &label) in labels.iter().enumerate() {
        prop_assert!(label[0] >= 0.0 && label[2] <= page[2], "label {label:?} leaves the page");
        for &other in boxes.iter().chain(&labels[..place]) {
            prop_assert!(!overlap(label, other), "label {label:?} over {other:?}");
        }
    }
    for line in &layout.lines {
        let (source, target) = line.ends;
        let (start, end) = (line.curve.start, line.curve.end());
        prop_assert!(
            on_border(start.x, start.y, boxes[source]),
            "{start:?} off {:?}",
            boxes[source]
        );
        prop_assert!(on_border(end.x, end.y, boxes[target]), "{end:?} off {:?}", boxes[target]);
        let points = line.curve.points(24);
        for point in &points {
            prop_assert!(point.x.is_finite() && point.y.is_finite());
            let dot = [point.x, point.y, point.x, point.y];
            prop_assert!(point.x >= 0.0 && point.x <= page[2], "{point:?} leaves the page");
            for (place, &other) in boxes.iter().enumerate() {
                let own = place == source || place == target;
                prop_assert!(own || !overlap(dot, other), "{point:?} over box {place} {other:?}");
            }
        }
        if source != target {
            let down = end.y > start.y;
            let monotone = points.windows(2).all(|pair| {
                if down { pair[1].y >= pair[0].y - 0.01 } else { pair[1].y <= pair[0].y + 0.01 }
            });
            prop_assert!(monotone, "{points:?}");
            // Rows are kept: an edge leaves at one box's lower side and ends at
            // the other's upper, or the other way round.
            let (upper, lower) = if down { (source, target) } else { (target, source) };
            prop_assert!(boxes[upper][3] < boxes[lower][1]);
        }
    }
    Ok(())
}

fn any_drawing() -> impl Strategy<Value = Drawing> {
    let label = prop_oneof![
        3 => Just(String::new()),
        3 => "[a-z_]{1,12}",
        1 => any::<String>(),
    ];
    (1usize..16, any::<bool>())
        .prop_flat_map(move |(count, targets_last)| {
            (
                prop::collection::vec((any::<String>(), 0usize..4, 0u8..8), count),
                prop::collection::vec((0..count, 0..count, label.clone()), 0..count * 2),
                Just(targets_last),
            )
        })
        .prop_map(|(nodes, edges, targets_last)| Drawing {
            nodes: nodes
                .iter()
                .map(|(title, lines, role)| {
                    let role = match role {
                        0 => Role::Target,
                        1 => Role::More,
                        _ => Role::Plain,
                    };
                    node(title, &["2 refs, 56 B", "3 items", "x"][..*lines.min(&3)], role)
                })
                .collect(),
            edges: edges
                .into_iter()
                .map(|(source, target, label)| DrawnEdge {
                    source,
                    target,
                    label,
                    style: EdgeStyle::Plain,
                })
                .collect(),
            note: String::new(),
            targets_last,
        })
}

/// Many boxes around a target: some refer to it, some to one that does, some are referred to
/// by one above; a few edges run anywhere.
fn any_wide_drawing() -> impl Strategy<Value = Drawing> {
    let label = prop_oneof![Just(String::new()), Just("[0]".to_owned()), "[a-z_]{1,20}"];
    (18usize..70, any::<bool>()).prop_flat_map(move |(count, targets_last)| {
        let texts = prop::collection::vec(("[a-z]{1,14}", label.clone(), 0u8..8), count);
        let further = prop::collection::vec((0..count, 0..count), 0..6);
        (texts, further).prop_map(move |(texts, further)| {
            let mut drawing = Drawing { targets_last, ..Drawing::default() };
            let mut join = |source: usize, target: usize, label: &str| {
                let ends = if targets_last { (source, target) } else { (target, source) };
                let style = EdgeStyle::Plain;
                let label = label.to_owned();
                drawing.edges.push(DrawnEdge { source: ends.0, target: ends.1, label, style });
            };
            for (place, (_, label, kind)) in texts.iter().enumerate().skip(2) {
                match kind {
                    0 => join(place, place - 1, label),
                    1..4 => {
                        join(1, place, label);
                        join(place, 0, label);
                    }
                    _ => join(place, 0, label),
                }
            }
            for (source, target) in further {
                join(source, target, "");
            }
            for (place, (title, ..)) in texts.iter().enumerate() {
                let role = if place == 0 { Role::Target } else { Role::Plain };
                drawing.nodes.push(node(title, &["1 ref"][..place % 2], role));
            }
            drawing
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn stacked_rows_keep_what_every_picture_keeps(drawing in any_wide_drawing()) {
        check(&laid_out(&drawing))?;
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn nothing_overlaps_and_every_edge_joins_its_boxes(drawing in any_drawing()) {
        check(&laid_out(&drawing))?;
    }

    #[test]
    fn the_same_drawing_gives_the_same_bytes(drawing in any_drawing()) {
        let options = Options::default();
        prop_assert_eq!(svg(&drawing, &options).unwrap(), svg(&drawing, &options).unwrap());
    }

    #[test]
    fn an_svg_has_only_characters_that_xml_allows(drawing in any_drawing()) {
        let text = svg(&drawing, &Options::default()).unwrap();
        prop_assert!(text.chars().all(legal_in_xml));
    }
}

#[test]
fn a_target_stands_below_all_that_leads_to_it() {
    // a -> b -> t -> a
    let picture = laid_out(&drawing("t", "a -> b\n b -> t\n t -> a"));
    let [a, b, t] = picture.nodes() else { panic!("three boxes") };
    assert!(bottom(a) < b.top && bottom(b) < t.top);
}

#[test]
fn forwards_the_target_stands_on_top() {
    // t -> a -> b -> t
    let mut drawing = drawing("t", "t -> a\n a -> b\n b -> t");
    drawing.targets_last = false;
    let picture = laid_out(&drawing);
    let [t, a, b] = picture.nodes() else { panic!("three boxes") };
    assert!(bottom(t) < a.top && bottom(a) < b.top);
}

#[test]
fn a_chain_is_one_straight_column() {
    let picture = laid_out(&drawing("d", "a -> b: x\n b -> c: y\n c -> d: z"));
    for line in &picture.lines {
        assert_eq!(line.curve.start.x, line.curve.end().x);
    }
    assert_eq!(picture.crossings(), 0);
}

#[test]
fn parallel_edges_and_two_cycles_keep_apart() {
    let picture = laid_out(&drawing("b", "a -> b: one\n a -> b: two\n b -> a: back\n a -> a: own"));
    assert_eq!(picture.lines.len(), 4);
    check(&picture).unwrap();
    assert_eq!(picture.crossings(), 0);
}

/// The boxes of a fan and its picture: `count` referrers of one target.
fn fan(count: usize) -> Layout {
    let edges: String = (0..count).map(|place| format!("n{place} -> t: [0]\n")).collect();
    laid_out(&drawing("t", &edges))
}

#[test]
fn a_fan_that_fits_is_one_row() {
    let picture = fan(12);
    let tops: Vec<f32> = picture.nodes().iter().map(|place| place.top).collect();
    assert!(picture.width() < 1_600.0);
    assert_eq!(tops.iter().filter(|&&top| top == tops[0]).count(), 12);
}

#[test]
fn a_wide_fan_is_a_block_above_its_target() {
    for count in [30, 60, 150, 400] {
        let picture = fan(count);
        let aspect = picture.width() / picture.height();
        assert!(aspect > 0.8 && aspect < 2.5, "{count} referrers: {aspect}");
        assert_eq!(picture.crossings(), 0);
        let target = picture.nodes.iter().position(|node| node.title.text == "t").unwrap();
        let target = picture.nodes()[target].top;
        assert!(picture.nodes().iter().all(|place| place.top == target || bottom(place) < target));
        check(&picture).unwrap();
    }
}

#[test]
fn labels_of_a_block_stand_beside_its_boxes() {
    let picture = fan(60);
    for line in &picture.lines {
        let at = line.label.as_ref().unwrap().2;
        assert!(at.y - line.curve.start.y < 40.0, "{at:?} of an edge from {:?}", line.curve.start);
    }
}

#[test]
fn an_edge_without_a_node_is_an_error() {
    let mut drawing = drawing("b", "a -> b");
    drawing.edges[0].target = 7;
    let error = svg(&drawing, &Options::default()).unwrap_err();
    assert_eq!(error, DrawError::EdgeEnd { edge: 0, found: 7, nodes: 2 });
    assert_eq!(error.to_string(), "edge 0: expected a node below 2, found 7");
    assert!(png(&drawing, &Options::default()).is_err());
}

#[test]
fn a_scale_that_is_no_positive_number_is_an_error() {
    for scale in [0.0, -1.0, f32::NAN, f32::INFINITY] {
        let options = Options { scale, ..Options::default() };
        assert!(matches!(png(&Drawing::default(), &options), Err(DrawError::Scale { .. })));
    }
}

#[test]
fn an_empty_drawing_says_so() {
    let picture = svg(&Drawing::default(), &Options::default()).unwrap();
    assert!(picture.contains("nothing to draw"));
    assert!(png(&Drawing::default(), &Options::default()).is_ok());
}

#[test]
fn beyond_the_cap_the_nodes_nearest_the_target_stay() {
    // n9 -> ... -> n1 -> t
    let mut edges = "n1 -> t\n".to_owned();
    for place in 2..10 {
        edges.push_str(&format!("n{place} -> n{}\n", place - 1));
    }
    let drawing = drawing("t", &edges);
    let options = Options { max_nodes: 4, ..Options::default() };
    let picture = layout(&drawing, &options).unwrap();
    assert_eq!(picture.left_out(), 6);
    let titles: Vec<&str> = picture.nodes.iter().map(|node| node.title.text.as_str()).collect();
    assert_eq!(titles, ["n1", "t", "n2", "n3"]);
    assert!(svg(&drawing, &options).unwrap().contains("6 nodes left out"));
}

#[test]
fn no_box_at_all_may_stay() {
    let options = Options { max_nodes: 0, ..Options::default() };
    let picture = layout(&drawing("t", "a -> t"), &options).unwrap();
    assert_eq!((picture.nodes().len(), picture.left_out()), (0, 2));
}

/// `count` nodes, each an edge to each: far more edges than a picture holds.
#[test]
fn a_complete_graph_is_cut_to_what_a_picture_holds() {
    let count = 120;
    let mut drawing = Drawing::default();
    for place in 0..count {
        let role = if place == 0 { Role::Target } else { Role::Plain };
        drawing.nodes.push(node(&format!("n{place}"), &[], role));
        for target in 0..count {
            let label = String::new();
            let style = EdgeStyle::Plain;
            drawing.edges.push(DrawnEdge { source: place, target, label, style });
        }
    }
    let picture = laid_out(&drawing);
    assert!(picture.left_out() > 0 && picture.nodes().len() > 20);
}

/// A chain in which each node refers to the target too: bends grow quadratically.
#[test]
fn a_chain_of_thousands_with_long_edges_is_cut() {
    let count = 3_000usize;
    let mut drawing = Drawing { targets_last: true, ..Drawing::default() };
    for place in 0..count {
        let role = if place == 0 { Role::Target } else { Role::Plain };
        drawing.nodes.push(node(&format!("n{place}"), &[], role));
        for target in [0, place.saturating_sub(1)] {
            let style = EdgeStyle::Plain;
            drawing.edges.push(DrawnEdge { source: place, target, label: "r".into(), style });
        }
    }
    let picture = laid_out(&drawing);
    assert_eq!(picture.nodes().len() + picture.left_out(), count);
    assert_eq!(picture.nodes()[0].node, 0);
}

#[test]
fn many_edges_between_one_pair_become_a_few() {
    let mut edges = String::new();
    for place in 0..40 {
        edges.push_str(&format!("a -> t: [{place}]\n a -> a: own{place}\n"));
    }
    let drawing = drawing("t", &edges);
    assert_eq!(laid_out(&drawing).lines.len(), 7);
    assert!(svg(&drawing, &Options::default()).unwrap().contains("35 more"));
}

/// The pixels of a PNG, three bytes each, and its width.
fn pixels(bytes: &[u8]) -> (Vec<[u8; 3]>, u32, u32) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(bytes)).read_info().unwrap();
    let mut buffer = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut buffer).unwrap();
    let pixels = buffer[..info.buffer_size()].chunks(3).map(|p| [p[0], p[1], p[2]]).collect();
    (pixels, info.width, info.height)
}

#[test]
fn a_png_has_the_size_asked_for_and_a_golden_target() {
    let drawing = drawing("t", "a -> t: x");
    let picture = laid_out(&drawing);
    let (pixels, width, height) = pixels(&png(&drawing, &Options::default()).unwrap());
    assert_eq!(width, (picture.width() * 2.0).ceil() as u32);
    assert_eq!(height, (picture.height() * 2.0).ceil() as u32);
    let target = picture.nodes()[1];
    let at = |x: f32, y: f32| pixels[(y * 2.0) as usize * width as usize + (x * 2.0) as usize];
    // Inside the border, off the text; on the border; outside.
    assert_eq!(at(target.left + 4.0, target.top + target.height / 2.0), [0xfe, 0xf0, 0xcd]);
    assert_eq!(at(target.left, target.top + target.height / 2.0), [0xd9, 0x77, 0x06]);
    assert_eq!(at(2.0, 2.0), [255, 255, 255]);
    // Something of the arrow, dark on white, just above the target.
    let above = at(target.left + target.width / 2.0, target.top - 5.0);
    assert!(above[0] < 0x80, "{above:?}");
}

#[test]
fn a_scale_too_large_is_lowered() {
    let drawing = drawing("t", "a -> t");
    let options = Options { scale: 1_000.0, ..Options::default() };
    let (pixels, ..) = pixels(&png(&drawing, &options).unwrap());
    assert!(pixels.len() > 60_000_000 && pixels.len() < 64_100_000, "{}", pixels.len());
}

#[test]
fn two_pictures_share_no_id() {
    let ids = |drawing: &Drawing| -> Vec<String> {
        let picture = svg(drawing, &Options::default()).unwrap();
        picture
            .split(" id=\"")
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_owned())
            .collect()
    };
    let (one, other) = (ids(&drawing("t", "a -> t")), ids(&drawing("t", "b -> t")));
    assert_eq!(one.len(), 3);
    assert!(one.iter().all(|id| !other.contains(id)));
}

#[test]
fn a_reference_with_a_name_as_svg() {
    let mut drawing = drawing("t", "a -> t: ['key\n\"<x>\"']".replace("\n\"", "\u{7}\"").as_str());
    drawing.nodes[0].title = "Größe & <co>".to_owned();
    drawing.nodes[0].tooltip = "first\nsecond \u{1b}".to_owned();
    drawing.note = "1 of 3 referrers".to_owned();
    insta::assert_snapshot!(svg(&drawing, &Options::default()).unwrap());
}

#[test]
fn a_cycle_a_self_loop_and_a_pill_as_svg() {
    let mut drawing = drawing("t", "a -> t\n t -> a: back\n a -> a: own\n more -> t");
    drawing.nodes[2].role = Role::More;
    drawing.edges[3].style = EdgeStyle::More;
    drawing.nodes[0].role = Role::Highlight;
    drawing.nodes[0].kind = NodeKind::Weak;
    drawing.edges[1].style = EdgeStyle::Weak;
    insta::assert_snapshot!(svg(&drawing, &Options::default()).unwrap());
}
