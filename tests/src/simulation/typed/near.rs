//! Searches by nearness, and what they find by their definition: all distances measured and sorted.

use fastrand::Rng;

use super::{
    plan::Plan,
    program::{D, Page},
};

/// More than there are pages.
const ALL: usize = 1_000;

/// The tenants of pages, each of which has a partition.
const TENANTS: u8 = 3;

/// A search among the pages of a tenant.
#[derive(Clone, Debug)]
pub(super) struct Near {
    pub(super) tenant: u8,
    pub(super) at: [i8; D],
    pub(super) k: usize,
    /// How far pages may be at most.
    pub(super) within: Option<u8>,
    /// A tag that pages must have.
    pub(super) tag: Option<u8>,
    /// Whether all are measured. If not, estimates choose who is; they leave out nobody where more
    /// are wanted than there are.
    pub(super) is_exact: bool,
}

/// Where a page is, if anywhere. There are so few places that many are equally far.
pub(super) fn any_place(random: &mut Rng) -> Option<[i8; D]> {
    (random.u8(..5) > 0).then(|| any_point(random))
}

fn any_point(random: &mut Rng) -> [i8; D] {
    std::array::from_fn(|_| random.i8(-2..=2))
}

impl Near {
    pub(super) fn draw(plan: &Plan, random: &mut Rng) -> Self {
        let k = if random.bool() { ALL } else { random.usize(..6) };
        let within = (random.u8(..4) == 0).then(|| random.u8(..5));
        Self {
            tenant: random.u8(..TENANTS),
            at: any_point(random),
            k,
            within,
            tag: (random.u8(..3) == 0).then(|| random.u8(..plan.tags)),
            is_exact: k < ALL || within.is_some() || random.bool(),
        }
    }

    /// A search for all pages in each partition.
    pub(super) fn everywhere() -> impl Iterator<Item = Self> {
        (0..TENANTS).map(|tenant| {
            let (within, tag) = (None, None);
            Self { tenant, at: [1; D], k: ALL, within, tag, is_exact: true }
        })
    }

    /// The search in the same partition that finds all pages there.
    pub(super) fn of_all(&self) -> Self {
        Self { k: ALL, within: None, tag: None, is_exact: true, ..*self }
    }

    /// Whether pages that it does not find decide which others it does.
    pub(super) fn is_limited(&self) -> bool {
        self.k < ALL
    }

    /// How far a page is, squared: then it is a whole number.
    fn distance(&self, page: &Page) -> Option<u32> {
        let place = page.place.as_ref()?;
        let differences = self.at.iter().zip(place.iter()).map(|(one, other)| one.abs_diff(*other));
        Some(differences.map(|difference| u32::from(difference).pow(2)).sum())
    }

    /// The pages that it finds, the nearest first, and equally far ones by number.
    pub(super) fn answer<'a>(&self, pages: impl Iterator<Item = &'a Page>) -> Vec<Page> {
        let is_within = |far: u32| self.within.is_none_or(|within| far <= u32::from(within).pow(2));
        let has_tag = |page: &Page| self.tag.is_none_or(|tag| page.tags.contains(&tag));
        let found = pages.filter(|page| page.tenant == self.tenant && has_tag(page));
        let found = found.filter_map(|page| Some((self.distance(page)?, page)));
        let mut found: Vec<_> = found.filter(|(far, _)| is_within(*far)).collect();
        found.sort_by_key(|(far, page)| (*far, page.number));
        found.into_iter().take(self.k).map(|(_, page)| page.clone()).collect()
    }
}
