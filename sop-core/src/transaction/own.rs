//! What a transaction itself has given to a key.

use super::{StoreView, Value};
use crate::{delta::NewValue, error::Result, id::Address};

/// A value of the draft, to be looked at without its lock.
#[derive(Debug)]
pub(super) enum Own {
    Bytes(Value<'static>),
    /// In a segment that the transaction writes.
    Placed(Address),
}

impl Own {
    pub(super) fn of(value: NewValue<'_>) -> Self {
        match value {
            NewValue::Bytes(bytes) => Self::Bytes(Value::own(bytes)),
            NewValue::Placed(address) => Self::Placed(address),
        }
    }

    pub(super) fn read(self, store: &StoreView<'_>) -> Result<Value<'static>> {
        match self {
            Self::Bytes(value) => Ok(value),
            Self::Placed(address) => {
                Ok(Value::own(&store.view().find_placed(store.id(), address)?))
            }
        }
    }
}
