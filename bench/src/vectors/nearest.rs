//! The few nearest of many, collected one by one.

/// The `limit` items with the greatest products so far, greatest first; of equal ones those that came
/// first.
#[derive(Debug)]
pub(crate) struct Nearest {
    limit: usize,
    found: Vec<(f32, u32)>,
}

impl Nearest {
    /// Of none so far.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, found: Vec::with_capacity(limit + 1) }
    }

    /// Looks at one more.
    #[inline]
    pub(crate) fn offer(&mut self, product: f32, id: impl FnOnce() -> u32) {
        let is_full = self.found.len() == self.limit;
        if is_full && self.found.last().is_none_or(|(worst, _)| product <= *worst) {
            return;
        }
        let place = self.found.partition_point(|(better, _)| *better >= product);
        self.found.insert(place, (product, id()));
        self.found.truncate(self.limit);
    }

    /// Their products and ids.
    pub(crate) fn found(&self) -> &[(f32, u32)] {
        &self.found
    }

    /// Their ids.
    pub(crate) fn ids(&self) -> Vec<u32> {
        self.found.iter().map(|(_, id)| *id).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greatest_are_kept_in_order() {
        let mut nearest = Nearest::new(3);
        for (id, product) in (0..).zip([0.1, 0.9, 0.5, 0.5, 0.2, 0.95]) {
            nearest.offer(product, || id);
        }
        assert_eq!(nearest.ids(), [5, 1, 2]);
        assert_eq!(nearest.found()[0], (0.95, 5));
    }

    #[test]
    fn fewer_than_the_limit_are_all_kept() {
        let mut nearest = Nearest::new(3);
        nearest.offer(-1.0, || 7);
        assert_eq!(nearest.ids(), [7]);
        let mut none = Nearest::new(0);
        none.offer(1.0, || 7);
        assert!(none.ids().is_empty());
    }
}
