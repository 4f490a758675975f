//! Values that are found without being read.

use super::{StoreView, Value, draft::Draft, own::Own};
use crate::{
    error::Result,
    id::Address,
    node::{LastFile, Located},
};

/// A value that is at hand, or where it stands: how long it is is known without reading it, and so
/// is its checksum.
#[derive(Debug)]
pub(crate) enum Found<'t> {
    Here(Value<'t>),
    /// In a segment of the snapshot.
    Stored(Address),
    /// In a segment that the transaction writes.
    Placed(Address),
}

impl Found<'_> {
    /// In bytes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Here(value) => value.len(),
            Self::Stored(address) | Self::Placed(address) => address.len as usize,
        }
    }

    /// CRC-32C of the bytes.
    pub(crate) fn checksum(&self) -> u32 {
        match self {
            Self::Here(value) => crc32c::crc32c(value),
            Self::Stored(address) | Self::Placed(address) => address.checksum,
        }
    }
}

impl<'t> StoreView<'t> {
    /// What is under a key, which counts as read if it is `noted`.
    pub(crate) fn locate(&self, key: &[u8], noted: bool) -> Result<Option<Found<'t>>> {
        let own = |draft: &mut Draft| {
            draft.check_usable(self.id())?;
            let own = draft.written(self.id(), key).map(|write| write.value.map(Own::of));
            if own.is_none() && noted {
                draft.read_point(self.id(), key);
            }
            Ok(own)
        };
        let found = match self.view().drafted(own).transpose()?.flatten() {
            Some(None) => None,
            Some(Some(Own::Bytes(value))) => Some(Found::Here(value)),
            Some(Some(Own::Placed(address))) => Some(Found::Placed(address)),
            None => match self.tree().locate(self.view().source(), key)? {
                None => None,
                Some(Located::Here(value)) => Some(Found::Here(Value::snapshot(value))),
                Some(Located::There(address)) => Some(Found::Stored(address)),
            },
        };
        Ok(found)
    }

    /// Fills `buf`, which is as long as the value is, with a value that was found. From a file it is
    /// read by position, and kept nowhere.
    pub(crate) fn read_found(
        &self,
        found: &Found<'_>,
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        match found {
            Found::Here(value) => buf.copy_from_slice(value),
            Found::Stored(address) => {
                self.view().source().read_value(*address, buf, last)?;
            }
            Found::Placed(address) => {
                self.view().read_placed((self.id(), *address), buf, last)?;
            }
        }
        Ok(())
    }

    /// Another number whenever the transaction has written something: what was found before may not
    /// be there any more.
    pub(crate) fn revision(&self) -> u64 {
        self.view().drafted(|draft| draft.revision).unwrap_or(0)
    }

    /// Whether the transaction has written or removed a key.
    pub(crate) fn has_written(&self, key: &[u8]) -> bool {
        self.view().drafted(|draft| draft.written(self.id(), key).is_some()) == Some(true)
    }

    /// Bytes of keys and values that the transaction has written so far.
    pub(crate) fn written_bytes(&self) -> u64 {
        self.view().drafted(|draft| draft.bytes).unwrap_or(0)
    }

    /// The store's name, for messages.
    pub(crate) fn name(&self) -> String {
        self.view().name_of(self.id())
    }
}
