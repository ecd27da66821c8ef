//! What a set prints: rows by kind, or by object.

use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use pyo3::prelude::*;
use snakeroot::NodeId;
use snakeroot::analysis::heapy::{
    self, Kind as CoreKind, Partition, Relation, Stat, StatFormat, StatRow,
};
use snakeroot::graph::NodeSet;
use snakeroot::view::heapy::{
    PAGE_LINES, Paged, RowNumbers, id_header, id_label, id_row, kind_brief, kind_name, more_rows,
    relation_header, set_header, set_label, set_row,
};

use super::values::Values;
use crate::shared::Shared;
use crate::work::interruptible;

/// The rows of a set by its relation.
pub(crate) enum Table {
    /// A row a kind.
    Kinds(Kinds),
    /// A row an object.
    Objects(Objects),
}

/// A row a kind, those of most bytes first.
pub(crate) struct Kinds {
    /// Those of the same bytes together; put in the order of their names when they are looked at.
    order: Mutex<KindsInOrder>,
    relation: Relation,
    /// The bytes of all rows down to each.
    cumulative: Vec<u64>,
    count: u64,
}

struct KindsInOrder {
    partition: Partition,
    /// By row; none where the rows of these bytes are not in order.
    names: Vec<Option<Box<str>>>,
}

/// A row an object, the largest first.
pub(crate) struct Objects {
    /// Those of one size together; put in order when they are looked at.
    order: Mutex<Order>,
    count: usize,
    size: u64,
    /// The one kind that all are of.
    kind: Option<CoreKind>,
}

struct Order {
    nodes: Vec<NodeId>,
    /// The first places of the sizes, and whether those of it are in order.
    sizes: Vec<(usize, bool)>,
    /// The bytes of all objects before those of each size.
    before: Vec<u64>,
}

/// A row's kind and its objects.
pub(crate) type KindOfNodes = (CoreKind, Vec<NodeId>);

/// What is said of one row.
pub(crate) struct Row {
    pub(crate) numbers: RowNumbers,
    pub(crate) name: String,
}

impl Table {
    pub(crate) fn new(
        values: &Values<'_, '_>,
        set: &NodeSet,
        relation: &Relation,
        producers: &heapy::Producers<'_>,
    ) -> PyResult<Self> {
        let (py, graph) = (values.py, values.graph);
        if *relation == Relation::Id {
            return Ok(py.detach(|| Self::Objects(Objects::new(graph, set))));
        }
        let partition = interruptible(py, |watch| {
            heapy::partition(graph, graph.owners(), set, relation, producers, watch)
        })?;
        Ok(Self::Kinds(Kinds::new(partition, relation)))
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Kinds(kinds) => kinds.cumulative.len(),
            Self::Objects(objects) => objects.count,
        }
    }

    pub(crate) fn total(&self) -> (u64, u64) {
        match self {
            Self::Kinds(kinds) => {
                (kinds.count, kinds.cumulative.last().copied().unwrap_or_default())
            }
            Self::Objects(objects) => (objects.count as u64, objects.size),
        }
    }

    /// The objects of a row.
    pub(crate) fn nodes(&self, values: &Values<'_, '_>, row: usize) -> PyResult<Vec<NodeId>> {
        match self {
            Self::Kinds(kinds) => {
                kinds.at(values, row, |partition, row, _| partition.nodes(row).to_vec())
            }
            Self::Objects(objects) => Ok(vec![objects.at(values, row)?.0]),
        }
    }

    /// Each row's kind and objects, where the rows are kinds.
    pub(crate) fn kinds(&self, values: &Values<'_, '_>) -> PyResult<Option<Vec<KindOfNodes>>> {
        let Self::Kinds(kinds) = self else { return Ok(None) };
        kinds.name(values, 0..kinds.cumulative.len())?;
        let order = kinds.lock();
        let rows = order.partition.rows().iter();
        Ok(Some(rows.map(|row| (row.kind.clone(), order.partition.nodes(row).to_vec())).collect()))
    }

    pub(crate) fn row(&self, values: &Values<'_, '_>, place: usize) -> PyResult<Option<Row>> {
        if place >= self.len() {
            return Ok(None);
        }
        Ok(Some(match self {
            Self::Kinds(kinds) => kinds.at(values, place, |_, row, name| Row {
                numbers: RowNumbers {
                    index: place,
                    count: row.count as i64,
                    size: row.size as i64,
                    cumulative: kinds.cumulative[place] as i64,
                },
                name: name.to_owned(),
            })?,
            Self::Objects(objects) => {
                let (node, cumulative) = objects.at(values, place)?;
                let size = values.graph.snapshot().size(node) as i64;
                let numbers =
                    RowNumbers { index: place, count: 1, size, cumulative: cumulative as i64 };
                Row { numbers, name: objects.name(values, place, node)? }
            }
        }))
    }
}

