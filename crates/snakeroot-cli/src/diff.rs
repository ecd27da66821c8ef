//! The verb `diff`: two heaps or three.

use snakeroot::analysis::diff::{self, Group, NotKept, Order};
use snakeroot::view::{self, grouped, human_size};
use snakeroot::watch::Stopped;
use snakeroot::{Graph, view::json};

use crate::Failure;
use crate::arguments::{DiffArguments, DiffBy, DiffOrder};
use crate::progress::Progress;
use crate::tables::{self, write_data};
use crate::verbs::{Out, dominators, load_graph};

/// Rows shown where no limit is given.
const DEFAULT_ROWS: usize = 20;
/// Places where growth accumulates that are shown, and those that JSON and CSV have.
const DEFAULT_GROWN: usize = 10;
const DEFAULT_GROWN_DATA: usize = 100;

pub(crate) fn diff(asked: &DiffArguments, out: Out<'_>) -> Result<(), Failure> {
    let progress = Progress::begin();
    let mut heaps = Vec::new();
    for file in &asked.files {
        heaps.push(load_graph(file, &progress)?);
    }
    match heaps.as_slice() {
        [old, new] => of_two(asked, old, new, progress, out),
        [oldest, middle, new] => of_three(asked, oldest, middle, new, progress, out),
        _ => Err(Failure::wrong(format!("expected two or three heaps, found {}", heaps.len()))),
    }
}

fn group(by: DiffBy) -> Option<Group> {
    match by {
        DiffBy::Type => Some(Group::Type),
        DiffBy::Module => Some(Group::Module),
        DiffBy::Dominator => None,
    }
}

fn order(order: DiffOrder) -> Order {
    match order {
        DiffOrder::Size => Order::Size,
        DiffOrder::Count => Order::Count,
        DiffOrder::New => Order::New,
        DiffOrder::Retained => Order::Retained,
    }
}

fn of_two(
    asked: &DiffArguments,
    old: &Graph,
    new: &Graph,
    progress: Progress,
    out: Out<'_>,
) -> Result<(), Failure> {
    let watch = progress.steps("comparing them");
    let found = diff::diff(old.snapshot(), new.snapshot(), watch)?;
    if let (DiffBy::Dominator, Some(apart)) = (asked.by, found.apart()) {
        return Err(Failure::wrong(apart.to_string()));
    }
    let trees = match (asked.by, asked.order) {
        (DiffBy::Dominator, _) | (_, DiffOrder::Retained) => {
            Some((dominators(old, &progress)?, dominators(new, &progress)?))
        }
        _ => None,
    };
    let partners = match asked.by {
        DiffBy::Dominator => Some(diff::partners(old, new, progress.steps("comparing them"))?),
        _ => None,
    };
    drop(progress);
    let notices = view::diff_notices(&found, old.snapshot(), new.snapshot());
    let is_data = asked.json || asked.csv;
    if !is_data {
        notices.iter().try_for_each(|notice| writeln!(out, "notice: {notice}"))?;
        writeln!(out, "{}\n", view::diff_summary(&found))?;
    }
    let (group, trees) = match (group(asked.by), trees, partners) {
        (Some(group), trees, _) => (group, trees),
        (None, None, _) | (None, _, None) => unreachable!("dominators are compared by their trees"),
        (None, Some((before, after)), Some(partners)) => {
            let default = if is_data { DEFAULT_GROWN_DATA } else { DEFAULT_GROWN };
            let limit = asked.limit.unwrap_or(default);
            let grown = diff::growth(&partners, &before, &after, limit);
            if is_data {
                let new = (new, &after);
                let value =
                    json::diff_dominators(&found, &notices, new, &before, &partners, &grown);
                return write_data(&value, asked.csv, &tables::GROWN, out);
            }
            let table = view::growth_table(new, &after, &before, &partners, &grown);
            write!(out, "{}", table.text())?;
            return Ok(());
        }
    };
    let mut rows = match trees {
        Some((before, after)) => {
            found.rows_with_retained(group, (old.snapshot(), &before), (new.snapshot(), &after))
        }
        None => found.rows(group),
    };
    order(asked.order).arrange(&mut rows);
    if is_data {
        let value = json::diff(&found, &notices, &rows, group, asked.limit);
        return write_data(&value, asked.csv, tables::diff(group), out);
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS);
    write!(out, "{}", view::diff_table(&found, &rows, group, limit).text())?;
    Ok(())
}

fn of_three(
    asked: &DiffArguments,
    oldest: &Graph,
    middle: &Graph,
    new: &Graph,
    progress: Progress,
    out: Out<'_>,
) -> Result<(), Failure> {
    let watch = progress.steps("comparing them");
    let kept = diff::kept(oldest.snapshot(), middle, new, watch).map_err(|error| match error {
        NotKept::Apart(apart) => Failure::wrong(apart.to_string()),
        NotKept::Stopped => Stopped.into(),
    })?;
    let snapshot = new.snapshot();
    let tree = dominators(new, &progress)?;
    drop(progress);
    let total = kept.total(snapshot);
    let is_data = asked.json || asked.csv;
    if !is_data {
        let (count, size) = (grouped(total.count), human_size(total.size));
        writeln!(
            out,
            "{count} objects, {size}, made between the first two heaps and still there\n"
        )?;
    }
    let limit = asked.limit.unwrap_or(DEFAULT_ROWS);
    match group(asked.by) {
        None => {
            let holders = kept.holders(&tree);
            if is_data {
                let value = json::kept_holders(new, total, &holders, asked.limit);
                return write_data(&value, asked.csv, &tables::HOLDERS, out);
            }
            write!(out, "{}", view::holders_table(new, &tree, &holders, limit).text())?;
        }
        Some(group) => {
            let rows = kept.rows(snapshot, &tree, group, order(asked.order));
            if is_data {
                let value = json::kept(&rows, group, asked.limit);
                return write_data(&value, asked.csv, tables::kept(group), out);
            }
            write!(out, "{}", view::kept_table(&rows, group, limit).text())?;
        }
    }
    Ok(())
}
