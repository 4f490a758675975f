//! Blob fields: content of any length that belongs to a record and is not part of it.
//!
//! A field marked `blob` takes one byte in the row, and says nothing. Its content is in a store of
//! blobs beside those of the indexes, under the record's key; so it is reached without reading the
//! record, it moves with the session's transaction, and it goes when the record is deleted.
//!
//! - [`content`]: what can be done with the content of one field.
//! - [`reader`], [`writer`]: it as a stream; [`transfer`]: the whole of it from a source, into a sink.

mod content;
mod reader;
mod transfer;
mod writer;

pub use content::BlobContent;
pub use reader::BlobReader;
pub use transfer::{Download, Upload, Uploaded};
pub use writer::BlobWriter;

use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field, Signature},
};

/// What the signature of such fields is.
const SIGNATURE: &str = "blob";

/// What a row has in the place of the content.
const PLACE: u8 = 0;

/// The type of a field that is marked `#[sop(blob)]`: content of any length, which is written and
/// read as a stream and never in memory as a whole.
///
/// A value of this type holds nothing. The content of a record's field is reached by the method of
/// the field's name, which every store has: see [`BlobContent`].
///
/// ```
/// use sop_orm::{Blob, prelude::*};
///
/// #[derive(SopStore)]
/// struct Film {
///     #[sop(key)]
///     number: u32,
///     title: String,
///     #[sop(blob)]
///     media: Blob,
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<Film>().ephemeral().await?;
/// let s = db.session();
/// let films = s.of::<Film>();
/// films.insert(NewFilm { number: 1, title: "Casablanca".to_owned() }).await?;
/// films.media(1).upload(&b"Of all the gin joints"[..]).await?;
/// s.commit().await?;
///
/// let s = db.session();
/// assert_eq!(s.of::<Film>().media(1).read(7..14).await?, b"the gin");
/// # Ok(())
/// # }
/// ```
///
/// # What belongs together
///
/// Content is part of the session like everything else: others see it when the session has
/// committed, and all of it goes if it does not. Deleting the record deletes it, also by a cascade;
/// an `upsert` that replaces the record keeps it. Writing it does not change the record: not its
/// version, and a [`Watch`](crate::Watch) does not tell of it. A record that is not there has no
/// content: everything fails with [`NotFound`](crate::Error::NotFound).
///
/// Sessions that write different parts of the same content both commit if the parts are in different
/// chunks; a field's chunks have 1 MiB, or as many bytes as `blob(chunk_len = ..)` says. If they
/// write to the same chunk, or one deletes the record, the later one fails with
/// [`Conflict`](crate::Error::Conflict).
///
/// # Changing the struct
///
/// A field can be added, and `renamed_from` goes with it. If a field is taken out of the struct its
/// content stays, in case an older program has just opened the database; it still goes with its
/// record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Blob;

impl Field for Blob {
    const SIGNATURE: Signature = Signature::Leaf(SIGNATURE);
    const OPTIONAL: bool = true;

    fn encode(&self, out: &mut Encoder) {
        PLACE.encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        match u8::decode(input)? {
            PLACE => Ok(Self),
            other => Err(CodecError::UnknownTag { tag: other.into() }),
        }
    }

    fn absent() -> Option<Self> {
        Some(Self)
    }
}

/// Types that a field marked `blob` can have.
#[diagnostic::on_unimplemented(
    message = "a field marked `blob` cannot be `{Self}`",
    label = "expected `Blob`"
)]
pub trait IsBlob {}

impl IsBlob for Blob {}

/// A blob field. Built by [`SopStore`](crate::SopStore).
#[derive(Clone, Copy, Debug)]
pub struct BlobSpec {
    /// The field's name.
    pub(crate) field: &'static str,
    /// Its position among the fields in the row.
    pub(crate) position: usize,
    /// Length of the chunks of content that is new, in bytes, if the program says.
    pub(crate) chunk_len: Option<u32>,
}

impl BlobSpec {
    /// Of a field of type `T`.
    pub const fn new<T: IsBlob>(
        field: &'static str,
        position: usize,
        chunk_len: Option<u32>,
    ) -> Self {
        Self { field, position, chunk_len }
    }

    /// How its content is written.
    pub(crate) fn options(&self) -> sop_core::BlobOptions {
        let options = sop_core::BlobOptions::default();
        match self.chunk_len {
            Some(len) => options.chunk_len(len as usize),
            None => options,
        }
    }
}

/// Whether fields of a signature are blobs.
pub(crate) fn is_blob(signature: &str) -> bool {
    signature == SIGNATURE
}
