//! Which edges to draw upwards, so that all others can run downwards.
//!
//! A search over referrers from the targets (or, mirrored, over referents), so
//! that a target ends every chain: breaking cycles from the other side cuts
//! them at arbitrary places and costs nearly twice the crossings. Self loops
//! are not its concern.

/// For each edge, whether it is turned round.
///
/// `edges` are (source, target). `starts` are the vertices to search from
/// first: the targets. With `backwards` the search runs from referent to
/// referrer. Without the turned edges' old direction, no cycle is left.
pub(crate) fn turned(
    vertices: usize,
    edges: &[(usize, usize)],
    starts: &[usize],
    backwards: bool,
) -> Vec<bool> {
    let mut steps: Vec<Vec<(usize, usize)>> = vec![Vec::new(); vertices];
    let mut arriving = vec![0usize; vertices];
    for (index, &(source, target)) in edges.iter().enumerate() {
        let (from, to) = if backwards { (target, source) } else { (source, target) };
        steps[from].push((to, index));
        arriving[to] += 1;
    }
    // After the targets, the ends that no step arrives at; then what is left,
    // which lies on cycles or behind them.
    let ends = (0..vertices).filter(|&vertex| arriving[vertex] == 0);
    let order: Vec<usize> = starts.iter().copied().chain(ends).chain(0..vertices).collect();

    #[derive(Clone, Copy, PartialEq)]
    enum State {
        New,
        OnPath,
        Done,
    }
    let mut state = vec![State::New; vertices];
    let mut turned = vec![false; edges.len()];
    let mut path: Vec<(usize, usize)> = Vec::new();
    for start in order {
        if state[start] != State::New {
            continue;
        }
        state[start] = State::OnPath;
        path.push((start, 0));
        while let Some((vertex, next)) = path.last_mut() {
            let vertex = *vertex;
            if let Some(&(to, index)) = steps[vertex].get(*next) {
                *next += 1;
                match state[to] {
                    State::New => {
                        state[to] = State::OnPath;
                        path.push((to, 0));
                    }
                    State::OnPath => turned[index] = true,
                    State::Done => {}
                }
            } else {
                state[vertex] = State::Done;
                path.pop();
            }
        }
    }
    turned
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_keeps_only_edges_that_arrive() {
        // 0 -> 1 -> 2 (target) -> 0
        let edges = [(0, 1), (1, 2), (2, 0)];
        assert_eq!(turned(3, &edges, &[2], true), [false, false, true]);
    }

    #[test]
    fn forwards_the_target_keeps_only_edges_that_leave() {
        // 0 (target) -> 1 -> 2 -> 0
        let edges = [(0, 1), (1, 2), (2, 0)];
        assert_eq!(turned(3, &edges, &[0], false), [false, false, true]);
    }

    #[test]
    fn a_graph_without_cycles_stays_as_it_is() {
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3)];
        assert_eq!(turned(4, &edges, &[3], true), [false; 4]);
    }
}
