//! Many records by their keys in one sorted pass.

use std::{future::poll_fn, sync::Arc, task::Poll};

use crate::{entity::Entity, error::Result, session, store::StoreHandle};

/// Records looked up before other tasks have their turn.
const BATCH_LEN: usize = 128;

/// The records with these keys, in the order given.
pub(crate) async fn get<E: Entity>(
    handle: StoreHandle<'_, E>,
    keys: Vec<Vec<u8>>,
) -> Result<Vec<Option<Arc<E>>>> {
    let store = handle.opened()?;
    let mut records: Vec<Option<Arc<E>>> = vec![None; keys.len()];
    let mut sorted: Vec<(Vec<u8>, usize)> = keys.into_iter().zip(0..).collect();
    sorted.sort_unstable();
    let mut places = sorted.into_iter().peekable();
    while places.peek().is_some() {
        handle.session().run(|work, _| {
            let mut last: Option<(Vec<u8>, Option<Arc<E>>)> = None;
            for (key, place) in places.by_ref().take(BATCH_LEN) {
                let record = match &last {
                    Some((known, record)) if *known == key => record.clone(),
                    _ => {
                        let found = work.get(store, &key)?;
                        let shown = found.filter(|record| !handle.deleted().hides(&**record));
                        shown.and_then(session::typed)
                    }
                };
                if let Some(slot) = records.get_mut(place) {
                    slot.clone_from(&record);
                }
                last = Some((key, record));
            }
            Ok(())
        })?;
        rest().await;
    }
    Ok(records)
}

/// Lets other tasks run.
pub(crate) async fn rest() {
    let mut rested = false;
    poll_fn(|context| {
        if std::mem::replace(&mut rested, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
