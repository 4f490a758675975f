//! Strongly connected components: Tarjan's algorithm, without recursion.

const UNSEEN: usize = usize::MAX;

/// The component of each node, as a number. Nodes are on a cycle together if, and only if, their
/// components are equal.
pub(super) fn components<I: Iterator<Item = usize>>(
    nodes: usize,
    after: impl Fn(usize) -> I,
) -> Vec<usize> {
    let mut walk = Walk {
        numbers: vec![UNSEEN; nodes],
        lowest: vec![UNSEEN; nodes],
        components: vec![UNSEEN; nodes],
        open: Vec::new(),
        count: 0,
    };
    let mut path: Vec<(usize, I)> = Vec::new();
    for root in 0..nodes {
        if walk.numbers[root] == UNSEEN {
            walk.enter(root);
            path.push((root, after(root)));
        }
        while let Some((node, rest)) = path.last_mut() {
            let node = *node;
            match rest.next() {
                Some(next) if walk.numbers[next] == UNSEEN => {
                    walk.enter(next);
                    path.push((next, after(next)));
                }
                Some(next) => walk.meet(node, next),
                None => {
                    path.pop();
                    walk.leave(node, path.last().map(|(parent, _)| *parent));
                }
            }
        }
    }
    walk.components
}

struct Walk {
    /// In which order nodes were entered.
    numbers: Vec<usize>,
    /// The lowest number that a node reaches within its component, as far as known.
    lowest: Vec<usize>,
    components: Vec<usize>,
    /// Nodes whose component is not complete.
    open: Vec<usize>,
    count: usize,
}

impl Walk {
    fn enter(&mut self, node: usize) {
        self.numbers[node] = self.count;
        self.lowest[node] = self.count;
        self.count += 1;
        self.open.push(node);
    }

    fn meet(&mut self, node: usize, next: usize) {
        if self.components[next] == UNSEEN {
            self.lowest[node] = self.lowest[node].min(self.numbers[next]);
        }
    }

    fn leave(&mut self, node: usize, parent: Option<usize>) {
        if self.lowest[node] == self.numbers[node] {
            while let Some(member) = self.open.pop() {
                self.components[member] = node;
                if member == node {
                    break;
                }
            }
        }
        if let Some(parent) = parent {
            self.lowest[parent] = self.lowest[parent].min(self.lowest[node]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(nodes: usize, edges: &[(usize, usize)]) -> Vec<usize> {
        components(nodes, |node| {
            edges.iter().filter(move |(from, _)| *from == node).map(|(_, to)| *to)
        })
    }

    /// Which nodes lead to which, by way of more and more others.
    fn leads(nodes: usize, edges: &[(usize, usize)]) -> Vec<Vec<bool>> {
        let is_edge = |a, b| a == b || edges.contains(&(a, b));
        let row = |a| (0..nodes).map(|b| is_edge(a, b)).collect();
        let mut leads: Vec<Vec<bool>> = (0..nodes).map(row).collect();
        for (via, from) in pairs(nodes) {
            for to in 0..nodes {
                leads[from][to] |= leads[from][via] && leads[via][to];
            }
        }
        leads
    }

    fn pairs(nodes: usize) -> impl Iterator<Item = (usize, usize)> {
        (0..nodes).flat_map(move |a| (0..nodes).map(move |b| (a, b)))
    }

    #[test]
    fn nodes_share_a_component_exactly_if_each_leads_to_the_other() {
        let mut random = fastrand::Rng::with_seed(5);
        for _ in 0..300 {
            let nodes = random.usize(1..9);
            let edge = |_| (random.usize(..nodes), random.usize(..nodes));
            let edges: Vec<_> = (0..nodes + 2).map(edge).collect();
            let leads = leads(nodes, &edges);
            let found = of(nodes, &edges);
            for (a, b) in pairs(nodes) {
                assert_eq!(found[a] == found[b], leads[a][b] && leads[b][a], "{edges:?}");
            }
        }
    }

    #[test]
    fn a_path_of_a_million_nodes_needs_no_deep_stack() {
        let nodes = 1_000_000;
        let found = components(nodes, |node| (node + 1 < nodes).then_some(node + 1).into_iter());
        assert!(found.iter().enumerate().all(|(node, component)| node == *component));
    }
}
