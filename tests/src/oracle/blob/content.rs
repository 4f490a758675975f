//! Doing it again over a model.

use std::ops::RangeInclusive;

use super::{BlobStep, Deed, Told, keys::Keys};
use crate::oracle::{Key, Value, model::Overlay, report::WriteKind};

/// A format of headers, and the length of chunks behind it.
const HEADER_FORMAT: u8 = 1;

impl BlobStep {
    /// Does it again, and gives what comes of it.
    pub(in crate::oracle) fn redo(&self, overlay: &mut Overlay<'_>) -> Result<Told, String> {
        let (store, keys) = (self.store.as_str(), Keys::of(&self.blob));
        let header = overlay.find(store, &keys.header())?.cloned();
        match (header, &self.deed) {
            (None, Deed::Create) => {
                let chunk_len = u32::try_from(self.chunk_len).map_err(|_| "a long chunk")?;
                let header = [&[HEADER_FORMAT][..], &chunk_len.to_le_bytes()].concat();
                overlay.put(store, &keys.header(), header)?;
                Ok(Told::Done)
            }
            (None, _) => Ok(Told::Missing),
            (Some(_), Deed::Create) => Ok(Told::Exists),
            (Some(header), deed) => {
                let chunk_len = match *header {
                    [HEADER_FORMAT, a, b, c, d] => u32::from_le_bytes([a, b, c, d]) as usize,
                    _ => return Err(format!("{header:?} is the header")),
                };
                Opened { overlay, store, keys, chunk_len }.perform(deed)
            }
        }
    }
}

impl Overlay<'_> {
    fn put(&mut self, store: &str, key: &Key, value: Vec<u8>) -> Result<(), String> {
        self.own_store(store)?.write(key, &WriteKind::Upsert(value.into()));
        Ok(())
    }

    fn remove(&mut self, store: &str, key: &Key) -> Result<(), String> {
        if self.find(store, key)?.is_some() {
            self.own_store(store)?.write(key, &WriteKind::Remove);
        }
        Ok(())
    }
}

/// A blob that is there.
struct Opened<'o, 'm> {
    overlay: &'o mut Overlay<'m>,
    store: &'o str,
    keys: Keys,
    chunk_len: usize,
}

impl Opened<'_, '_> {
    fn perform(&mut self, deed: &Deed) -> Result<Told, String> {
        let mut content = self.content()?;
        let len = content.len() as u64;
        Ok(match deed {
            Deed::Len => Told::Number(len),
            Deed::Checksum => Told::Number(crc32c::crc32c(&content).into()),
            Deed::Read { offset, len: wanted } => {
                let rest = content.get(place(*offset)..).unwrap_or_default();
                Told::Bytes(rest[..rest.len().min(*wanted)].into())
            }
            Deed::Metadata => {
                let metadata = self.overlay.find(self.store, &self.keys.metadata())?;
                Told::Bytes(metadata.cloned().unwrap_or_else(|| Value::from([])))
            }
            Deed::SetMetadata(bytes) if bytes.is_empty() => {
                let metadata = self.keys.metadata();
                if self.overlay.find(self.store, &metadata)?.is_none() {
                    return Ok(Told::Unchanged);
                }
                self.overlay.remove(self.store, &metadata)?;
                Told::Done
            }
            Deed::SetMetadata(bytes) => {
                self.overlay.put(self.store, &self.keys.metadata(), bytes.to_vec())?;
                Told::Done
            }
            Deed::Write { offset, .. } | Deed::Truncate(offset) if *offset > len => {
                Told::Beyond(len)
            }
            Deed::Write { bytes, .. } if bytes.is_empty() => Told::Unchanged,
            Deed::Write { offset, bytes } => {
                let (from, to) = (place(*offset), place(*offset) + bytes.len());
                content.resize(content.len().max(to), 0);
                content[from..to].copy_from_slice(bytes);
                self.write_chunks(&content, from / self.chunk_len..=(to - 1) / self.chunk_len)?;
                Told::Done
            }
            Deed::Truncate(left) if *left == len => Told::Unchanged,
            Deed::Truncate(left) => {
                let last = (content.len() - 1) / self.chunk_len;
                content.truncate(place(*left));
                self.write_chunks(&content, content.len() / self.chunk_len..=last)?;
                Told::Done
            }
            Deed::Delete => {
                self.write_chunks(&[], 0..=content.len() / self.chunk_len)?;
                for key in [self.keys.metadata(), self.keys.header()] {
                    self.overlay.remove(self.store, &key)?;
                }
                Told::Done
            }
            Deed::Create => Told::Exists,
        })
    }

    /// All of it, which must be in chunks without a gap.
    fn content(&self) -> Result<Vec<u8>, String> {
        let mut content: Vec<u8> = Vec::new();
        for (key, chunk) in self.overlay.range(self.store, &self.keys.chunks())? {
            let number = content.len() / self.chunk_len;
            let is_next = *key == self.chunk_key(number);
            if !is_next || !content.len().is_multiple_of(self.chunk_len) || chunk.is_empty() {
                return Err(format!("{key:?} is not chunk {number} behind whole ones"));
            }
            content.extend(&**chunk);
        }
        Ok(content)
    }

    /// Makes these chunks what they are in the content, which may have none of them.
    fn write_chunks(&mut self, content: &[u8], which: RangeInclusive<usize>) -> Result<(), String> {
        for number in which {
            let (from, to) = (number * self.chunk_len, (number + 1) * self.chunk_len);
            let chunk = content.get(from..to.min(content.len())).unwrap_or_default();
            let key = self.chunk_key(number);
            if chunk.is_empty() {
                self.overlay.remove(self.store, &key)?;
            } else {
                self.overlay.put(self.store, &key, chunk.to_vec())?;
            }
        }
        Ok(())
    }

    fn chunk_key(&self, number: usize) -> Key {
        self.keys.chunk(u32::try_from(number).expect("simulated blobs are short"))
    }
}

/// An offset as an index.
fn place(offset: u64) -> usize {
    usize::try_from(offset).expect("simulated blobs are short")
}
