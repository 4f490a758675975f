//! What the model knows of the stored types: how they are changed, merged, and told apart.
//!
//! The rules of merging are written here a second time, from their definitions.

use fastrand::Rng;
use sop_orm::Vector;

use super::{
    model::{Changes, Committed, Own, Table, UniqueValue},
    near,
    operation::Question,
    plan::Plan,
    program::{Counter, D, Page},
};

/// A stored type.
pub(super) trait Kind: Clone + PartialEq + std::fmt::Debug {
    /// One thing that an edit does.
    type Change: Clone + std::fmt::Debug;

    /// Its place among the stored types.
    const STORE: usize;
    /// Whether deleting wins over changes.
    const DELETE_WINS: bool;

    /// Any record.
    fn any(plan: &Plan, random: &mut Rng) -> Self;

    /// Any change.
    fn any_change(plan: &Plan, random: &mut Rng) -> Self::Change;

    /// The committed records of this type.
    fn table(state: &Committed) -> &Table<Self>;

    /// What a session made of them.
    fn changes(own: &Own) -> &Changes<Self>;

    fn changes_mut(own: &mut Own) -> &mut Changes<Self>;

    fn number(&self) -> u32;

    fn change(&mut self, change: &Self::Change);

    /// Exchanges values that no two may have.
    fn swap(one: &mut Self, other: &mut Self);

    /// What becomes of a record that was changed on two sides; none if it cannot be merged.
    fn merged(base: &Self, ours: &Self, theirs: &Self) -> Option<Self>;

    /// Its values in unique indexes, by the names of these.
    fn unique(&self) -> Vec<UniqueValue>;

    /// The question for the record with a number.
    fn question(number: u32) -> Question;
}

#[derive(Clone, Debug)]
pub(super) enum PageChange {
    Code(u32),
    Slug(u8, u8),
    Live(bool),
    State(u8),
    Tag(u8, bool),
    Hits(i64),
    Peak(u32),
    Note(u32),
    Forget,
    Title(u32),
    Place(Option<[i8; D]>),
}

impl Kind for Page {
    type Change = PageChange;

    const STORE: usize = 0;
    const DELETE_WINS: bool = false;

    fn any(plan: &Plan, random: &mut Rng) -> Self {
        Self {
            number: plan.any_number(random),
            code: random.u32(..plan.codes),
            tenant: random.u8(..3),
            slug: random.u8(..8),
            live: random.bool(),
            state: random.u8(..4),
            tags: (0..random.usize(..4)).map(|_| random.u8(..plan.tags)).collect(),
            hits: random.i64(-20..60),
            peak: random.u32(..100),
            journal: (0..random.usize(..3)).map(|_| random.u32(..1_000)).collect(),
            title: random.u32(..100),
            place: near::any_place(random).map(Vector::new),
        }
    }

    fn any_change(plan: &Plan, random: &mut Rng) -> PageChange {
        match random.u8(..23) {
            0 => PageChange::Code(random.u32(..plan.codes)),
            1 => PageChange::Slug(random.u8(..3), random.u8(..8)),
            2 => PageChange::Live(random.bool()),
            3 | 4 => PageChange::State(random.u8(..4)),
            5..9 => PageChange::Tag(random.u8(..plan.tags), random.u8(..3) > 0),
            9..14 => PageChange::Hits(random.i64(-9..20)),
            14 | 15 => PageChange::Peak(random.u32(..100)),
            16 | 17 => PageChange::Note(random.u32(..1_000)),
            18..21 => PageChange::Place(near::any_place(random)),
            21 if random.bool() => PageChange::Forget,
            _ => PageChange::Title(random.u32(..100)),
        }
    }

    fn table(state: &Committed) -> &Table<Self> {
        &state.pages
    }

    fn changes(own: &Own) -> &Changes<Self> {
        &own.pages
    }

    fn changes_mut(own: &mut Own) -> &mut Changes<Self> {
        &mut own.pages
    }

    fn number(&self) -> u32 {
        self.number
    }

    fn change(&mut self, change: &PageChange) {
        match change {
            PageChange::Code(code) => self.code = *code,
            PageChange::Slug(tenant, slug) => (self.tenant, self.slug) = (*tenant, *slug),
            PageChange::Live(live) => self.live = *live,
            PageChange::State(state) => self.state = *state,
            PageChange::Tag(tag, true) => _ = self.tags.insert(*tag),
            PageChange::Tag(tag, false) => _ = self.tags.remove(tag),
            PageChange::Hits(more) => self.hits += more,
            PageChange::Peak(peak) => self.peak = *peak,
            PageChange::Note(note) => self.journal.push(*note),
            PageChange::Forget => self.journal.clear(),
            PageChange::Title(title) => self.title = *title,
            PageChange::Place(place) => self.place = place.map(Vector::new),
        }
    }

