//! What a stored type has to say about a change, before it is written and after.
//!
//! The code of the type is the program's own and may panic; it is called so that only the session
//! ends by that.

use std::{
    any::Any,
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use super::{Work, flush::Change, report::Kind, scope::Scope};
use crate::{
    db::registry::{OpenStore, Registry},
    entity::Record,
    error::{Error, Invalid, Result},
    schema::SENSITIVE,
};

/// A change that was written, for what comes after it.
pub(super) struct Done<'a> {
    pub(super) store: &'a OpenStore,
    pub(super) before: Option<Arc<dyn Record>>,
    pub(super) after: Option<Arc<dyn Record>>,
}

impl Done<'_> {
    pub(super) fn kind(&self) -> Kind {
        Kind::of(self.before.as_deref(), self.after.as_deref())
    }

    /// Whether it marked the record as deleted.
    pub(super) fn is_mark(&self) -> bool {
        self.kind() == Kind::Deleted && self.after.is_some()
    }
}

/// Lets the type complete the record, gives it its version, and checks the rules. `version` is that
/// of the update, if the record counts them.
pub(super) fn before(change: &mut Change<'_>, version: Option<u64>) -> Result<()> {
    let store = change.store;
    if store.hooks.is_some() || version.is_some() {
        complete(change, version)?;
    }
    match &change.after {
        Some(after) if !after.record.is_deleted() => judge(store, &*after.record),
        _ => Ok(()),
    }
}

/// Checks the rules of a record, of one that is to be written as of one that was merged.
pub(super) fn judge(store: &OpenStore, record: &dyn Record) -> Result<()> {
    calling(store, "validate", || refused(store, record.validate()))
}

fn complete(change: &mut Change<'_>, version: Option<u64>) -> Result<()> {
    let (store, before) = (change.store, change.before.clone());
    let after = change.after.as_ref().map(|after| &*after.record);
    let kind = Kind::of(before.as_deref(), after);
    let hooks = store.hooks.filter(|_| !is_gone_already(before.as_deref(), kind));
    let old: Option<&dyn Any> = before.as_deref().map(|old| old as &dyn Any);
    if let (Some(hooks), Kind::Deleted) = (hooks, kind) {
        calling(store, "before_delete", || refused(store, hooks.before(old, None)))?;
    }
    let Some(after) = &mut change.after else { return Ok(()) };
    // Whoever holds the record must not see it change.
    if Arc::get_mut(&mut after.record).is_none() {
        after.record = store.read(&change.key, &after.row)?;
    }
    let new = Arc::get_mut(&mut after.record).expect("invariant: a record just read is not shared");
    if let Some(hooks) = hooks
        && kind != Kind::Deleted
    {
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
    let kind = done.kind();
    let Some(hooks) = done.store.hooks else { return Ok(()) };
    if is_gone_already(done.before.as_deref(), kind) {
        return Ok(());
    }
    let (name, new) = match kind {
        Kind::Inserted => ("after_insert", done.after.as_deref()),
        Kind::Updated => ("after_update", done.after.as_deref()),
        Kind::Deleted => ("after_delete", None),
    };
    let old = done.before.as_deref().map(|old| old as &dyn Any);
    let new = new.map(|new| new as &dyn Any);
    calling(done.store, name, || hooks.after(old, new, &mut Scope::new(work, registry)))
}

/// Whether the type was told of the deletion before, when the record was marked as deleted.
fn is_gone_already(before: Option<&dyn Record>, kind: Kind) -> bool {
    kind == Kind::Deleted && before.is_some_and(Record::is_deleted)
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
            // Assertions tell the values that they compare.
            _ if store.schema.is_sensitive() => SENSITIVE.to_owned(),
            Ok(text) => *text,
            Err(payload) => payload.downcast_ref::<&str>().copied().unwrap_or("").to_owned(),
        };
        Err(Error::HookPanicked { store: store.schema.store, hook, message })
    })
}
