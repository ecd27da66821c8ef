//! How long the analyses of a whole heap take, with petgraph's own beside them.
//!
//! `MALLOC_MMAP_THRESHOLD_=65536 cargo run --release -p snakeroot-dump --example analyses FILE`
//!
//! petgraph is given a graph of its own: the nodes and strong edges of the heap,
//! and one node more that leads to all roots. Each line tells the best of five
//! runs, of petgraph's one, and what was resident at the peak of a run beyond
//! what was before: the variable makes the C library give back what one run leaves
//! to the next. Linux only: memory is read from `/proc`.

use std::error::Error;
use std::io::Write;
use std::time::{Duration, Instant};

use petgraph::algo::{dominators::simple_fast, kosaraju_scc};
use petgraph::graph::{DiGraph, NodeIndex};
use snakeroot::analysis::{CycleScope, components, cycles, dominators, roots};
use snakeroot::{Graph, NodeId};

const RUNS: usize = 5;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("expected a saved heap, found no argument")?;
    let mut out = std::io::stdout().lock();
    let graph = Graph::new(snakeroot_dump::load(std::path::Path::new(&path))?);
    // What is built at the first question, such as the rows of referrers, is not counted.
    drop(dominators(&graph));
    // petgraph leaves much free memory behind, where ours would go unseen: it comes last.
    let own_dominators = measure(RUNS, || dominators(&graph));
    let own_components = measure(RUNS, || components(&graph));
    let own_cycles = measure(RUNS, || cycles(&graph, CycleScope::Made));
    let theirs = petgraphs(&graph);
    let root = NodeIndex::new(graph.node_count());
    let their_dominators = measure(1, || simple_fast(&theirs, root));
    let their_components = measure(1, || kosaraju_scc(&theirs));

    let nodes = graph.node_count() as f64;
    writeln!(out, "{nodes} nodes, {} strong edges and edges to roots", theirs.edge_count())?;
    let mut line = |what: &str, ours: Figures, theirs: Option<Figures>| {
        let milliseconds = |figures: &Figures| figures.time.as_secs_f64() * 1e3;
        let peer = theirs.map_or(String::new(), |theirs| {
            let ratio = milliseconds(&theirs) / milliseconds(&ours);
            format!(", petgraph {:.1} ms: {ratio:.1}x", milliseconds(&theirs))
        });
        writeln!(
            out,
            "{what}: {:.1} ms, {:.0} ns and {:.1} B a node{peer}",
            milliseconds(&ours),
            ours.time.as_nanos() as f64 / nodes,
            ours.scratch as f64 / nodes,
        )
    };
    line("dominators and retained sizes", own_dominators, Some(their_dominators))?;
    line("strongly connected components", own_components, Some(their_components))?;
    line("cycles and what they retain", own_cycles, None)?;
    Ok(())
}

/// The nodes and strong edges, and behind them a node that leads to all roots.
fn petgraphs(graph: &Graph) -> DiGraph<(), ()> {
    let nodes = graph.node_count() as u32;
    let mut edges: Vec<(u32, u32)> = Vec::with_capacity(graph.edge_count() as usize);
    for node in (0..nodes).map(NodeId::new) {
        let strong = graph.edges_from(node).filter(|edge| graph.is_strong(edge.label));
        edges.extend(strong.map(|edge| (node.index() as u32, edge.referent.index() as u32)));
    }
    edges.extend(roots(graph).map(|root| (nodes, root.index() as u32)));
    DiGraph::from_edges(edges)
}

struct Figures {
    time: Duration,
    /// Bytes, the answer included.
    scratch: u64,
}

fn measure<T>(runs: usize, run: impl Fn() -> T) -> Figures {
    let mut best = Figures { time: Duration::MAX, scratch: 0 };
    for _ in 0..runs {
        // The kernel's mark of the peak is set back to what is resident now.
        drop(std::fs::write("/proc/self/clear_refs", "5"));
        let before = status("VmRSS:");
        let started = Instant::now();
        let answer = run();
        best.time = best.time.min(started.elapsed());
        best.scratch = best.scratch.max(status("VmHWM:").saturating_sub(before));
        drop(answer);
    }
    best
}

/// A line of the process's status, in bytes; 0 where there is none.
fn status(name: &str) -> u64 {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0) << 10
}
