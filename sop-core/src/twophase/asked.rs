//! Asking somebody else's code, which may panic, and may never answer.

use std::{
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    task::Poll,
    time::Duration,
};

use super::ParticipantError;
use crate::timer::Timer;

/// The answer, or that there was none in time, or a panic.
pub(super) async fn within<T>(
    timer: &Timer,
    patience: Duration,
    question: impl Future<Output = Result<T, ParticipantError>>,
) -> Result<T, ParticipantError> {
    let (mut question, mut end) = (pin!(question), pin!(timer.sleep(patience)));
    poll_fn(|context| {
        match catch_unwind(AssertUnwindSafe(|| question.as_mut().poll(context))) {
            Ok(Poll::Ready(answer)) => return Poll::Ready(answer),
            Ok(Poll::Pending) => {}
            Err(_) => return Poll::Ready(Err(ParticipantError::unknown("it panicked"))),
        }
        end.as_mut().poll(context).map(|()| {
            Err(ParticipantError::unknown(format_args!("it did not answer within {patience:?}")))
        })
    })
    .await
}
