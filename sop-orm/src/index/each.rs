//! Fields with several values, and values inside of fields.

use crate::{
    error::CodecError,
    key::{KeyArg, KeyPart, KeyWriter, Order},
};

/// A field with several values, each of which gets an entry in an index marked `each`.
///
/// ```
/// use sop_orm::{Each, prelude::*};
///
/// /// At most two colours.
/// #[derive(SopEmbed)]
/// struct Colours {
///     main: String,
///     second: Option<String>,
/// }
///
/// impl Each for Colours {
///     type Item = String;
///
///     fn each(&self) -> impl Iterator<Item = &String> {
///         [&self.main].into_iter().chain(&self.second)
///     }
/// }
///
/// #[derive(SopStore)]
/// struct Lamp {
///     #[sop(key)]
///     number: u64,
///     #[sop(index(by_colour, each))]
///     colours: Colours,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Lamp>().ephemeral().await?;
/// # let s = db.session();
/// let colours = Colours { main: "red".to_owned(), second: Some("blue".to_owned()) };
/// s.of::<Lamp>().insert(Lamp { number: 1, colours }).await?;
/// assert_eq!(s.of::<Lamp>().by_colour().prefix("blue").count().await?, 1);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be indexed with `each`",
    label = "not a collection of columns",
    note = "`each` takes Vec, BTreeSet, HashSet and Option"
)]
pub trait Each {
    /// The type of the column.
    type Item;

    /// All values.
    fn each(&self) -> impl Iterator<Item = &Self::Item>;
}

impl<T> Each for Vec<T> {
    type Item = T;

    fn each(&self) -> impl Iterator<Item = &T> {
        self.iter()
    }
}

impl<T> Each for std::collections::BTreeSet<T> {
    type Item = T;

    fn each(&self) -> impl Iterator<Item = &T> {
        self.iter()
    }
}

impl<T, S> Each for std::collections::HashSet<T, S> {
    type Item = T;

    fn each(&self) -> impl Iterator<Item = &T> {
        self.iter()
    }
}

#[diagnostic::do_not_recommend]
impl<C: Each> Each for &C {
    type Item = C::Item;

    fn each(&self) -> impl Iterator<Item = &C::Item> {
        C::each(self)
    }
}

impl<T> Each for Option<T> {
    type Item = T;

    fn each(&self) -> impl Iterator<Item = &T> {
        self.iter()
    }
}

/// The way to a value inside of a field, as generated code goes it: `address.city`.
///
/// Where an [`Option`] is passed ([`open`](Self::open)) the way becomes one that may lead to
/// nothing, an `InsideOption`. For all else `open` is that of [`Open`], which does nothing: a
/// method of the type itself goes before one of a trait.
#[derive(Debug)]
pub struct Inside<'a, T>(&'a T);

/// The way to a value that may be missing.
#[derive(Debug)]
pub struct InsideOption<'a, T>(Option<&'a T>);

/// Going on where no option is passed.
pub trait Open: Sized {
    /// Stays where it is.
    #[must_use]
    fn open(self) -> Self {
        self
    }
}

impl<T> Open for Inside<'_, T> {}

impl<T> Open for InsideOption<'_, T> {}

impl<'a, T> Inside<'a, Option<T>> {
    /// Goes into the option.
    pub fn open(self) -> InsideOption<'a, T> {
        InsideOption(self.0.as_ref())
    }
}

impl<'a, T> InsideOption<'a, Option<T>> {
    /// Goes into the option.
    pub fn open(self) -> InsideOption<'a, T> {
        InsideOption(self.0.and_then(Option::as_ref))
    }
}

impl<'a, T> Inside<'a, T> {
    /// At a field of a record.
    pub fn new(field: &'a T) -> Self {
        Self(field)
    }

    /// Goes to a field of the value.
    pub fn get<U>(self, field: impl FnOnce(&'a T) -> &'a U) -> Inside<'a, U> {
        Inside(field(self.0))
    }

    /// Writes the value as a column of type `C`.
    pub fn write<C>(&self, order: Order, out: &mut KeyWriter) -> Result<(), CodecError>
    where
        &'a T: KeyArg<C>,
    {
        out.arg::<C>(order, &self.0)
    }

    /// The items of the value.
    pub fn each(&self) -> impl Iterator<Item = &'a T::Item>
    where
        T: Each,
    {
        self.0.each()
    }
}

impl<'a, T> InsideOption<'a, T> {
    /// Goes to a field of the value.
    pub fn get<U>(self, field: impl FnOnce(&'a T) -> &'a U) -> InsideOption<'a, U> {
        InsideOption(self.0.map(field))
    }

    /// Writes the value as a column of type `C`.
    pub fn write<C: Optional<T>>(
        &self,
        order: Order,
        out: &mut KeyWriter,
    ) -> Result<(), CodecError> {
        out.column(order, |out| C::write_optional(self.0, out))
    }

    /// The items of the value; none if it is missing.
    pub fn each(&self) -> impl Iterator<Item = &'a T::Item>
    where
        T: Each,
    {
        self.0.into_iter().flat_map(T::each)
    }
}

/// The type of a column whose value may be missing.
#[diagnostic::on_unimplemented(
    message = "the column is not an `Option<{T}>`",
    label = "expected `Option<{T}>`: a part of the path is an `Option`"
)]
pub trait Optional<T> {
    /// Appends the value, or that there is none.
    fn write_optional(value: Option<&T>, out: &mut KeyWriter) -> Result<(), CodecError>;
}

impl<T: KeyPart> Optional<T> for Option<T> {
    fn write_optional(value: Option<&T>, out: &mut KeyWriter) -> Result<(), CodecError> {
        match value {
            Some(value) => KeyArg::<Self>::write_to(&value, out),
            None => Self::None.write_part(out),
        }
    }
}
