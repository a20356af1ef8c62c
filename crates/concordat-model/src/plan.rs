//! The order of work: an acyclic graph, which exists only ordered.
//!
//! Everything is iterative, so that no depth of a graph is a depth of our stack. Contracts order their steps
//! with it, submissions their contracts.

use std::cell::OnceCell;

use petgraph::algo::{tarjan_scc, toposort};
use petgraph::graph::{DiGraph, NodeIndex};

/// Nodes in an order in which nothing comes before what it needs. Nodes are counted from 0 as they were given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    order: Vec<usize>,
    needs: Vec<Vec<usize>>,
    followers: Vec<Vec<usize>>,
}

/// A way that leads back to where it began.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the graph has a cycle of {} nodes", path.len().saturating_sub(1))]
pub struct Cycle {
    /// The nodes on the way; the first stands at the end again.
    pub path: Vec<usize>,
}

impl Plan {
    /// Orders nodes by what each of them needs.
    ///
    /// # Errors
    /// A cycle, with its path in the direction in which work would go round.
    pub fn order(needs: Vec<Vec<usize>>) -> Result<Plan, Cycle> {
        let edges: usize = needs.iter().map(Vec::len).sum();
        let mut graph: DiGraph<(), (), usize> = DiGraph::with_capacity(needs.len(), edges);
        needs.iter().for_each(|_| {
            graph.add_node(());
        });
        let mut followers = vec![Vec::new(); needs.len()];
        for (node, before) in needs.iter().enumerate() {
            for &earlier in before {
                graph.add_edge(NodeIndex::new(earlier), NodeIndex::new(node), ());
                if let Some(followers) = followers.get_mut(earlier) {
                    followers.push(node);
                }
            }
        }
        match toposort(&graph, None) {
            Ok(order) => {
                Ok(Plan { order: order.into_iter().map(NodeIndex::index).collect(), needs, followers })
            }
            Err(_) => Err(Cycle { path: cycle(&graph) }),
        }
    }

    /// The nodes in order.
    #[must_use]
    pub fn nodes(&self) -> &[usize] {
        &self.order
    }

    /// What a node needs.
    #[must_use]
    pub fn needs(&self, node: usize) -> &[usize] {
        self.needs.get(node).map_or(&[], Vec::as_slice)
    }

    /// What needs a node.
    #[must_use]
    pub fn followers(&self, node: usize) -> &[usize] {
        self.followers.get(node).map_or(&[], Vec::as_slice)
    }

    /// The nodes grouped by how many come before them on the longest way: what may run side by side.
    #[must_use]
    pub fn levels(&self) -> Vec<Vec<usize>> {
        let mut level_of = vec![0; self.order.len()];
        let mut levels: Vec<Vec<usize>> = Vec::new();
        for &node in &self.order {
            let level = self
                .needs(node)
                .iter()
                .filter_map(|need| level_of.get(*need))
                .map(|l| l + 1)
                .max()
                .unwrap_or(0);
            if let Some(slot) = level_of.get_mut(node) {
                *slot = level;
            }
            if levels.len() <= level {
                levels.resize(level + 1, Vec::new());
            }
            if let Some(nodes) = levels.get_mut(level) {
                nodes.push(node);
            }
        }
        levels
    }

    /// Which nodes come before which.
    #[must_use]
    pub fn ancestors(&self) -> Ancestors<'_> {
        Ancestors { plan: self, sets: OnceCell::new() }
    }
}

/// Which nodes come before which. What a node needs itself is known at once; the rest is worked out when it is first
/// asked for, because that costs the square of the number of nodes.
#[derive(Debug)]
pub struct Ancestors<'p> {
    plan: &'p Plan,
    sets: OnceCell<Vec<Vec<u64>>>,
}

impl Ancestors<'_> {
    /// Whether `earlier` always comes before `node`.
    #[must_use]
    pub fn before(&self, earlier: usize, node: usize) -> bool {
        self.plan.needs(node).contains(&earlier)
            || self
                .sets
                .get_or_init(|| sets(self.plan))
                .get(node)
                .and_then(|set| set.get(earlier / 64))
                .is_some_and(|word| word & (1 << (earlier % 64)) != 0)
    }
}

/// For each node, the set of everything that comes before it.
fn sets(plan: &Plan) -> Vec<Vec<u64>> {
    let words = plan.order.len().div_ceil(64);
    let mut sets: Vec<Vec<u64>> = vec![Vec::new(); plan.order.len()];
    for &node in &plan.order {
        let mut set = vec![0u64; words];
        for &need in plan.needs(node) {
            if let Some(above) = sets.get(need) {
                set.iter_mut().zip(above).for_each(|(word, more)| *word |= more);
            }
            if let Some(word) = set.get_mut(need / 64) {
                *word |= 1 << (need % 64);
            }
        }
        if let Some(slot) = sets.get_mut(node) {
            *slot = set;
        }
    }
    sets
}

/// One cycle of a graph that has one: walks inside a strongly connected part until a node comes again.
fn cycle(graph: &DiGraph<(), (), usize>) -> Vec<usize> {
    let looping = |part: &Vec<NodeIndex<usize>>| {
        part.len() > 1 || part.first().is_some_and(|node| graph.contains_edge(*node, *node))
    };
    let Some(mut part) = tarjan_scc(graph).into_iter().find(looping) else { return Vec::new() };
    part.sort_unstable();
    let mut way: Vec<NodeIndex<usize>> = part.first().copied().into_iter().collect();
    let mut place = std::collections::HashMap::from([(way.first().copied().unwrap_or_default(), 0)]);
    while let Some(here) = way.last().copied() {
        let Some(next) = graph.neighbors(here).filter(|next| part.binary_search(next).is_ok()).min() else {
            break;
        };
        if let Some(start) = place.get(&next) {
            let mut path: Vec<usize> = way.iter().skip(*start).map(|node| node.index()).collect();
            path.push(next.index());
            return path;
        }
        place.insert(next, way.len());
        way.push(next);
    }
    Vec::new()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn levels_show_what_may_run_side_by_side() {
        let plan = Plan::order(vec![vec![], vec![0], vec![0], vec![1, 2]]).unwrap();
        assert_eq!(plan.levels(), vec![vec![0], vec![2, 1], vec![3]]);
        assert!(plan.ancestors().before(0, 3) && !plan.ancestors().before(1, 2));
        assert_eq!((plan.needs(3), plan.followers(0).len()), (&[1, 2][..], 2));
    }

    #[test]
    fn a_cycle_is_told_with_its_path() {
        for (needs, path) in [
            (vec![vec![0]], vec![0, 0]),
            (vec![vec![1], vec![0]], vec![0, 1, 0]),
            (vec![vec![], vec![0, 3], vec![1], vec![2], vec![3]], vec![1, 2, 3, 1]),
        ] {
            assert_eq!(Plan::order(needs).unwrap_err().path, path);
        }
    }

    proptest! {
        #[test]
        fn nothing_comes_before_what_it_needs(edges in proptest::collection::vec((0usize..60, 0usize..60), 0..200)) {
            let mut needs = vec![Vec::new(); 60];
            for (one, other) in edges {
                if one < other {
                    needs[other].push(one);
                }
            }
            let plan = Plan::order(needs.clone()).unwrap();
            let place = |node: usize| plan.nodes().iter().position(|one| *one == node).unwrap();
            for (node, before) in needs.iter().enumerate() {
                for earlier in before {
                    prop_assert!(place(*earlier) < place(node));
                    prop_assert!(plan.ancestors().before(*earlier, node));
                }
            }
        }
    }
}
