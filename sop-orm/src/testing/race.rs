//! Sessions that overtake each other, in orders that can be repeated.
//!
//! Sessions do not wait for each other, so what they do to each other is decided by the order of
//! their beginnings, their accesses and their commits. Here one task goes from step to step of all
//! sessions, and a [`Schedule`] says whose turn it is.

use std::{
    fmt,
    future::poll_fn,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    thread,
};

use sop_core::TransactionOptions;

use super::schedule::{Orders, Schedule};
use crate::{
    db::Db,
    error::Result,
    session::{CommitReport, Session},
};

/// Attempts after which a unit of work gives up: each was beaten by a commit, of which there are
/// only so many.
const ATTEMPTS_MAX: u32 = 1_000;

/// Runs a scenario once in each of the [`Orders`], and says in how many that was. A scenario makes
/// a database, lets sessions race on it, and looks at what came of it.
///
/// ```
/// use sop_orm::{prelude::*, testing::{Orders, fixture, race}};
///
/// # #[derive(SopStore)]
/// # struct Counter { #[sop(key)] name: String, value: i64 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let orders = race(Orders::default(), async |race| {
///     let db = Db::builder().store::<Counter>().ephemeral().await?;
///     fixture!(db, { Counter: [Counter { name: "hits".into(), value: 0 }] })?;
///
///     let mut sessions = race.on(&db);
///     for _ in 0..2 {
///         sessions.run(async |s, _| {
///             s.of::<Counter>().edit("hits").await?.value += 1;
///             Ok(())
///         });
///     }
///     let outcomes = sessions.finish().await;
///
///     assert!(outcomes.iter().all(|outcome| outcome.result.is_ok()));
///     assert_eq!(db.session().of::<Counter>().require("hits").await?.value, 2);
///     Ok(())
/// })
/// .await?;
/// assert_eq!(orders, 6); // as many as two bodies and two commits can take
/// # Ok(())
/// # }
/// ```
///
/// If the scenario panics or fails, that goes on to the caller, and the order is printed, for
/// [`Orders::Only`]. Fails with [`Error::Invalid`](crate::Error::Invalid) if there are more orders
/// than [`Orders::All`] allows.
///
/// All of it happens in the task that awaits it. A scenario should do the same in equal orders:
/// if it draws random numbers, some orders may be met twice and others not at all.
pub async fn race(
    orders: Orders,
    scenario: impl AsyncFn(&mut Race) -> Result<()>,
) -> Result<usize> {
    let mut race = Race { schedule: Schedule::new(orders), passed: false };
    loop {
        race.passed = false;
        scenario(&mut race).await?;
        race.passed = true;
        if !race.schedule.next()? {
            return Ok(race.schedule.tried());
        }
    }
}

/// One run of a scenario. See [`race`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{Orders, Race, race};
///
/// /// Two people delete the same order.
/// async fn twice(race: &mut Race) -> Result<()> {
///     let db = shop().await?;
///     let mut sessions = race.on(&db);
///     for _ in 0..2 {
///         sessions.run(async |s, _| s.of::<Order>().delete(1).await.map(drop));
///     }
///     assert!(sessions.finish().await.iter().all(|outcome| outcome.result.is_ok()));
///     Ok(())
/// }
/// race(Orders::default(), twice).await?;
/// # Ok(())
/// # });
/// ```
#[derive(Debug)]
pub struct Race {
    schedule: Schedule,
    passed: bool,
}

impl Race {
    /// Begins to gather the sessions that race.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::testing::{Orders, race};
    ///
    /// race(Orders::default(), async |race| {
    ///     let db = shop().await?;
    ///     let mut sessions = race.on(&db);
    ///     sessions.session(async |s, _| s.of::<Order>().delete(1).await.map(drop));
    ///     assert_eq!(sessions.finish().await.len(), 1);
    ///     Ok(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn on<'r>(&'r mut self, db: &'r Db) -> Sessions<'r> {
        Sessions { schedule: &mut self.schedule, db, racers: Vec::new() }
    }
}

