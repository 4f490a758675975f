//! What the right answers are, and what part of them an index has found.

use super::{
    K,
    catalogue::{Catalogue, Row},
    kernel,
};
use crate::{Result, measure::as_f64};

/// Products that differ by less are equal: each index adds up in an order of its own.
const ROUNDING: f32 = 1e-5;

/// The right answers to all questions among some rows.
///
/// Rows with equal vectors are equally right. So an answer is right if its row is one of those that
/// are searched and is as near as the last of the exact answers.
#[derive(Debug)]
pub(crate) struct Truth<'a> {
    catalogue: &'a Catalogue,
    is_searched: Vec<bool>,
    /// For each question the product of the last answer, and how many there are.
    last: Vec<(f32, usize)>,
}

impl<'a> Truth<'a> {
    /// Computes them exactly.
    pub(crate) fn new(catalogue: &'a Catalogue, is_searched: impl Fn(&Row) -> bool) -> Self {
        let is_searched: Vec<bool> = catalogue.rows().iter().map(is_searched).collect();
        let nearest = catalogue.nearest(K, |row| is_searched[place(row.id)]);
        let last = nearest.iter().map(|nearest| {
            let found = nearest.found();
            (found.last().map_or(f32::INFINITY, |(product, _)| *product), found.len())
        });
        Self { catalogue, last: last.collect(), is_searched }
    }

    /// How many of the exact answers there are to a question, and how many of those were found.
    ///
    /// Fails if there is an answer twice, or one that was not asked for: that is not a matter of
    /// recall.
    pub(crate) fn judge(&self, question: usize, answers: &[u32]) -> Result<Judged> {
        let query = self.catalogue.queries().nth(question).ok_or("there is no such question")?;
        let (last, wanted) = self.last[question];
        let mut found = 0;
        for (index, id) in answers.iter().enumerate() {
            let vector = self.catalogue.vector(*id).ok_or("an answer is no row")?;
            if !self.is_searched[place(*id)] || answers[..index].contains(id) {
                return Err(format!("row {id} was not asked for, or is there twice").into());
            }
            found += usize::from(kernel::dot(query, vector) >= last - ROUNDING);
        }
        Ok(Judged { found: found.min(wanted), wanted })
    }

    /// For each question the product of the last answer, and how many there are.
    pub(crate) fn last(&self) -> &[(f32, usize)] {
        &self.last
    }
}

/// How many answers there are, and were found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Judged {
    found: usize,
    wanted: usize,
}

impl Judged {
    /// That of both questions.
    pub(crate) fn and(self, other: Self) -> Self {
        Self { found: self.found + other.found, wanted: self.wanted + other.wanted }
    }

    /// What part (0 to 1) was found.
    pub(crate) fn recall(self) -> f64 {
        let count = |count: usize| as_f64(count.try_into().unwrap_or(u64::MAX));
        if self.wanted == 0 { 1.0 } else { count(self.found) / count(self.wanted) }
    }
}

/// A row's number as its place.
fn place(id: u32) -> usize {
    usize::try_from(id).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{catalogue::DIMENSIONS, samples};

    #[test]
    fn recall_is_the_part_of_the_nearest_that_was_found() {
        let catalogue = samples::catalogue(200);
        let truth = Truth::new(&catalogue, |_| true);
        let nearest = catalogue.nearest(2 * K, |_| true);
        let right = nearest[0].ids();
        assert!((truth.judge(0, &right[..K]).unwrap().recall() - 1.0).abs() < 1e-9);
        assert!((truth.judge(0, &right[..K / 2]).unwrap().recall() - 0.5).abs() < 1e-9);
        let half = truth.judge(0, &right[K / 2..K / 2 + K]).unwrap();
        assert!((half.recall() - 0.5).abs() < 1e-9);
        let both = half.and(truth.judge(0, &right[..K]).unwrap());
        assert!((both.recall() - 0.75).abs() < 1e-9);
    }

    #[test]
    fn answers_out_of_scope_or_twice_are_errors() {
        let catalogue = samples::catalogue(200);
        let truth = Truth::new(&catalogue, |row| row.id < 100);
        assert!(truth.judge(0, &[150]).is_err());
        assert!(truth.judge(0, &[200]).is_err());
        assert!(truth.judge(0, &[50, 50]).is_err());
    }

    #[test]
    fn rows_with_equal_vectors_are_equally_right() {
        let rows = (0..20).map(samples::row).collect();
        let vectors: Vec<f32> = (0..20 * DIMENSIONS)
            .map(|place| f32::from(u8::from(place % DIMENSIONS == 0)))
            .collect();
        let queries = vectors[..DIMENSIONS].to_vec();
        let catalogue = Catalogue::new(rows, vectors, queries).unwrap();
        let truth = Truth::new(&catalogue, |_| true);
        for answers in [(0..10).collect::<Vec<_>>(), (10..20).collect()] {
            assert!((truth.judge(0, &answers).unwrap().recall() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn fewer_rows_than_answers_can_all_be_found() {
        let catalogue = samples::catalogue(50);
        let truth = Truth::new(&catalogue, |row| row.id < 3);
        assert!((truth.judge(0, &[2, 0, 1]).unwrap().recall() - 1.0).abs() < 1e-9);
        assert!((truth.judge(0, &[2]).unwrap().recall() - 1.0 / 3.0).abs() < 1e-9);
        let none = Truth::new(&catalogue, |_| false);
        assert!((none.judge(0, &[]).unwrap().recall() - 1.0).abs() < 1e-9);
    }
}
