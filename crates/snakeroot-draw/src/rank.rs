//! A row for each vertex, so that edges run downwards and are short.
//!
//! Network simplex, then balancing: what could stand in several rows at the
//! same price goes to the emptiest. Cycles are broken before.

use crate::simplex::{Arc, Simplex, longest_paths};

/// Vertices and arcs that the simplex may look at.
const BUDGET: i64 = 3_000_000;

/// The rows of a connected acyclic graph, the topmost 0.
///
/// `edges` are (upper, lower); each spans at least `span` rows.
pub(crate) fn rows(vertices: usize, edges: &[(usize, usize)], span: i32) -> Vec<i32> {
    let mut arcs: Vec<Arc> = edges
        .iter()
        .map(|&(upper, lower)| Arc { tail: upper as u32, head: lower as u32, min: span, weight: 1 })
        .collect();
    // Several edges between one pair are one arc of their joint weight.
    arcs.sort_by_key(|arc| (arc.tail, arc.head));
    arcs.dedup_by(|later, kept| {
        let same = (later.tail, later.head) == (kept.tail, kept.head);
        if same {
            kept.weight += later.weight;
        }
        same
    });
    let start = longest_paths(vertices, &arcs).expect("cycles are broken before ranking");
    let mut simplex = Simplex::new(&arcs, start);
    simplex.run(BUDGET);
    let mut rows = simplex.into_values();
    let top = rows.iter().copied().min().unwrap_or(0);
    for row in &mut rows {
        *row -= top;
    }
    balance(&mut rows, &arcs, span);
    rows
}

/// Moves vertices with as much weight above as below to the emptiest row.
fn balance(rows: &mut [i32], arcs: &[Arc], span: i32) {
    let Some(last) = rows.iter().copied().max() else {
        return;
    };
    let mut crowd = vec![0u32; last as usize + 1];
    for &row in rows.iter() {
        crowd[row as usize] += 1;
    }
    let mut above: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
    let mut below: Vec<Vec<u32>> = vec![Vec::new(); rows.len()];
    let mut pull = vec![0i64; rows.len()];
    for arc in arcs {
        below[arc.tail as usize].push(arc.head);
        above[arc.head as usize].push(arc.tail);
        pull[arc.tail as usize] += i64::from(arc.weight);
        pull[arc.head as usize] -= i64::from(arc.weight);
    }
    for vertex in 0..rows.len() {
        if pull[vertex] != 0 || above[vertex].is_empty() {
            continue;
        }
        let first = above[vertex].iter().map(|&v| rows[v as usize] + span).max().unwrap_or(0);
        let end = below[vertex].iter().map(|&v| rows[v as usize] - span).min().unwrap_or(last);
        let old = rows[vertex];
        let mut best = old;
        // Whole spans only: the rows between are kept for labels.
        let mut row = first + (old - first).rem_euclid(span);
        while row <= end {
            if crowd[row as usize] + 1 < crowd[best as usize] + u32::from(best != old) {
                best = row;
            }
            row += span;
        }
        crowd[old as usize] -= 1;
        crowd[best as usize] += 1;
        rows[vertex] = best;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_has_a_row_each() {
        assert_eq!(rows(3, &[(0, 1), (1, 2)], 1), [0, 1, 2]);
    }

    #[test]
    fn a_late_referrer_stands_just_above_its_referent() {
        // 0 -> 1 -> 2 -> 3,  4 -> 3
        assert_eq!(rows(5, &[(0, 1), (1, 2), (2, 3), (4, 3)], 1), [0, 1, 2, 3, 2]);
    }

    #[test]
    fn labels_get_a_row_between() {
        assert_eq!(rows(3, &[(0, 1), (1, 2), (0, 2)], 2), [0, 2, 4]);
    }
}
