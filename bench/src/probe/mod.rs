//! What the system tells of this process, and what makes it slow on purpose.

pub(crate) mod cold;
pub(crate) mod memory;
pub(crate) mod sync;
pub(crate) mod written;