impl Kinds {
    fn new(mut partition: Partition, relation: &Relation) -> Self {
        partition.sort_by_size();
        let cumulative = partition.rows().iter().scan(0_u64, |sum, row| {
            *sum = sum.saturating_add(row.size);
            Some(*sum)
        });
        let cumulative: Vec<u64> = cumulative.collect();
        let (names, count) = (vec![None; cumulative.len()], partition.count());
        let order = Mutex::new(KindsInOrder { partition, names });
        Self { order, relation: relation.clone(), cumulative, count }
    }

    fn lock(&self) -> MutexGuard<'_, KindsInOrder> {
        self.order.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives some rows, all of their bytes among them, their names and puts them in order.
    fn name(&self, values: &Values<'_, '_>, places: Range<usize>) -> PyResult<()> {
        let (kinds, first): (Vec<CoreKind>, Vec<NodeId>) = {
            let order = self.lock();
            if order.names[places.clone()].iter().all(Option::is_some) {
                return Ok(());
            }
            let rows = order.partition.rows()[places.clone()].iter();
            rows.map(|row| (row.kind.clone(), order.partition.nodes(row)[0])).unzip()
        };
        // Not under the lock: to look at objects may give others their turn.
        let names: Vec<String> = if self.relation == Relation::Idset {
            values.read(first.iter().copied())?;
            first.into_iter().map(|node| values.brief_of_one(node)).collect()
        } else {
            kinds.iter().map(|kind| kind_name(&self.relation, kind)).collect()
        };
        drop(kinds);
        let mut names = names.into_iter();
        let mut order = self.lock();
        let mut place = places.start;
        while place < places.end {
            let same = order.partition.places_of_size(place);
            place = same.end;
            let own: Vec<String> = names.by_ref().take(same.len()).collect();
            // Another thread may have been here.
            if order.names[same.start].is_none() {
                let own = order.partition.sort_by_name(same.clone(), own);
                for (name, own) in order.names[same].iter_mut().zip(own) {
                    *name = Some(own.into());
                }
            }
        }
        Ok(())
    }

    /// What is asked of a row, which is given with its name.
    fn at<R>(
        &self,
        values: &Values<'_, '_>,
        place: usize,
        ask: impl FnOnce(&Partition, &heapy::Row, &str) -> R,
    ) -> PyResult<R> {
        let places = self.lock().partition.places_of_size(place);
        self.name(values, places)?;
        let order = self.lock();
        let name = order.names[place].as_deref().unwrap_or_default();
        Ok(ask(&order.partition, &order.partition.rows()[place], name))
    }
}

impl Objects {
    fn new(graph: &Shared, set: &NodeSet) -> Self {
        let snapshot = graph.snapshot();
        let nodes = heapy::by_size(graph, set);
        let (mut sizes, mut before, mut sum) = (Vec::new(), Vec::new(), 0_u64);
        for (place, &node) in nodes.iter().enumerate() {
            if place == 0 || snapshot.size(nodes[place - 1]) != snapshot.size(node) {
                sizes.push((place, false));
                before.push(sum);
            }
            sum = sum.saturating_add(snapshot.size(node));
        }
        let count = nodes.len();
        let kind = heapy::of_one_kind(graph, graph.owners(), set);
        Self { order: Mutex::new(Order { nodes, sizes, before }), count, size: sum, kind }
    }

    /// An object as its row shows it.
    fn name(&self, values: &Values<'_, '_>, row: usize, node: NodeId) -> PyResult<String> {
        // A page at a time.
        let rows = row..self.count.min(row + PAGE_LINES + 1);
        let page = rows.map(|row| Ok(self.at(values, row)?.0));
        values.read(page.collect::<PyResult<Vec<_>>>()?)?;
        Ok(match &self.kind {
            Some(_) => values.shown(node).text,
            None => format!("{}: {}", kind_brief(&values.kind(node)), values.brief(node)),
        })
    }

