//! The rows, vectors and questions that every index is given: a folder of real data.

use super::{kernel, nearest::Nearest};
use crate::Result;
use half::f16;
use serde::{Deserialize, Serialize};
use std::{fs, path::Path};

/// Numbers in each vector.
pub(crate) const DIMENSIONS: usize = 384;

/// A row without its vector.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Row {
    /// Its number, which is its place too.
    pub(crate) id: u32,
    pub(crate) name: String,
    /// What partitions are made by.
    pub(crate) tenant: String,
    /// Year and month as in 202611.
    pub(crate) date: u32,
    pub(crate) tags: Vec<String>,
    pub(crate) text: String,
}

/// A row and its vector, which has unit length.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) row: &'a Row,
    pub(crate) vector: &'a [f32],
}

/// All rows and questions.
#[derive(Debug)]
pub(crate) struct Catalogue {
    rows: Vec<Row>,
    vectors: Vec<f32>,
    queries: Vec<f32>,
}

impl Catalogue {
    /// The first ones in the files of a folder, or all.
    pub(crate) fn read(folder: &Path, limit: Option<usize>) -> Result<Self> {
        let rows = rows(folder, limit)?;
        let mut vectors = unit_vectors(&fs::read(folder.join("packages.f16"))?);
        vectors.truncate(rows.len() * DIMENSIONS);
        let queries = unit_vectors(&fs::read(folder.join("queries.f16"))?);
        Self::new(rows, vectors, queries)
    }

    /// Those that are given, if the rows are numbered and each has a vector.
    pub(crate) fn new(rows: Vec<Row>, vectors: Vec<f32>, queries: Vec<f32>) -> Result<Self> {
        let is_numbered = (0..).zip(&rows).all(|(id, row)| row.id == id);
        let is_whole = queries.len().is_multiple_of(DIMENSIONS) && !queries.is_empty();
        if !is_numbered || !is_whole || vectors.len() != rows.len() * DIMENSIONS {
            return Err("the data are not rows from 0 on with a vector each, and queries".into());
        }
        Ok(Self { rows, vectors, queries })
    }

    /// All rows, in the order of their numbers.
    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The vector of a row.
    pub(crate) fn vector(&self, id: u32) -> Option<&[f32]> {
        let start = usize::try_from(id).ok()?.checked_mul(DIMENSIONS)?;
        self.vectors.get(start..start + DIMENSIONS)
    }

    /// All rows with their vectors, in the order of their numbers.
    pub(crate) fn items(&self) -> Vec<Item<'_>> {
        let vectors = self.vectors.chunks_exact(DIMENSIONS);
        self.rows.iter().zip(vectors).map(|(row, vector)| Item { row, vector }).collect()
    }

    /// The vectors to search for, of unit length.
    pub(crate) fn queries(&self) -> impl ExactSizeIterator<Item = &[f32]> + Clone {
        self.queries.chunks_exact(DIMENSIONS)
    }

    /// The exact answers to all questions, of the rows that are wanted.
    pub(crate) fn nearest(&self, limit: usize, is_wanted: impl Fn(&Row) -> bool) -> Vec<Nearest> {
        let ids: Vec<u32> =
            self.rows.iter().filter(|row| is_wanted(row)).map(|row| row.id).collect();
        let vectors: Vec<f32> =
            ids.iter().filter_map(|id| self.vector(*id)).flatten().copied().collect();
        let answer = |query| {
            let mut nearest = Nearest::new(limit);
            kernel::dots(query, &vectors, |index, dot| nearest.offer(dot, || ids[index]));
            nearest
        };
        self.queries().map(answer).collect()
    }
}

/// The first rows in the file of a folder, or all.
pub(crate) fn rows(folder: &Path, limit: Option<usize>) -> Result<Vec<Row>> {
    let text = fs::read_to_string(folder.join("packages.jsonl"))?;
    text.lines()
        .take(limit.unwrap_or(usize::MAX))
        .map(|line| Ok(serde_json::from_str(line)?))
        .collect()
}

/// Vectors of half floats as they are in a file, stretched to unit length.
fn unit_vectors(bytes: &[u8]) -> Vec<f32> {
    let halves = bytes.as_chunks::<2>().0.iter().map(|bytes| f16::from_le_bytes(*bytes));
    let mut numbers: Vec<f32> = halves.map(f32::from).collect();
    for vector in numbers.chunks_exact_mut(DIMENSIONS) {
        let length = vector.iter().map(|number| number * number).sum::<f32>().sqrt();
        if length > 0.0 {
            for number in vector {
                *number /= length;
            }
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::samples;

    #[test]
    fn the_nearest_rows_are_found_among_those_that_are_wanted() {
        let catalogue = samples::catalogue(200);
        let all = catalogue.nearest(10, |_| true);
        let odd = catalogue.nearest(10, |row| row.id % 2 == 1);
        for (query, (all, odd)) in catalogue.queries().zip(all.iter().zip(&odd)) {
            let mut expected: Vec<(f32, u32)> = catalogue
                .items()
                .iter()
                .map(|item| (kernel::dot(query, item.vector), item.row.id))
                .collect();
            expected.sort_by(|one, other| other.0.total_cmp(&one.0));
            assert_eq!(all.found(), &expected[..10]);
            expected.retain(|(_, id)| id % 2 == 1);
            assert_eq!(odd.found(), &expected[..10]);
        }
    }

    #[test]
    fn half_floats_become_vectors_of_unit_length() {
        let halves =
            (0..2 * DIMENSIONS).map(|place| f16::from_f32(if place % 2 == 0 { 3.0 } else { 0.0 }));
        let bytes: Vec<u8> = halves.flat_map(f16::to_le_bytes).collect();
        let vectors = unit_vectors(&bytes);
        assert_eq!(vectors.len(), 2 * DIMENSIONS);
        assert!((kernel::dot(&vectors[..DIMENSIONS], &vectors[DIMENSIONS..]) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn rows_that_lack_a_vector_are_refused() {
        let rows = samples::catalogue(3).rows().to_vec();
        let queries = vec![1.0; DIMENSIONS];
        assert!(Catalogue::new(rows, vec![0.0; 2 * DIMENSIONS], queries).is_err());
    }
}
