//! Fields by name, so that some can be read without the others.

use std::{fmt, marker::PhantomData};

use crate::{entity::Entity, error::CodecError, key::KeyReader, layout::RowReader};

/// Refers to a field of `E` that has the type `T`.
///
/// [`SopStore`](crate::SopStore) makes one for each field: `article::fields::title` for the field
/// `title` of `Article`. Give one, or a tuple of several, to
/// [`Query::select`](crate::Query::select).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let emails = s.of::<User>().by_city().prefix("Oslo").select(user::fields::email);
/// assert_eq!(emails.all().await?, ["cleo@x.io"]);
/// # Ok(())
/// # });
/// ```
pub struct FieldRef<E, T> {
    name: &'static str,
    place: Place<T>,
    of: PhantomData<fn() -> E>,
}

/// Where a field stands, and how it is read there.
enum Place<T> {
    /// A column of the primary key.
    Key(fn(&mut KeyReader<'_>) -> Result<T, CodecError>),
    Row(fn(&RowReader<'_>) -> Result<T, CodecError>),
}

impl<E, T> FieldRef<E, T> {
    /// A field that is a column of the primary key.
    #[doc(hidden)]
    pub const fn key(
        name: &'static str,
        read: fn(&mut KeyReader<'_>) -> Result<T, CodecError>,
    ) -> Self {
        Self { name, place: Place::Key(read), of: PhantomData }
    }

    /// A field in the row.
    #[doc(hidden)]
    pub const fn row(
        name: &'static str,
        read: fn(&RowReader<'_>) -> Result<T, CodecError>,
    ) -> Self {
        Self { name, place: Place::Row(read), of: PhantomData }
    }

    /// The field's name.
    ///
    /// ```
    /// # use {sop_examples::shop::*, sop_orm::prelude::*};
    /// # example(async |db, s| {
    /// assert_eq!(user::fields::email.name(), "email");
    /// # Ok(())
    /// # });
    /// ```
    pub fn name(&self) -> &'static str {
        self.name
    }
}

impl<E, T> Clone for FieldRef<E, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<E, T> Copy for FieldRef<E, T> {}

impl<T> Clone for Place<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Place<T> {}

impl<E, T> fmt::Debug for FieldRef<E, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FieldRef").field(&self.name).finish()
    }
}

/// Fields of `E` that can be read together: a [`FieldRef`], or a tuple of up to eight.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// use sop_orm::Select;
///
/// /// Reads whatever is named of the users in a city.
/// async fn of_romans<S: Select<User>>(s: &Session, fields: S) -> Result<Vec<S::Values>> {
///     s.of::<User>().by_city().prefix("Rome").select(fields).all().await
/// }
/// assert_eq!(of_romans(&s, user::fields::age).await?, [40, 17]);
/// let both = (user::fields::age, user::fields::visits);
/// assert_eq!(of_romans(&s, both).await?, [(40, 0), (17, 0)]);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not name fields of `{E}`",
    label = "expected fields of `{E}`",
    note = "name a field as `article::fields::title`, several as a tuple of up to eight"
)]
pub trait Select<E>: Copy + Send + Unpin {
    /// The values: one, or a tuple.
    type Values: Send;

    /// Whether any of the fields stands in the row.
    #[doc(hidden)]
    fn reads_row(&self) -> bool;

    /// Reads the values.
    #[doc(hidden)]
    fn values(&self, key: &[u8], row: Option<&RowReader<'_>>) -> Result<Self::Values, CodecError>;
}

impl<E: Entity, T: Send + 'static> Select<E> for FieldRef<E, T> {
    type Values = T;

    fn reads_row(&self) -> bool {
        matches!(self.place, Place::Row(_))
    }

    fn values(&self, key: &[u8], row: Option<&RowReader<'_>>) -> Result<T, CodecError> {
        let read = match self.place {
            Place::Row(read) => return read(row.ok_or(CodecError::UnexpectedEnd)?),
            Place::Key(read) => read,
        };
        let mut input = KeyReader::new(key);
        for column in E::SCHEMA.key.iter().take_while(|column| column.field != self.name) {
            input.column(column.order, column.skip)?;
        }
        read(&mut input)
    }
}

macro_rules! tuple {
    ($($field:ident $position:tt),+) => {
        impl<E, $($field: Select<E>),+> Select<E> for ($($field,)+) {
            type Values = ($($field::Values,)+);

            fn reads_row(&self) -> bool {
                $(self.$position.reads_row())||+
            }

            fn values(
                &self,
                key: &[u8],
                row: Option<&RowReader<'_>>,
            ) -> Result<Self::Values, CodecError> {
                Ok(($(self.$position.values(key, row)?,)+))
            }
        }
    };
}

tuple!(A 0);
tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, F 4);
tuple!(A 0, B 1, C 2, D 3, F 4, G 5);
tuple!(A 0, B 1, C 2, D 3, F 4, G 5, H 6);
tuple!(A 0, B 1, C 2, D 3, F 4, G 5, H 6, J 7);
