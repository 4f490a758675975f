//! What was freed while a schedule is explored, kept until the schedule ends.
//!
//! Its memory is given to nobody else meanwhile, so that whoever still follows a pointer to it is
//! found out for certain, in that schedule.

use std::{any::Any, collections::BTreeMap, sync::Mutex};

type Graves = Mutex<BTreeMap<usize, Box<dyn Any + Send>>>;

shuttle::lazy_static! {
    static ref GRAVES: Graves = Graves::default();
}

/// Keeps what was freed.
pub(crate) fn bury<T: Send + 'static>(freed: Box<T>) {
    let place = std::ptr::from_ref(&*freed).addr();
    let mut graves = GRAVES.lock().expect("invariant: nothing in here panics");
    graves.insert(place, freed);
}

/// Whether what the pointer leads to was freed.
pub(crate) fn holds<T>(pointer: *const T) -> bool {
    GRAVES.lock().expect("invariant: nothing in here panics").contains_key(&pointer.addr())
}