impl Drop for Race {
    #[expect(clippy::print_stderr, reason = "who runs the test wants to run it again")]
    fn drop(&mut self) {
        if !self.passed || thread::panicking() {
            eprintln!("the race failed with Orders::Only(vec!{:?})", self.schedule.order());
        }
    }
}

/// Sessions that are about to race. See [`race`].
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{Orders, race};
///
/// race(Orders::default(), async |race| {
///     let db = shop().await?;
///     let mut sessions = race.on(&db);
///     sessions.session(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
///     sessions.run(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
///     let outcomes = sessions.finish().await;
///     assert!(outcomes[1].result.is_ok(), "it is done again if it is beaten");
///     Ok(())
/// })
/// .await?;
/// # Ok(())
/// # });
/// ```
#[must_use = "sessions do nothing until `finish`"]
pub struct Sessions<'r> {
    schedule: &'r mut Schedule,
    db: &'r Db,
    racers: Vec<Racer<'r>>,
}

/// How a session or a unit of work ended.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{Orders, race};
///
/// race(Orders::default(), async |race| {
///     let db = shop().await?;
///     let mut sessions = race.on(&db);
///     for _ in 0..2 {
///         sessions.run(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
///     }
///     let outcomes = sessions.finish().await;
///     let attempts: u32 = outcomes.iter().map(|outcome| outcome.attempts).sum();
///     assert!((2..=3).contains(&attempts), "at most one of them was beaten");
///     Ok(())
/// })
/// .await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Outcome {
    /// How often it was tried.
    pub attempts: u32,
    /// What the last commit did, or what failed.
    pub result: Result<CommitReport>,
}

/// What marks the steps of a session. It has two in any case: all up to its commit, and that. Each
/// [`next`](Self::next) divides the first of them.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::testing::{Orders, race};
///
/// race(Orders::default(), async |race| {
///     let db = shop().await?;
///     let mut sessions = race.on(&db);
///     sessions.session(async |s, step| {
///         let order = s.of::<Order>().require(1).await?;
///         step.next().await; // here the others may change what was read
///         Ok(s.of::<Order>().edit(2).await?.total = order.total)
///     });
///     sessions.session(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
///     sessions.finish().await;
///     Ok(())
/// })
/// .await?;
/// # Ok(())
/// # });
/// ```
#[derive(Clone, Debug, Default)]
pub struct Step {
    reached: Arc<AtomicBool>,
}

impl Step {
    /// Ends a step: the others may go on now.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::testing::{Orders, race};
    ///
    /// race(Orders::default(), async |race| {
    ///     let db = shop().await?;
    ///     let mut sessions = race.on(&db);
    ///     sessions.session(async |s, step| {
    ///         s.of::<Order>().require(1).await?;
    ///         step.next().await;
    ///         s.of::<Order>().delete(2).await.map(drop)
    ///     });
    ///     assert!(sessions.finish().await[0].result.is_ok());
    ///     Ok(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn next(&self) {
        let mut waited = false;
        poll_fn(|_| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            self.reached.store(true, Ordering::Relaxed);
            Poll::Pending
        })
        .await;
    }
}

struct Racer<'r> {
    work: Pin<Box<dyn Future<Output = Outcome> + 'r>>,
    step: Step,
    outcome: Option<Outcome>,
}

