//! What a stored type has to say about a change, before it is written and after.
//!
//! The code of the type is the program's own and may panic; it is called so that only the session
//! ends by that.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use super::{Work, flush::Change, scope::Scope};
use crate::{
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::{Error, Invalid, Result},
};

/// A change that was written, for what comes after it.
pub(super) struct Done<'a> {
    pub(super) store: &'a OpenStore,
    pub(super) before: Option<Arc<dyn Record>>,
    pub(super) after: Option<Arc<dyn Record>>,
}

/// Lets the type complete the record, gives it its version, and checks the rules. `version` is that
/// of the update, if the record counts them.
pub(super) fn before(change: &mut Change<'_>, version: Option<u64>) -> Result<()> {
    let store = change.store;
    if store.hooks.is_some() || version.is_some() {
        complete(change, version)?;
    }
    let Some(after) = &change.after else { return Ok(()) };
    judge(store, &*after.record)
}

/// Checks the rules of a record, of one that is to be written as of one that was merged.
pub(super) fn judge(store: &OpenStore, record: &dyn Record) -> Result<()> {
    calling(store, "validate", || refused(store, record.validate()))
}

fn complete(change: &mut Change<'_>, version: Option<u64>) -> Result<()> {
    let (store, old) = (change.store, change.before.clone());
    let old: Option<&dyn Any> = old.as_deref().map(|old| old as &dyn Any);
    let Some(after) = &mut change.after else {
        let Some(hooks) = store.hooks else { return Ok(()) };
        return calling(store, "before_delete", || refused(store, hooks.before(old, None)));
    };
    // Whoever holds the record must not see it change.
    if Arc::get_mut(&mut after.record).is_none() {
        after.record = store.read(&change.key, &after.row)?;
    }
    let new = Arc::get_mut(&mut after.record).expect("invariant: a record just read is not shared");
    if let Some(hooks) = store.hooks {
        let name = if old.is_some() { "before_update" } else { "before_insert" };
        calling(store, name, || refused(store, hooks.before(old, Some(new as &mut dyn Any))))?;
    }
    if let Some(version) = version
        && !new.set_version(version)
    {
        return Err(Error::Invalid("the versions of the record are used up".into()));
    }
    if new.key_bytes().ok().as_ref() != Some(&change.key) {
        return Err(Error::Invalid("a hook must not change the key of a record".into()));
    }
    after.row = new.row_bytes(store.layouts.current);
    Ok(())
}

/// Tells the type what was written.
pub(super) fn after(work: &mut Work, registry: &Registry, done: &Done<'_>) -> Result<()> {
    let Some(hooks) = done.store.hooks else { return Ok(()) };
    let name = match (&done.before, &done.after) {
        (None, _) => "after_insert",
        (_, Some(_)) => "after_update",
        (_, None) => "after_delete",
    };
    let old = done.before.as_deref().map(|old| old as &dyn Any);
    let new = done.after.as_deref().map(|new| new as &dyn Any);
    calling(done.store, name, || hooks.after(old, new, &mut Scope::new(work, registry)))
}

fn refused(store: &OpenStore, judged: Result<(), Invalid>) -> Result<()> {
    judged.map_err(|refusal| {
        let store = refusal.store.or(Some(store.schema.store));
        Error::Invalid(Invalid { store, ..refusal })
    })
}

/// Calls code of the program's own.
fn calling(store: &OpenStore, hook: &'static str, call: impl FnOnce() -> Result<()>) -> Result<()> {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| {
        let message = match payload.downcast::<String>() {
            Ok(text) => *text,
            Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("").to_owned(),
        };
        Err(Error::HookPanicked { store: store.schema.store, hook, message })
    })
}
