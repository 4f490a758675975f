//! What near means: a metric turns products of two vectors into a distance.

use std::fmt;

use super::kernel::{self, Element, Products};

/// How the distance of two vectors is measured. Less is nearer.
///
/// Distances are `f32`. Vectors of equal distance are in no order by that alone; whoever needs
/// one breaks the tie by the key.
///
/// What is not a number makes a distance that is not a number either. The distance of vectors of
/// numbers is a number, unless one of their squares is beyond `f32`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Metric {
    /// `1 - cos`, from 0 for the same direction to 2 for the opposite one. A vector whose squared
    /// norm is zero has no direction: its distance to everything, itself included, is 1.
    Cosine,
    /// `-dot`: the greater the product, the nearer, so that distances may be negative. For a zero
    /// vector it is 0.
    Dot,
    /// The length of the difference; not its square.
    Euclidean,
}

impl Metric {
    /// How near a distance is: the greater the nearer. The cosine, the product, and for Euclidean
    /// distances `1 / (1 + distance)`.
    ///
    /// ```
    /// use sop_orm::Metric;
    ///
    /// assert_eq!(Metric::Cosine.score(0.25), 0.75);
    /// assert_eq!(Metric::Dot.score(-9.0), 9.0);
    /// assert_eq!(Metric::Euclidean.score(3.0), 0.25);
    /// ```
    pub fn score(self, distance: f32) -> f32 {
        match self {
            Self::Cosine => 1.0 - distance,
            Self::Dot => -distance,
            Self::Euclidean => 1.0 / (1.0 + distance),
        }
    }

    /// The distance between `query`, whose squared norm is `query_norm2`, and a stored vector.
    /// `None` if the two are not equally long.
    pub(crate) fn distance(
        self,
        kind: Element,
        query: &[f32],
        query_norm2: f32,
        bytes: &[u8],
    ) -> Option<f32> {
        if self == Self::Euclidean {
            // By the difference: the three products cancel where it matters, near zero.
            return kernel::squared_distance(kind, query, bytes).map(f32::sqrt);
        }
        let products = kernel::products(kind, query, bytes)?;
        Some(self.of_products(products, query_norm2))
    }

    /// The distance that follows from the products of two vectors, and the squared norm of the
    /// other one. Euclidean distances near zero lose digits here.
    pub(crate) fn of_products(self, of: Products, query_norm2: f32) -> f32 {
        match self {
            Self::Cosine => 1.0 - cosine(of.dot, of.norm2, query_norm2),
            Self::Dot => 0.0 - of.dot,
            Self::Euclidean => (of.norm2 + query_norm2 - 2.0 * of.dot).max(0.0).sqrt(),
        }
    }
}

/// As attributes name it.
impl fmt::Display for Metric {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Cosine => "cosine",
            Self::Dot => "dot",
            Self::Euclidean => "euclidean",
        })
    }
}

/// The cosine between two vectors of these products, from -1 to 1; 0 if one has no direction.
fn cosine(dot: f32, norm2: f32, other_norm2: f32) -> f32 {
    // Roots before the product, which would leave `f32` for norms that are far from one.
    let norms = norm2.sqrt() * other_norm2.sqrt();
    if norms == 0.0 {
        return 0.0;
    }
    (dot / norms).clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: [Metric; 3] = [Metric::Cosine, Metric::Dot, Metric::Euclidean];

    fn distance(metric: Metric, query: &[f32], vector: &[f32]) -> f32 {
        let bytes: Vec<u8> = vector.iter().flat_map(|x| x.to_le_bytes()).collect();
        let norm2 = query.iter().map(|x| x * x).sum();
        metric.distance(Element::F32, query, norm2, &bytes).unwrap()
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these results are exact")]
    fn distances_are_those_of_their_definitions() {
        let (a, b) = ([3.0, 0.0, 4.0], [3.0, 0.0, 0.0]);
        assert!((distance(Metric::Cosine, &a, &b) - 0.4).abs() < 1e-6);
        assert_eq!(distance(Metric::Dot, &a, &b), -9.0);
        assert_eq!(distance(Metric::Euclidean, &a, &b), 4.0);
    }

    #[test]
    #[expect(clippy::float_cmp, reason = "these results are exact")]
    fn a_zero_vector_has_a_distance_by_each_metric() {
        let (zero, b) = ([0.0; 2], [3.0, 4.0]);
        for (x, y) in [(zero, b), (b, zero), (zero, zero)] {
            assert_eq!(distance(Metric::Cosine, &x, &y), 1.0);
            assert_eq!(distance(Metric::Dot, &x, &y), 0.0);
        }
        assert_eq!(distance(Metric::Euclidean, &zero, &b), 5.0);
    }

    #[test]
    fn a_cosine_never_leaves_its_range() {
        let vector = [0.1_f32, 0.7, 0.3, 1.1e10, 3.0e-11];
        let distance = distance(Metric::Cosine, &vector, &vector);
        assert!((0.0..1e-6).contains(&distance), "{distance}");
    }

    #[test]
    fn what_is_no_number_makes_no_number() {
        for metric in METRICS {
            assert!(distance(metric, &[1.0, f32::NAN], &[1.0, 1.0]).is_nan());
        }
    }

    #[test]
    fn vectors_of_other_lengths_have_no_distance() {
        for metric in METRICS {
            assert_eq!(metric.distance(Element::F16, &[1.0; 4], 4.0, &[0; 7]), None);
        }
    }
}
