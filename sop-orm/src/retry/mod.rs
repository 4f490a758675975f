//! Doing a unit of work again when another session was faster.
//!
//! An optimistic loser has lost nothing but its time, so it begins again: at once the first time,
//! then after random pauses that grow, so that many losers do not meet again. The commit itself is
//! covered, because that is where most conflicts come up. What may have taken effect is never done
//! again.

mod policy;

use std::time::Duration;

pub use policy::{RetryPolicy, RunOptions};
use sop_core::guard::{self, Guard};

use crate::{
    db::Db,
    error::Result,
    session::{CommitReport, Session},
};

/// One unit of work and its attempts. Used by [`Db::run`] and by what [`tx!`](crate::tx) expands
/// to.
#[derive(Debug)]
pub struct Retry<'d> {
    db: &'d Db,
    options: RunOptions,
    attempt: u32,
    started: Duration,
}

impl<'d> Retry<'d> {
    /// Before the first attempt.
    pub fn new(db: &'d Db, options: impl Into<RunOptions>) -> Self {
        Self { db, options: options.into(), attempt: 0, started: db.timer().now() }
    }

    /// The session of the next attempt.
    pub fn session(&mut self) -> Session {
        self.attempt += 1;
        Session::begin(self.db, self.options.transaction, self.attempt)
    }

    /// Commits what an attempt did. `None` means: try again.
    pub async fn finish<T>(
        &self,
        session: Session,
        outcome: Result<T>,
    ) -> Option<Result<(T, CommitReport)>> {
        let result = match outcome {
            Ok(value) => session.commit().await.map(|report| (value, report)),
            Err(error) => Err(error),
        };
        let span = session.span();
        // The loser's snapshot must not stay pinned during the pause.
        drop(session);
        match result {
            Err(error) if error.is_retryable() && guard::stands(Guard::RetryLosers) => {
                let elapsed = self.db.timer().now().saturating_sub(self.started);
                let Some(pause) = self.options.retry.pause(self.attempt, elapsed, fastrand::f64())
                else {
                    tracing::warn!(parent: &span, attempts = self.attempt, %error, "gave up retrying");
                    return Some(Err(error));
                };
                tracing::debug!(parent: &span, attempt = self.attempt, ?pause, %error, "will try again");
                self.db.timer().sleep(pause).await;
                None
            }
            other => Some(other),
        }
    }
}

/// Runs a block as one transaction, and again if another session was faster, like
/// [`Db::run`](crate::Db::run), but without a closure: the block may borrow from its surroundings
/// and the whole can still be spawned.
///
/// `tx!(db, options, |s| {..})` takes what [`Db::run_with`](crate::Db::run_with) does.
///
/// The block is an `async` block: `?` and `return` leave it, and it ends with a
/// [`Result`](crate::Result). What it moves out of its surroundings it could not move twice, so
/// the compiler refuses that.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, _| {
/// async fn shift(db: &Db, from: u64, to: u64, amount: i64) -> Result<()> {
///     tx!(db, |s| {
///         let orders = s.of::<Order>();
///         orders.edit(from).await?.total -= amount;
///         orders.edit(to).await?.total += amount;
///         Ok(())
///     })
/// }
/// shift(&db, 1, 2, 5).await?;
/// assert_eq!(db.session().of::<Order>().require(2).await?.total, 25);
/// # Ok(())
/// # });
/// ```
#[macro_export]
macro_rules! tx {
    ($db:expr, |$session:ident| $body:block) => {
        $crate::tx!($db, $crate::RunOptions::default(), |$session| $body)
    };
    ($db:expr, $options:expr, |$session:ident| $body:block) => {{
        let mut retry = $crate::__private::Retry::new(&$db, $options);
        loop {
            let session = retry.session();
            let outcome = {
                let $session = &session;
                $crate::__private::typed(async { $body }).await
            };
            if let ::core::option::Option::Some(result) = retry.finish(session, outcome).await {
                break result.map(|(value, _)| value);
            }
        }
    }};
}

/// Tells the compiler which error an `async` block ends with.
pub async fn typed<T>(block: impl Future<Output = Result<T>>) -> Result<T> {
    block.await
}
