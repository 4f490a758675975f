//! Work that takes long, beside whatever executor there is.

use std::{panic::resume_unwind, thread};

use tokio::sync::oneshot;

use crate::error::{Error, Result};

/// Does what takes long on a thread of its own, whatever the executor.
pub(super) async fn apart<T: Send + 'static>(
    work: impl FnOnce() -> sop_core::Result<T> + Send + 'static,
) -> Result<T> {
    let (done, awaited) = oneshot::channel();
    let started = thread::Builder::new().name("sop-files".to_owned());
    let started = started.spawn(move || drop(done.send(work()))).map_err(|error| {
        Error::Invalid(format!("no thread can be had for work with files: {error}").into())
    })?;
    match (awaited.await, started) {
        (Ok(outcome), _) => Ok(outcome?),
        // It has panicked, as a report of progress may.
        (Err(_), thread) => match thread.join() {
            Err(panic) => resume_unwind(panic),
            Ok(()) => unreachable!("invariant: a thread that comes to its end has sent"),
        },
    }
}
