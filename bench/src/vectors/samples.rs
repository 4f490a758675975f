//! Small data for tests: random vectors in partitions of uneven sizes.

use super::catalogue::{Catalogue, DIMENSIONS, Row};

const QUERIES: usize = 20;

/// The row of a number.
pub(crate) fn row(id: u32) -> Row {
    Row {
        id,
        name: format!("package-{id}"),
        tenant: format!("family-{}", (id % 100).checked_ilog2().unwrap_or(0)),
        date: 202_001 + id % 12,
        tags: vec!["some".to_owned(), "tags".to_owned()],
        text: format!("The package of number {id}"),
    }
}

/// So many rows, and some questions.
pub(crate) fn catalogue(count: u32) -> Catalogue {
    let mut random = fastrand::Rng::with_seed(11);
    let mut vectors = |count: usize| -> Vec<f32> {
        let mut numbers: Vec<f32> = (0..count * DIMENSIONS).map(|_| random.f32() - 0.5).collect();
        for vector in numbers.chunks_exact_mut(DIMENSIONS) {
            let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
            for number in vector {
                *number /= length;
            }
        }
        numbers
    };
    let rows: Vec<Row> = (0..count).map(row).collect();
    let (vectors, queries) = (vectors(rows.len()), vectors(QUERIES));
    Catalogue::new(rows, vectors, queries).expect("invariant: rows are numbered")
}
