//! A list of nodes for each node, end to end (compressed sparse rows).

use std::ops::Range;

use crate::id::NodeId;

/// A list of nodes for each node, end to end (compressed sparse rows).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rows {
    /// Row `n` is `targets[starts[n]..starts[n + 1]]`: one entry more than
    /// there are nodes, so that the last row is no special case.
    starts: Box<[u64]>,
    targets: Box<[NodeId]>,
}

impl Rows {
    /// Rows from where each begins (one entry more than rows) and what they hold.
    ///
    /// Says what is wrong when the starts run back, begin elsewhere than at 0,
    /// end elsewhere than at the number of targets, or when a target is no row.
    pub fn new(starts: Vec<u64>, targets: Vec<NodeId>) -> Result<Self, String> {
        let Some(rows) = starts.len().checked_sub(1) else {
            return Err("rows: expected at least one start, found none".into());
        };
        if starts[0] != 0 {
            return Err(format!("rows: expected the first to start at 0, found {}", starts[0]));
        }
        if let Some(at) = starts.windows(2).position(|pair| pair[0] > pair[1]) {
            return Err(format!(
                "rows: row {at} starts at {} but ends at {}",
                starts[at],
                starts[at + 1]
            ));
        }
        if starts[rows] != targets.len() as u64 {
            return Err(format!(
                "rows: expected the last to end at {}, found {}",
                targets.len(),
                starts[rows]
            ));
        }
        if let Some(at) = targets.iter().position(|target| target.index() >= rows) {
            return Err(format!(
                "rows: expected nodes below {rows}, found {} at edge {at}",
                targets[at].place()
            ));
        }
        Ok(Self { starts: starts.into(), targets: targets.into() })
    }

    /// How many rows there are.
    #[allow(clippy::len_without_is_empty)] // rows without any row are never asked for
    pub fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// How many nodes stand in all rows together.
    pub fn target_count(&self) -> usize {
        self.targets.len()
    }

    /// Where row `node` lies in [`Rows::targets`].
    #[inline]
    pub fn range(&self, node: NodeId) -> Range<usize> {
        self.starts[node.index()] as usize..self.starts[node.index() + 1] as usize
    }

    /// The nodes of one row.
    #[inline]
    pub fn row(&self, node: NodeId) -> &[NodeId] {
        &self.targets[self.range(node)]
    }

    /// All rows end to end.
    pub fn targets(&self) -> &[NodeId] {
        &self.targets
    }

    /// Where each row starts, and at last where the last one ends.
    pub fn starts(&self) -> &[u64] {
        &self.starts
    }

    /// The row that holds place `edge` of [`Rows::targets`]. O(log n).
    pub fn row_of(&self, edge: usize) -> NodeId {
        NodeId::from_index(self.starts.partition_point(|&start| start <= edge as u64) - 1)
    }

    /// Bytes held.
    pub fn heap_bytes(&self) -> u64 {
        (self.starts.len() * 8 + self.targets.len() * 4) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(places: &[u32]) -> Vec<NodeId> {
        places.iter().map(|&place| NodeId::new(place)).collect()
    }

    #[test]
    fn a_row_holds_what_was_put_there() {
        let rows = Rows::new(vec![0, 2, 2, 3], nodes(&[1, 2, 0])).unwrap();
        assert_eq!(rows.row(NodeId::new(0)), nodes(&[1, 2]));
        assert_eq!(rows.row(NodeId::new(1)), []);
        assert_eq!(rows.row_of(0), NodeId::new(0));
        assert_eq!(rows.row_of(2), NodeId::new(2));
    }

    #[test]
    fn rows_that_cannot_be_are_refused_with_the_place() {
        assert!(Rows::new(vec![], vec![]).unwrap_err().contains("found none"));
        assert!(Rows::new(vec![1, 1], nodes(&[0])).unwrap_err().contains("start at 0"));
        assert!(Rows::new(vec![0, 2, 1], nodes(&[0])).unwrap_err().contains("row 1"));
        assert!(Rows::new(vec![0, 2], nodes(&[0])).unwrap_err().contains("end at 1"));
        assert!(Rows::new(vec![0, 1], nodes(&[1])).unwrap_err().contains("below 1"));
    }
}
