//! What each verb does: load, ask, write.

use std::io::Write;
use std::path::Path;

use serde_json::{Value, json};
use snakeroot::analysis::{self, Direction, DominatorTree, Neighbourhood, NeighbourhoodOptions};
use snakeroot::snapshot::{Info, TypeEntry};
use snakeroot::view::{self, DrawOptions, grouped, human_size, share};
use snakeroot::{Graph, Snapshot};

use crate::Failure;
use crate::arguments::{By, InfoArguments, RefsArguments, TopArguments, TypesArguments};
use crate::choice::{Chosen, choose};
use crate::listing::{clean, write_listing};
use crate::progress::Progress;
use crate::tables::{self, write_data};

/// Types shown where no limit is given.
const DEFAULT_TYPES: usize = 20;

pub(crate) type Out<'a> = &'a mut dyn Write;

pub(crate) fn load(file: &Path, progress: &Progress) -> Result<Snapshot, Failure> {
    progress.now(format!("reading {}", file.display()));
    Ok(snakeroot_dump::load(file)?)
}

pub(crate) fn load_graph(file: &Path, progress: &Progress) -> Result<Graph, Failure> {
    let snapshot = load(file, progress)?;
    progress.now("finding out who refers to what");
    Ok(Graph::new(snapshot))
}

pub(crate) fn dominators(graph: &Graph, progress: &Progress) -> Result<DominatorTree, Failure> {
    let watch = progress.steps("finding out what keeps what alive");
    Ok(analysis::try_dominators(graph, watch)?)
}

pub(crate) fn write_json(value: &Value, out: Out<'_>) -> Result<(), Failure> {
    writeln!(out, "{value:#}")?;
    Ok(())
}

pub(crate) fn info(asked: &InfoArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let snapshot = load(&asked.file, &progress)?;
    drop(progress);
    let census = analysis::census(&snapshot);
    if asked.json {
        return write_json(&view::json::info(&snapshot, &census), out);
    }
    let Info {
        tool,
        python,
        build,
        platform,
        pid,
        process_started: _, // tells two processes apart, and says nothing to a person
        argv,
        started_ms,
        pause_ns,
        total_ns,
        tracked,
        held_from_c,
        garbage,
        resident_bytes,
        enumeration,
        notices,
    } = snapshot.info();
    let (_, size) = census.total();
    let objects = snapshot.object_count() as u64;
    let synthetic = snapshot.node_count() as u64 - objects;
    let mut rows: Vec<(&str, String)> = Vec::new();
    let mut row = |name, text: String| {
        if !text.trim().is_empty() {
            rows.push((name, clean(text.trim())));
        }
    };
    row("python", if build.is_empty() { python.clone() } else { format!("{python} ({build})") });
    row("platform", platform.clone());
    if *pid > 0 {
        row("process", format!("{pid}  {}", argv.join(" ")));
    }
    if *started_ms > 0 {
        row("recorded", format!("{} UTC", date(*started_ms)));
    }
    row("by", if tool.is_empty() { String::new() } else { format!("snakeroot {tool}") });
    if *total_ns > 0 {
        row("pause", format!("{} of {}", duration(*pause_ns), duration(*total_ns)));
    }
    if *resident_bytes > 0 {
        row("in memory", human_size(*resident_bytes));
    }
    row("objects", format!("{}, {}", grouped(objects), human_size(size)));
    if *tracked > 0 {
        let found = if enumeration.is_empty() {
            String::new()
        } else {
            format!(", found by {enumeration}")
        };
        row("tracked", format!("{}{found}", grouped(*tracked)));
    }
    if let Some(held_from_c) = held_from_c {
        row("held from C only", share(*held_from_c, objects));
    }
    if let Some(garbage) = garbage {
        row("garbage", share(*garbage, objects));
    }
    row("edges", grouped(snapshot.edge_count()));
    row("types", grouped(census.len() as u64));
    row("GC roots", grouped(snapshot.roots().len() as u64));
    if synthetic > 0 {
        // Heaps of other languages have nodes of their own that stand for no object.
        let is_thread = |entry: &TypeEntry| entry.module.is_empty() && &*entry.qualname == "thread";
        let has_threads = snapshot.types().iter().any(is_thread);
        row(if has_threads { "threads, frames" } else { "synthetic" }, grouped(synthetic));
    }
    for notice in notices {
        row("notice", notice.clone());
    }
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    for (name, text) in rows {
        writeln!(out, "{name:width$}  {text}")?;
    }
    Ok(())
}

pub(crate) fn types(asked: &TypesArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let snapshot = graph.snapshot();
    let census = analysis::census(snapshot);
    let retained = dominators(&graph, &progress)?.retained_by_type(snapshot);
    drop(progress);
    let census = match asked.by {
        By::Size => census.by_size(),
        By::Count => census.by_count(),
        By::Retained => census.by_retained(&retained),
    };
    if asked.json || asked.csv {
        let answer = view::json::types(snapshot, &census, &retained, asked.limit);
        return write_data(&answer, asked.csv, &tables::TYPES, out);
    }
    let limit = asked.limit.unwrap_or(DEFAULT_TYPES);
    write!(out, "{}", view::types_table(&graph, &census, &retained, limit).text())?;
    Ok(())
}

pub(crate) fn top(asked: &TopArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let tree = dominators(&graph, &progress)?;
    drop(progress);
    let nodes = tree.largest(asked.limit);
    if asked.json || asked.csv {
        let answer = view::json::top(&graph, &tree, &nodes);
        return write_data(&answer, asked.csv, &tables::TOP, out);
    }
    write!(out, "{}", view::top_table(&graph, &tree, &nodes).text())?;
    Ok(())
}

