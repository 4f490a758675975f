//! What is searched: everything, a partition, a range of dates, or both; chosen from the data.

use super::catalogue::Row;
use crate::Result;
use serde::Serialize;
use std::{collections::BTreeMap, ops::Range};

/// Sizes of the partitions that are looked for.
const PARTITIONS: [(&str, usize); 3] =
    [("partition_100", 100), ("partition_1000", 1_000), ("partition_10000", 10_000)];
/// Parts of all rows, in percent, that dates are to leave.
const FILTERS: [(&str, usize); 3] = [("filter_1", 1), ("filter_10", 10), ("filter_50", 50)];
/// Part of the largest partition, in percent, that dates are to leave in it.
const OF_PARTITION: usize = 13;

/// The name of the scope of all rows.
pub(crate) const WHOLE: &str = "whole";

/// The rows of one workload.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Scope {
    /// The workload.
    pub(crate) name: String,
    /// The only partition, if not all.
    pub(crate) tenant: Option<String>,
    /// The first date, and the first one behind, if not all.
    pub(crate) dates: Option<Range<u32>>,
    /// How many rows that are.
    pub(crate) rows: usize,
}

impl Scope {
    /// Everything.
    pub(crate) fn whole(rows: usize) -> Self {
        Self { name: WHOLE.to_owned(), tenant: None, dates: None, rows }
    }

    /// Whether a row is one of these.
    pub(crate) fn holds(&self, row: &Row) -> bool {
        self.tenant.as_ref().is_none_or(|tenant| *tenant == row.tenant)
            && self.dates.as_ref().is_none_or(|dates| dates.contains(&row.date))
    }

    /// What it is, for people.
    pub(crate) fn describe(&self) -> String {
        let tenant = self.tenant.as_ref().map(|tenant| format!(" of `{tenant}`"));
        let dates =
            self.dates.as_ref().map(|dates| format!(" from {} to {}", dates.start, dates.end - 1));
        let [tenant, dates] = [tenant, dates].map(Option::unwrap_or_default);
        format!("`{}` {} rows{tenant}{dates}", self.name, self.rows)
    }
}

/// The scopes of all searches: first those of single partitions.
pub(crate) fn all(rows: &[Row]) -> Result<Vec<Scope>> {
    let mut scopes = Vec::new();
    for (name, size) in PARTITIONS {
        let (tenant, rows) = partition(rows, size).ok_or("there are no rows")?;
        let (name, tenant) = (name.to_owned(), Some(tenant.to_owned()));
        scopes.push(Scope { name, tenant, dates: None, rows });
    }
    let (largest, count) = partition(rows, usize::MAX).ok_or("there are no rows")?;
    let dates = dates(rows.iter().filter(|row| row.tenant == largest), count * OF_PARTITION / 100);
    let (dates, found) = dates.ok_or("there are no dates")?;
    let (name, tenant) = ("partition_filter".to_owned(), Some(largest.to_owned()));
    scopes.push(Scope { name, tenant, dates: Some(dates), rows: found });
    for (name, percent) in FILTERS {
        let (dates, rows) =
            self::dates(rows.iter(), rows.len() * percent / 100).ok_or("there are no dates")?;
        scopes.push(Scope { name: name.to_owned(), tenant: None, dates: Some(dates), rows });
    }
    scopes.push(Scope::whole(rows.len()));
    Ok(scopes)
}

/// The partition nearest in size to a number, and its size; of several the first by name.
fn partition(rows: &[Row], size: usize) -> Option<(&str, usize)> {
    let mut sizes = BTreeMap::new();
    for row in rows {
        *sizes.entry(row.tenant.as_str()).or_insert(0) += 1;
    }
    sizes.into_iter().min_by_key(|(_, count): &(_, usize)| count.abs_diff(size))
}

/// The range of dates with nearest to so many rows, and how many it has; of several the latest.
fn dates<'a>(rows: impl Iterator<Item = &'a Row>, size: usize) -> Option<(Range<u32>, usize)> {
    let mut counts = BTreeMap::new();
    for row in rows {
        *counts.entry(row.date).or_insert(0) += 1;
    }
    let counts: Vec<(u32, usize)> = counts.into_iter().collect();
    let ranges_from = |from: usize| {
        counts[from..].iter().scan(0, move |sum, (date, count)| {
            *sum += count;
            Some((*date, *sum))
        })
    };
    let ranges = (0..counts.len()).rev().flat_map(|from| {
        let start = counts[from].0;
        ranges_from(from).map(move |(last, count)| (start..last + 1, count))
    });
    ranges.min_by_key(|(_, count)| count.abs_diff(size))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::samples;

    #[test]
    fn the_partition_nearest_in_size_is_chosen() {
        let rows = samples::catalogue(200).rows().to_vec();
        let mut sizes = BTreeMap::new();
        for row in &rows {
            *sizes.entry(row.tenant.clone()).or_insert(0_usize) += 1;
        }
        let largest = sizes.values().max().copied();
        assert_eq!(partition(&rows, 1 << 20).map(|(_, size)| size), largest);
        let (tenant, size) = partition(&rows, 21).unwrap();
        assert_eq!(sizes[tenant], size);
        assert!(sizes.values().all(|other| other.abs_diff(21) >= size.abs_diff(21)));
        assert_eq!(partition(&[], 1), None);
    }

    #[test]
    fn dates_leave_as_near_to_the_part_as_there_is() {
        let dates_of = |counts: &[(u32, usize)], size| {
            let row = |date| Row { date, ..samples::row(0) };
            let rows = counts.iter().flat_map(|(date, count)| vec![row(*date); *count]);
            dates(rows.collect::<Vec<_>>().iter(), size)
        };
        let counts = [(202_411, 5), (202_412, 7), (202_501, 3), (202_502, 2)];
        assert_eq!(dates_of(&counts, 10), Some((202_412..202_502, 10)));
        assert_eq!(dates_of(&counts, 5), Some((202_501..202_503, 5)), "the latest of several");
        assert_eq!(dates_of(&counts, 99), Some((202_411..202_503, 17)));
        assert_eq!(dates_of(&[], 1), None);
    }

    #[test]
    fn every_workload_has_the_rows_that_it_tells() {
        let catalogue = samples::catalogue(500);
        let scopes = all(catalogue.rows()).unwrap();
        let names: Vec<&str> = scopes.iter().map(|scope| scope.name.as_str()).collect();
        let expected = "partition_100 partition_1000 partition_10000 partition_filter filter_1 \
                        filter_10 filter_50 whole";
        assert!(names.into_iter().eq(expected.split(' ')));
        for scope in &scopes {
            let count = catalogue.rows().iter().filter(|row| scope.holds(row)).count();
            assert_eq!(count, scope.rows, "{}", scope.describe());
        }
        assert!(scopes[5].rows.abs_diff(50) < 10, "{}", scopes[5].describe());
    }
}
