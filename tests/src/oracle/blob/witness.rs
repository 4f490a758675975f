//! Doing it for the first time.

use sop_core::{Blob, BlobOptions, BlobView, Error, Result, Transaction};

use super::{BlobStep, Deed, Told};
use crate::oracle::{Readable, Step, Value, Witness};

impl<S: Readable> Witness<S> {
    /// Reads something of a blob, if there is a store. Gives what it was told.
    pub fn read_blob(&mut self, store: &str, blob: &[u8], deed: Deed) -> Result<Option<Told>> {
        if self.view(store)?.is_none() {
            return Ok(None);
        }
        let (chunk_len, told) = match self.subject().blobs(store)?.find(blob)? {
            Some(view) => (view.chunk_len(), tell(&view, &deed)?),
            None => (1, Told::Missing),
        };
        self.note_blob(store, blob, chunk_len, deed, told.clone());
        Ok(Some(told))
    }

    fn note_blob(&mut self, store: &str, blob: &[u8], chunk_len: usize, deed: Deed, told: Told) {
        let (store, blob) = (store.to_owned(), blob.to_vec());
        self.note(Step::Blob(BlobStep { store, blob, chunk_len, deed, told }));
    }
}

fn tell(view: &BlobView<'_>, deed: &Deed) -> Result<Told> {
    Ok(match deed {
        Deed::Len => Told::Number(view.len()?),
        Deed::Checksum => Told::Number(view.checksum()?.into()),
        Deed::Read { offset, len } => {
            let mut content = vec![0; *len];
            let read = view.read_at(*offset, &mut content)?;
            Told::Bytes(content[..read].into())
        }
        Deed::Metadata => Told::Bytes(view.metadata()?.into()),
        _ => unreachable!("{deed:?} is for those who write"),
    })
}

fn write(blob: &Blob<'_>, deed: &Deed) -> Result<Told> {
    let (is_so_already, done) = match deed {
        Deed::Write { offset, bytes } => (bytes.is_empty(), blob.write_at(*offset, bytes)),
        Deed::Truncate(len) => (blob.len()? == *len, blob.truncate(*len)),
        Deed::SetMetadata(bytes) => {
            (bytes.is_empty() && blob.metadata()?.is_empty(), blob.set_metadata(bytes))
        }
        _ => unreachable!("{deed:?} is for those who read"),
    };
    match answer(done)? {
        Told::Done if is_so_already => Ok(Told::Unchanged),
        told => Ok(told),
    }
}

/// What an outcome tells, unless it is an error of another kind.
fn answer(done: Result<()>) -> Result<Told> {
    match done {
        Ok(()) => Ok(Told::Done),
        Err(Error::KeyNotFound { .. }) => Ok(Told::Missing),
        Err(Error::KeyExists { .. }) => Ok(Told::Exists),
        Err(Error::BlobRange { len, .. }) => Ok(Told::Beyond(len)),
        Err(error) => Err(error),
    }
}

impl Witness<Transaction> {
    /// Changes a blob, or tries to, in a store that is created if there is none.
    pub fn write_blob(
        &mut self,
        store: &str,
        options: BlobOptions,
        blob: &[u8],
        deed: Deed,
    ) -> Result<()> {
        self.create_blobs(store, options)?;
        let blobs = self.subject().open_blobs(store, &options)?;
        let (chunk_len, told) = match &deed {
            Deed::Create => (options.chunk_len, answer(blobs.create(blob).map(drop))?),
            Deed::Delete if blobs.delete(blob)? => (options.chunk_len, Told::Done),
            Deed::Delete => (options.chunk_len, Told::Missing),
            _ => match blobs.open(blob) {
                Err(error) => (options.chunk_len, answer(Err(error))?),
                Ok(blob) => (blob.chunk_len(), write(&blob, &deed)?),
            },
        };
        self.note_blob(store, blob, chunk_len, deed, told);
        Ok(())
    }

    /// Writes behind the last byte of a blob, if there is one.
    pub fn append_blob(
        &mut self,
        store: &str,
        options: BlobOptions,
        blob: &[u8],
        bytes: Value,
    ) -> Result<()> {
        self.create_blobs(store, options)?;
        let told = self.read_blob(store, blob, Deed::Len)?;
        let Some(Told::Number(offset)) = told else { return Ok(()) };
        self.write_blob(store, options, blob, Deed::Write { offset, bytes })
    }

    /// Copies a blob, if there is the one and not the other.
    ///
    /// # Panics
    /// If it is longer than memory can be.
    pub fn copy_blob(
        &mut self,
        store: &str,
        options: BlobOptions,
        from: &[u8],
        to: &[u8],
    ) -> Result<()> {
        self.create_blobs(store, options)?;
        let told = self.read_blob(store, from, Deed::Len)?;
        let Some(Told::Number(len)) = told else { return Ok(()) };
        let len = usize::try_from(len).expect("blobs here are short");
        let content = self.read_blob(store, from, Deed::Read { offset: 0, len })?;
        let metadata = self.read_blob(store, from, Deed::Metadata)?;
        let (Some(Told::Bytes(bytes)), Some(Told::Bytes(metadata))) = (content, metadata) else {
            return Ok(());
        };
        let copied = self.subject().open_blobs(store, &options)?.copy(from, to).map(drop);
        let created = answer(copied)?;
        let is_done = created == Told::Done;
        self.note_blob(store, to, options.chunk_len, Deed::Create, created);
        let copied = [
            (metadata.is_empty(), Deed::SetMetadata(metadata)),
            (bytes.is_empty(), Deed::Write { offset: 0, bytes }),
        ];
        for (is_nothing, deed) in copied.into_iter().filter(|_| is_done) {
            let told = if is_nothing { Told::Unchanged } else { Told::Done };
            self.note_blob(store, to, options.chunk_len, deed, told);
        }
        Ok(())
    }

    fn create_blobs(&mut self, store: &str, options: BlobOptions) -> Result<()> {
        self.subject().open_blobs(store, &options)?;
        self.note(Step::Create { store: store.to_owned(), exclusive: false });
        Ok(())
    }
}