pub(crate) fn refs(asked: &RefsArguments, out: Out<'_>) -> Result<(), Failure> {
    surroundings(asked, Direction::Referents, out)
}

pub(crate) fn backrefs(asked: &RefsArguments, out: Out<'_>) -> Result<(), Failure> {
    surroundings(asked, Direction::Referrers, out)
}

fn surroundings(asked: &RefsArguments, direction: Direction, out: Out<'_>) -> Result<(), Failure> {
    // Before the heap is loaded, which may take seconds.
    let picture = match &asked.output {
        Some(path) => Some((path, Picture::of(path)?)),
        None => None,
    };
    let progress = Progress::begin();
    let graph = load_graph(&asked.file, &progress)?;
    let chosen = choose(&graph, &asked.file, &asked.which, asked.nth)?;
    let options = NeighbourhoodOptions {
        max_depth: asked.depth,
        too_many: asked.too_many,
        ..NeighbourhoodOptions::default()
    };
    progress.now("looking around it");
    let found =
        analysis::neighbourhood(&graph, &[chosen.node], direction, &options, |_| true, |_| false);
    if let Some((path, picture)) = picture {
        progress.now(format!("drawing {}", path.display()));
        let bytes = picture.draw(&graph, &found)?;
        snakeroot_dump::write_whole(path, |file| Ok(file.write_all(&bytes)?))?;
    }
    drop(progress);
    if asked.json {
        return write_json(&with_choice(view::json::neighbourhood(&graph, &found), chosen), out);
    }
    write_choice(&graph, chosen, out)?;
    match &asked.output {
        None => write_listing(&graph, &found, asked.depth, out)?,
        Some(path) => writeln!(
            out,
            "{}: {} objects, {} references",
            path.display(),
            grouped(found.graph.node_count() as u64),
            grouped(found.graph.edge_count() as u64)
        )?,
    }
    Ok(())
}

/// A kind of picture, by the end of its file's name.
#[derive(Clone, Copy, Debug)]
enum Picture {
    Png,
    Svg,
    Dot,
}

impl Picture {
    fn of(path: &Path) -> Result<Self, Failure> {
        let end = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match &*end {
            "png" => Ok(Self::Png),
            "svg" => Ok(Self::Svg),
            "dot" => Ok(Self::Dot),
            _ => Err(Failure::wrong(format!(
                "{}: expected a name that ends in .png, .svg or .dot",
                path.display()
            ))),
        }
    }

    fn draw(self, graph: &Graph, found: &Neighbourhood) -> Result<Vec<u8>, Failure> {
        let drawing =
            view::drawing(graph, found, &DrawOptions { sizes: true, ..DrawOptions::default() });
        let options = snakeroot_draw::Options::default();
        match self {
            Self::Dot => Ok(view::dot(&drawing).into_bytes()),
            Self::Svg => snakeroot_draw::svg(&drawing, &options).map(String::into_bytes),
            Self::Png => snakeroot_draw::png(&drawing, &options),
        }
        .map_err(|error| Failure::wrong(error.to_string()))
    }
}

/// Says of which objects this one was taken, if there were several.
pub(crate) fn write_choice(graph: &Graph, chosen: Chosen, out: Out<'_>) -> Result<(), Failure> {
    if chosen.among > 1 {
        let name = graph.snapshot().type_of(chosen.node).display_name();
        let (nth, among) = (grouped(chosen.nth), grouped(chosen.among));
        writeln!(out, "{nth} of {among} objects of type {} (--nth takes another)\n", clean(&name))?;
    }
    Ok(())
}

/// Which object the answer is about, beside the answer.
pub(crate) fn with_choice(mut answer: Value, chosen: Chosen) -> Value {
    if let Some(fields) = answer.as_object_mut() {
        let Chosen { node, among, nth } = chosen;
        let choice = json!({ "id": node.place(), "nth": nth, "among": among });
        fields.insert("object".into(), choice);
    }
    answer
}

/// A span of time for people: `1.2 ms`.
fn duration(nanoseconds: u64) -> String {
    let ns = nanoseconds as f64;
    match nanoseconds {
        0..1_000 => format!("{nanoseconds} ns"),
        1_000..1_000_000 => format!("{:.1} µs", ns / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1} ms", ns / 1e6),
        _ => format!("{:.1} s", ns / 1e9),
    }
}

/// A moment in UTC: `2026-01-01 00:00:00`.
fn date(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March have their leap day last, so that every month
    // but the last has a fixed place; 719,468 days lie before 1970-01-01 from
    // the first of March of year 0 on.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = era * 400 + year + carry;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_that_of_the_calendar() {
        assert_eq!(date(0), "1970-01-01 00:00:00");
        assert_eq!(date(1_709_164_799_000), "2024-02-28 23:59:59");
        assert_eq!(date(1_709_251_199_999), "2024-02-29 23:59:59");
        assert_eq!(date(1_767_225_600_000), "2026-01-01 00:00:00");
        assert_eq!(date(4_107_542_400_000), "2100-03-01 00:00:00");
    }

    #[test]
    fn a_duration_has_a_unit_that_suits_it() {
        assert_eq!(duration(999), "999 ns");
        assert_eq!(duration(1_500), "1.5 µs");
        assert_eq!(duration(1_200_000), "1.2 ms");
        assert_eq!(duration(12_340_000_000), "12.3 s");
    }
}
