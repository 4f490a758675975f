//! Whose step is next: one order after the other.
//!
//! An order is a path of choices. After each run the last choice that has an alternative left takes
//! it, and what came behind is chosen anew, so that all orders are met without knowing beforehand
//! how many steps there are.

use fastrand::Rng;

use crate::error::{Error, Result};

/// Which orders of steps to try.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{Orders, race};
///
/// let scenario = async |race: &mut sop_orm::testing::Race| {
///     let db = shop().await?;
///     let mut sessions = race.on(&db);
///     for _ in 0..2 {
///         sessions.run(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
///     }
///     sessions.finish().await;
///     Ok(())
/// };
/// assert_eq!(race(Orders::Random { count: 4, seed: 1 }, scenario).await?, 4);
/// assert_eq!(race(Orders::Only(vec![0, 1, 0, 1]), scenario).await?, 1);
/// assert!(race(Orders::All { most: 5 }, scenario).await.is_err(), "there are 6");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Orders {
    /// Each order once. If there are more than `most`, the race fails with
    /// [`Error::Invalid`], so that nobody takes some for all. Two sessions of
    /// two steps have 6 orders, three have 90, two of four steps have 70.
    All {
        /// The most orders to try.
        most: usize,
    },
    /// Orders at random, perhaps one of them twice. An equal seed gives equal orders.
    Random {
        /// How many.
        count: usize,
        /// Where chance begins.
        seed: u64,
    },
    /// This order alone, as a race that failed has printed it: the number of the session whose step
    /// it is, 0 for the first. If the session has no step left, and at the end, the first that has
    /// one goes on.
    Only(Vec<usize>),
}

/// All orders, up to 10,000.
impl Default for Orders {
    fn default() -> Self {
        Self::All { most: 10_000 }
    }
}

/// The present order, and how to get from one to the next.
#[derive(Debug)]
pub(super) struct Schedule {
    orders: Orders,
    random: Rng,
    /// What is chosen from the beginning on, for [`Orders::All`].
    path: Vec<Choice>,
    /// Who was chosen so far.
    order: Vec<usize>,
    tried: usize,
}

#[derive(Clone, Copy, Debug)]
struct Choice {
    taken: usize,
    of: usize,
}

impl Schedule {
    pub(super) fn new(orders: Orders) -> Self {
        let seed = if let Orders::Random { seed, .. } = orders { seed } else { 0 };
        let random = Rng::with_seed(seed);
        Self { orders, random, path: Vec::new(), order: Vec::new(), tried: 0 }
    }

    /// The sessions whose steps were taken so far, in order.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    /// How many orders were gone through.
    pub(super) fn tried(&self) -> usize {
        self.tried
    }

    /// One of the sessions that have a step left; `None` if there are none.
    pub(super) fn choose(&mut self, ready: &[usize]) -> Option<usize> {
        let at = self.order.len();
        let place = match &self.orders {
            Orders::All { .. } => {
                let of = ready.len();
                if self.path.len() == at {
                    self.path.push(Choice { taken: 0, of });
                }
                self.path.get(at).map_or(0, |choice| choice.taken)
            }
            Orders::Random { .. } if !ready.is_empty() => self.random.usize(..ready.len()),
            Orders::Random { .. } => 0,
            Orders::Only(order) => {
                let wanted = order.get(at);
                ready.iter().position(|one| Some(one) == wanted).unwrap_or(0)
            }
        };
        let chosen = ready.get(place).or(ready.last()).copied()?;
        self.order.push(chosen);
        Some(chosen)
    }

    /// Ends an order. Whether there is another one to try.
    pub(super) fn next(&mut self) -> Result<bool> {
        self.order.clear();
        self.tried += 1;
        match self.orders {
            Orders::Only(_) => Ok(false),
            Orders::Random { count, .. } => Ok(self.tried < count),
            Orders::All { most } => {
                let more = turn(&mut self.path);
                if more && self.tried >= most {
                    let message = format!("there are more than {most} orders: take Orders::Random");
                    return Err(Error::Invalid(message.into()));
                }
                Ok(more)
            }
        }
    }
}

/// Turns to the next path, if there is one.
fn turn(path: &mut Vec<Choice>) -> bool {
    while let Some(last) = path.last_mut() {
        last.taken += 1;
        if last.taken < last.of {
            return true;
        }
        path.pop();
    }
    false
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Goes through the orders of sessions with so many steps each.
    fn go_through(orders: Orders, steps: &[usize]) -> Result<Vec<Vec<usize>>> {
        let mut schedule = Schedule::new(orders);
        let mut all = Vec::new();
        loop {
            let mut left = steps.to_vec();
            loop {
                let ready: Vec<usize> = (0..left.len()).filter(|at| left[*at] > 0).collect();
                if ready.is_empty() {
                    break;
                }
                left[schedule.choose(&ready).unwrap()] -= 1;
            }
            all.push(schedule.order().to_vec());
            if !schedule.next()? {
                return Ok(all);
            }
        }
    }

    #[test]
    fn all_orders_are_met_once() {
        for (steps, count) in [(vec![2, 2], 6), (vec![2, 2, 2], 90), (vec![4, 4], 70)] {
            let all = go_through(Orders::default(), &steps).unwrap();
            let different: BTreeSet<_> = all.iter().collect();
            assert_eq!((all.len(), different.len()), (count, count), "{steps:?}");
        }
    }

    #[test]
    fn orders_beyond_the_bound_are_refused() {
        assert!(go_through(Orders::All { most: 6 }, &[2, 2]).is_ok());
        assert!(matches!(go_through(Orders::All { most: 5 }, &[2, 2]), Err(Error::Invalid(_))));
    }

    #[test]
    fn an_equal_seed_gives_equal_orders() {
        let random = |seed| go_through(Orders::Random { count: 9, seed }, &[3, 3, 3]).unwrap();
        assert_eq!(random(7), random(7));
        assert_ne!(random(7), random(8));
        assert_eq!(random(7).len(), 9);
    }

    #[test]
    fn a_given_order_is_kept_and_completed() {
        let order = |order: &[usize]| go_through(Orders::Only(order.to_vec()), &[2, 2]).unwrap();
        assert_eq!(order(&[1, 0, 0, 1]), [[1, 0, 0, 1]]);
        assert_eq!(order(&[1, 1, 1]), [[1, 1, 0, 0]]);
    }
}
