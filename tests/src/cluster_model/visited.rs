//! The states that a search has met: a set of numbers that keeps the order in which they came.
//!
//! Numbers lie one behind the other in a vector; a table of places in it, searched linearly from
//! the place that the number's hash names, says whether a number is there. So a state takes 16
//! bytes for itself, 4 for where it came from, and 8 to 16 for the table. Nothing is left to
//! chance: equal hashes are told apart by the numbers.

/// A set of numbers, each with the place of the one that it came from.
#[derive(Debug)]
pub(super) struct Visited {
    states: Vec<u128>,
    parents: Vec<u32>,
    /// Places in `states`, or `FREE`. The length is a power of two.
    table: Vec<u32>,
}

const FREE: u32 = u32::MAX;
const TABLE_MIN: usize = 1 << 10;

impl Visited {
    /// A set of one, which is its own parent.
    pub(super) fn from(first: u128) -> Self {
        let mut visited =
            Self { states: Vec::new(), parents: Vec::new(), table: vec![FREE; TABLE_MIN] };
        visited.insert(first, 0);
        visited
    }

    pub(super) fn len(&self) -> usize {
        self.states.len()
    }

    pub(super) fn state(&self, place: u32) -> u128 {
        self.states[place as usize]
    }

    /// Adds a number that was reached from the one at `parent`; whether it is new.
    pub(super) fn insert(&mut self, state: u128, parent: u32) -> bool {
        if self.states.len() * 2 >= self.table.len() {
            self.grow();
        }
        let slot = self.slot(state);
        if self.table[slot] != FREE {
            return false;
        }
        self.table[slot] = u32::try_from(self.states.len()).expect("fewer than 2^32 states");
        self.states.push(state);
        self.parents.push(parent);
        true
    }

    /// The places from the first number to this one, each the parent of the next.
    pub(super) fn path(&self, to: u32) -> Vec<u32> {
        let mut path = vec![to];
        let mut place = to;
        while place != 0 {
            place = self.parents[place as usize];
            path.push(place);
        }
        path.reverse();
        path
    }

    /// Where the table has the number, or would have it.
    fn slot(&self, state: u128) -> usize {
        let mask = self.table.len() - 1;
        let mut slot = hash(state) & mask;
        while self.table[slot] != FREE && self.state(self.table[slot]) != state {
            slot = (slot + 1) & mask;
        }
        slot
    }

    fn grow(&mut self) {
        self.table = vec![FREE; self.table.len() * 2];
        for (place, state) in (0..).zip(&self.states) {
            let slot = self.slot(*state);
            self.table[slot] = place;
        }
    }
}

/// Mixes both halves so that the low bits of the result depend on all bits.
#[expect(clippy::cast_possible_truncation, reason = "the halves are taken apart, and mixed")]
fn hash(state: u128) -> usize {
    const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
    let (high, low) = ((state >> 64) as u64, state as u64);
    let mixed = (high ^ low.wrapping_mul(ODD).rotate_left(32)).wrapping_mul(ODD);
    (mixed ^ mixed >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_met_once_and_knows_its_path() {
        let mut visited = Visited::from(7);
        for number in 8..5_000 {
            let parent = u32::try_from((number - 7) / 2).unwrap();
            assert!(visited.insert(number << 60, parent));
        }
        for number in 8..5_000 {
            assert!(!visited.insert(number << 60, 0));
        }
        assert_eq!(visited.len(), 4_993);
        assert_eq!(visited.path(9), [0, 1, 2, 4, 9]);
        assert_eq!(visited.state(9), 16 << 60);
    }
}