    /// What they are, for the label.
    fn label(&self) -> String {
        match &self.kind {
            Some(kind) => format!("<{}>", kind_brief(kind)),
            None => "<mixed>".into(),
        }
    }

    /// How they are shown, for the header.
    fn header(&self, values: &Values<'_, '_>) -> String {
        let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        match (&self.kind, order.nodes.first()) {
            (Some(_), Some(&node)) => values.header(node),
            _ => "Brief".into(),
        }
    }

    /// The object of a row, and the bytes of all rows down to it.
    fn at(&self, values: &Values<'_, '_>, row: usize) -> PyResult<(NodeId, u64)> {
        let range = {
            let order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
            let cluster = order.sizes.partition_point(|&(first, _)| first <= row) - 1;
            let (first, is_sorted) = order.sizes[cluster];
            let end = order.sizes.get(cluster + 1).map_or(order.nodes.len(), |next| next.0);
            let size = values.graph.snapshot().size(order.nodes[first]);
            let cumulative = order.before[cluster] + (row - first + 1) as u64 * size;
            if is_sorted || end - first == 1 {
                return Ok((order.nodes[row], cumulative));
            }
            (cluster, order.nodes[first..end].to_vec(), cumulative, first)
        };
        // Not under the lock: to look at objects may give others their turn.
        let (cluster, mut nodes, cumulative, first) = range;
        values.sort(&mut nodes, self.kind.is_none())?;
        let mut order = self.order.lock().unwrap_or_else(PoisonError::into_inner);
        order.nodes[first..first + nodes.len()].copy_from_slice(&nodes);
        order.sizes[cluster].1 = true;
        Ok((order.nodes[row], cumulative))
    }
}

/// A table with what it takes to print it.
pub(crate) struct Printed<'a, 'py> {
    pub(crate) table: &'a Table,
    pub(crate) relation: &'a Relation,
    pub(crate) values: Values<'a, 'py>,
}

impl Printed<'_, '_> {
    /// The numbers of all rows.
    pub(crate) fn numbers(&self, time_made: f64) -> PyResult<Stat> {
        let (count, size) = self.table.total();
        let (format, kind_name, kind_header) = match self.table {
            Table::Kinds(_) => (StatFormat::Set, String::new(), relation_header(self.relation)),
            Table::Objects(objects) => {
                (StatFormat::Id, objects.label(), objects.header(&self.values))
            }
        };
        let mut rows = Vec::with_capacity(self.table.len());
        if let Table::Objects(objects) = self.table {
            // All values in one go.
            let nodes = (0..objects.count).map(|row| Ok(objects.at(&self.values, row)?.0));
            self.values.read(nodes.collect::<PyResult<Vec<_>>>()?)?;
        }
        for place in 0..self.table.len() {
            let Some(Row { numbers, name }) = self.table.row(&self.values, place)? else { break };
            rows.push(StatRow { count: numbers.count, size: numbers.size, name });
        }
        Ok(Stat {
            format,
            time_made,
            count: count as i64,
            size: size as i64,
            kind_name,
            kind_header,
            compared_with: None,
            rows,
        })
    }
}

impl Paged for Printed<'_, '_> {
    type Error = PyErr;

    fn label(&self) -> Option<String> {
        let (count, size) = self.table.total();
        Some(match self.table {
            Table::Kinds(_) => set_label(count as i64, size as i64),
            Table::Objects(objects) => id_label(count as i64, size as i64, &objects.label()),
        })
    }

    fn header(&self) -> Option<String> {
        Some(match self.table {
            Table::Kinds(_) => set_header(&relation_header(self.relation)),
            Table::Objects(objects) => id_header(&objects.header(&self.values)),
        })
    }

    fn line(&self, place: usize) -> PyResult<Option<String>> {
        let Some(Row { numbers, name }) = self.table.row(&self.values, place)? else {
            return Ok(None);
        };
        let (count, size) = self.table.total();
        Ok(Some(match self.table {
            Table::Kinds(_) => set_row(numbers, (count as i64, size as i64), &name),
            Table::Objects(_) => id_row(numbers, size as i64, &name),
        }))
    }

    fn more(&self, _first: usize, last: usize) -> String {
        more_rows(self.table.len() - last - 1)
    }
}
