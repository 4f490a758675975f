//! Keys that know what they are a key of.

use std::{cmp, fmt, hash, marker::PhantomData, str::FromStr};

use uuid::Uuid;

use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field, Signature},
    key::{KeyPart, KeyReader, KeyWriter},
};

/// The key of a `T`: a UUID that cannot be taken for the key of anything else.
///
/// New ids are UUIDs of version 7: they begin with the time, so records created one after the
/// other lie next to each other, and they are unique without asking anybody.
///
/// ```
/// use sop_orm::Id;
///
/// struct User;
/// struct Article;
/// let id = Id::<User>::new();
/// assert_eq!(id.to_string().parse(), Ok(id));
/// // `id == Id::<Article>::new()` does not compile.
/// ```
pub struct Id<T: ?Sized> {
    uuid: Uuid,
    of: PhantomData<fn() -> T>,
}

impl<T: ?Sized> Id<T> {
    /// A new id that nobody else has.
    ///
    /// ```
    /// # use sop_orm::Id;
    /// # struct User;
    /// let (one, other) = (Id::<User>::new(), Id::<User>::new());
    /// assert!(one < other, "ids of one thread grow");
    /// ```
    #[expect(clippy::new_without_default, reason = "a default that differs each time surprises")]
    pub fn new() -> Self {
        Self::from_uuid(Uuid::now_v7())
    }

    /// The id with this UUID.
    ///
    /// ```
    /// # use sop_orm::Id;
    /// # struct User;
    /// let id = Id::<User>::from_uuid(uuid::uuid!("0190a0b0-0000-7000-8000-000000000001"));
    /// assert_eq!(id.to_string(), "0190a0b0-0000-7000-8000-000000000001");
    /// ```
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self { uuid, of: PhantomData }
    }

    /// The id as a plain UUID.
    ///
    /// ```
    /// # use sop_orm::Id;
    /// # struct User;
    /// let id = Id::<User>::new();
    /// assert_eq!(Id::<User>::from_uuid(id.uuid()), id);
    /// assert_eq!(id.uuid().get_version_num(), 7);
    /// ```
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }
}

impl<T: ?Sized> Clone for Id<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T: ?Sized> Copy for Id<T> {}

impl<T: ?Sized> PartialEq for Id<T> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}

impl<T: ?Sized> Eq for Id<T> {}

impl<T: ?Sized> PartialOrd for Id<T> {
    fn partial_cmp(&self, other: &Self) -> Option<cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl<T: ?Sized> Ord for Id<T> {
    fn cmp(&self, other: &Self) -> cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}

impl<T: ?Sized> hash::Hash for Id<T> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<T: ?Sized> fmt::Debug for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.uuid)
    }
}

impl<T: ?Sized> fmt::Display for Id<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.uuid.fmt(f)
    }
}

impl<T: ?Sized> FromStr for Id<T> {
    type Err = uuid::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(Self::from_uuid)
    }
}

impl<T: ?Sized> From<Uuid> for Id<T> {
    fn from(uuid: Uuid) -> Self {
        Self::from_uuid(uuid)
    }
}

impl<T: ?Sized> From<Id<T>> for Uuid {
    fn from(id: Id<T>) -> Self {
        id.uuid
    }
}

impl<T: ?Sized + 'static> Field for Id<T> {
    const SIGNATURE: Signature = Uuid::SIGNATURE;

    fn encode(&self, out: &mut Encoder) {
        self.uuid.encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        Uuid::decode(input).map(Self::from_uuid)
    }
}

impl<T: ?Sized + 'static> KeyPart for Id<T> {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.uuid.write_part(out)
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        Uuid::read_part(input).map(Self::from_uuid)
    }
}