impl<'r> Sessions<'r> {
    /// Adds a session that is committed once, whatever comes of it.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::testing::{Orders, race};
    ///
    /// race(Orders::default(), async |race| {
    ///     let db = shop().await?;
    ///     let mut sessions = race.on(&db);
    ///     for _ in 0..2 {
    ///         sessions.session(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
    ///     }
    ///     let outcomes = sessions.finish().await;
    ///     assert!(outcomes.iter().any(|outcome| outcome.result.is_ok()), "one of them wins");
    ///     Ok(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn session(&mut self, body: impl AsyncFnOnce(&Session, &Step) -> Result<()> + 'r) {
        let db = self.db;
        self.add(async move |step: Step| {
            let session = begin(db, 1);
            let done = body(&session, &step).await;
            Outcome { attempts: 1, result: commit(&session, &step, done).await }
        });
    }

    /// Adds a unit of work that is done again when it was beaten, as [`Db::run`] does it, but
    /// without pauses.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::testing::{Orders, race};
    ///
    /// race(Orders::default(), async |race| {
    ///     let db = shop().await?;
    ///     let mut sessions = race.on(&db);
    ///     for _ in 0..2 {
    ///         sessions.run(async |s, _| Ok(s.of::<Order>().edit(1).await?.total += 1));
    ///     }
    ///     sessions.finish().await;
    ///     assert_eq!(db.session().of::<Order>().require(1).await?.total, 12);
    ///     Ok(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub fn run(&mut self, mut body: impl AsyncFnMut(&Session, &Step) -> Result<()> + 'r) {
        let db = self.db;
        self.add(async move |step: Step| {
            for attempts in 1.. {
                let session = begin(db, attempts);
                let done = body(&session, &step).await;
                let result = commit(&session, &step, done).await;
                let again = result.as_ref().is_err_and(crate::Error::is_retryable);
                if !again || attempts == ATTEMPTS_MAX {
                    return Outcome { attempts, result };
                }
                drop(session);
                step.next().await;
            }
            unreachable!("attempts are bounded")
        });
    }

    fn add(&mut self, work: impl AsyncFnOnce(Step) -> Outcome + 'r) {
        let step = Step::default();
        let work = Box::pin(work(step.clone()));
        self.racers.push(Racer { work, step, outcome: None });
    }

    /// Lets all of them go through their steps, in the present order, and says how they ended, in
    /// the order in which they were added.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// use sop_orm::testing::{Orders, race};
    ///
    /// race(Orders::default(), async |race| {
    ///     let db = shop().await?;
    ///     let mut sessions = race.on(&db);
    ///     sessions.session(async |s, _| s.of::<Order>().delete(1).await.map(drop));
    ///     sessions.session(async |s, _| s.of::<Order>().require(99).await.map(drop));
    ///     let outcomes = sessions.finish().await;
    ///     assert!(outcomes[0].result.is_ok() && outcomes[1].result.is_err());
    ///     Ok(())
    /// })
    /// .await?;
    /// # Ok(())
    /// # });
    /// ```
    pub async fn finish(mut self) -> Vec<Outcome> {
        let mut current = None;
        poll_fn(|context| self.advance(&mut current, context)).await;
        self.racers.into_iter().filter_map(|racer| racer.outcome).collect()
    }

    /// Goes from step to step until all have ended, or the present one waits for something else,
    /// such as the disk: nobody may overtake it then.
    fn advance(&mut self, current: &mut Option<usize>, context: &mut Context<'_>) -> Poll<()> {
        loop {
            let Some(at) = current.take().or_else(|| self.choose()) else { return Poll::Ready(()) };
            let Some(racer) = self.racers.get_mut(at) else { return Poll::Ready(()) };
            racer.step.reached.store(false, Ordering::Relaxed);
            match racer.work.as_mut().poll(context) {
                Poll::Ready(outcome) => racer.outcome = Some(outcome),
                Poll::Pending if racer.step.reached.load(Ordering::Relaxed) => {}
                Poll::Pending => {
                    *current = Some(at);
                    return Poll::Pending;
                }
            }
        }
    }

    fn choose(&mut self) -> Option<usize> {
        let racers = self.racers.iter().enumerate();
        let ready = racers.filter(|(_, racer)| racer.outcome.is_none()).map(|(at, _)| at);
        self.schedule.choose(&ready.collect::<Vec<_>>())
    }
}

fn begin(db: &Db, attempt: u32) -> Session {
    Session::begin(db, TransactionOptions::default(), attempt)
}

/// The last step.
async fn commit(session: &Session, step: &Step, done: Result<()>) -> Result<CommitReport> {
    done?;
    step.next().await;
    session.commit().await
}

impl fmt::Debug for Sessions<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").field("count", &self.racers.len()).finish_non_exhaustive()
    }
}
