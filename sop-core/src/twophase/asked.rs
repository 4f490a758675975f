//! Asking somebody else's code, which may panic, and may never answer.

use std::{
    collections::BTreeMap,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use super::ParticipantError;
use crate::{sync::Mutex, timer::Timer};

/// How often in a row somebody may be silent before the next question waits for another round.
const SILENCES_MAX: u32 = 3;

/// How long others have for an answer.
#[derive(Debug)]
pub(super) struct Patience {
    limit: Duration,
    timer: Timer,
}

/// Many questions, to any number of others. Who is silent again and again is not asked any more: so many
/// questions must not take so many times as long.
#[derive(Debug)]
pub(super) struct Round<'p> {
    patience: &'p Patience,
    /// By name, how often in a row.
    silences: Mutex<BTreeMap<String, u32>>,
}

impl Default for Patience {
    fn default() -> Self {
        Self::new(Duration::from_secs(30))
    }
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, timer: Timer::default() }
    }

    /// The answer, or that there was none in time, or a panic.
    pub(super) async fn ask<T>(
        &self,
        question: impl Future<Output = Result<T, ParticipantError>>,
    ) -> Result<T, ParticipantError> {
        self.answer(question).await.unwrap_or_else(|| Err(self.silence()))
    }

    pub(super) fn round(&self) -> Round<'_> {
        Round { patience: self, silences: Mutex::default() }
    }

    fn silence(&self) -> ParticipantError {
        ParticipantError::unknown(format!("it did not answer within {:?}", self.limit))
    }

    /// The answer, if there is one in time.
    async fn answer<T>(
        &self,
        question: impl Future<Output = Result<T, ParticipantError>>,
    ) -> Option<Result<T, ParticipantError>> {
        let (mut question, mut end) = (pin!(question), pin!(self.timer.sleep(self.limit)));
        poll_fn(|context| {
            match catch_unwind(AssertUnwindSafe(|| question.as_mut().poll(context))) {
                Ok(Poll::Ready(answer)) => return Poll::Ready(Some(answer)),
                Ok(Poll::Pending) => {}
                Err(_) => {
                    return Poll::Ready(Some(Err(ParticipantError::unknown("it panicked"))));
                }
            }
            end.as_mut().poll(context).map(|()| None)
        })
        .await
    }
}

impl Round<'_> {
    /// As [`Patience::ask`], unless this one was silent too often.
    pub(super) async fn ask<T>(
        &self,
        name: &str,
        question: impl Future<Output = Result<T, ParticipantError>>,
    ) -> Result<T, ParticipantError> {
        let before = self.silences.lock().get(name).copied().unwrap_or_default();
        if before >= SILENCES_MAX {
            let why = format!("{}, {before} times in a row", self.patience.silence());
            return Err(ParticipantError::unknown(why));
        }
        let answer = self.patience.answer(question).await;
        let silences = if answer.is_none() { before + 1 } else { 0 };
        self.silences.lock().insert(name.to_owned(), silences);
        answer.unwrap_or_else(|| Err(self.patience.silence()))
    }
}