    fn swap(one: &mut Self, other: &mut Self) {
        std::mem::swap(&mut one.code, &mut other.code);
    }

    fn merged(base: &Self, ours: &Self, theirs: &Self) -> Option<Self> {
        let appended = |base: &Vec<u32>, ours: &Vec<u32>, theirs: &Vec<u32>| {
            Some([theirs, ours.strip_prefix(base.as_slice())?].concat())
        };
        let stays = |tag: u8| {
            let [base, ours, theirs] = [base, ours, theirs].map(|side| side.tags.contains(&tag));
            if base { ours && theirs } else { ours || theirs }
        };
        macro_rules! three {
            ($field:ident, $policy:expr) => {
                three(&base.$field, &ours.$field, &theirs.$field, $policy)?
            };
        }
        Some(Self {
            number: base.number,
            code: three!(code, either),
            tenant: three!(tenant, either),
            slug: three!(slug, either),
            live: three!(live, either),
            state: three!(state, either),
            tags: (0..u8::MAX).filter(|tag| stays(*tag)).collect(),
            hits: theirs.hits + (ours.hits - base.hits),
            peak: three!(peak, |_, ours, theirs| Some(*ours.max(theirs))),
            journal: three!(journal, appended),
            place: three!(place, either),
            title: three!(title, |_, ours, theirs| { (ours % 5 > 0).then_some(*ours.max(theirs)) }),
        })
    }

    fn unique(&self) -> Vec<UniqueValue> {
        let slug = ("by_slug", u32::from(self.tenant) << 8 | u32::from(self.slug));
        let slug = self.live.then_some(slug);
        [("by_code", self.code)].into_iter().chain(slug).collect()
    }

    fn question(number: u32) -> Question {
        Question::Page(number)
    }
}

#[derive(Clone, Debug)]
pub(super) enum CounterChange {
    Count(i64),
    Label(u16),
}

impl Kind for Counter {
    type Change = CounterChange;

    const STORE: usize = 1;
    const DELETE_WINS: bool = true;

    fn any(plan: &Plan, random: &mut Rng) -> Self {
        let number = plan.any_number(random).max(1);
        Self { number, count: random.i64(0..20), label: plan.any_label(random) }
    }

    fn any_change(plan: &Plan, random: &mut Rng) -> CounterChange {
        match random.u8(..4) {
            0 => CounterChange::Label(plan.any_label(random)),
            _ => CounterChange::Count(random.i64(-5..10)),
        }
    }

    fn table(state: &Committed) -> &Table<Self> {
        &state.counters
    }

    fn changes(own: &Own) -> &Changes<Self> {
        &own.counters
    }

    fn changes_mut(own: &mut Own) -> &mut Changes<Self> {
        &mut own.counters
    }

    fn number(&self) -> u32 {
        self.number
    }

    fn change(&mut self, change: &CounterChange) {
        match change {
            CounterChange::Count(more) => self.count += more,
            CounterChange::Label(label) => self.label = *label,
        }
    }

    fn swap(one: &mut Self, other: &mut Self) {
        std::mem::swap(&mut one.label, &mut other.label);
    }

    fn merged(base: &Self, ours: &Self, theirs: &Self) -> Option<Self> {
        let count = theirs.count + (ours.count - base.count);
        (theirs.label == base.label).then_some(Self { count, ..ours.clone() })
    }

    fn unique(&self) -> Vec<UniqueValue> {
        vec![("by_label", u32::from(self.label))]
    }

    fn question(number: u32) -> Question {
        Question::Counter(number)
    }
}

/// What one side changed is that side's; what both did goes by a policy.
fn three<T: PartialEq + Clone>(
    base: &T,
    ours: &T,
    theirs: &T,
    policy: impl FnOnce(&T, &T, &T) -> Option<T>,
) -> Option<T> {
    if theirs == base {
        Some(ours.clone())
    } else if ours == base {
        Some(theirs.clone())
    } else {
        policy(base, ours, theirs)
    }
}

/// Both sides must have made the same of it.
fn either<T: PartialEq + Clone>(_base: &T, ours: &T, theirs: &T) -> Option<T> {
    (ours == theirs).then(|| ours.clone())
}
