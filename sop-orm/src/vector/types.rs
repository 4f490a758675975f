//! Vectors as fields: a fixed number of components of one kind.

use std::{fmt, ops::Deref};

use half::f16;

use super::kernel::Element;
use crate::{
    error::{CodecError, Invalid},
    field::{Decoder, Encoder, Field, Signature},
};

/// The most components that a vector can have: with more, a row could not hold it.
pub const DIMENSIONS_MAX: usize = 16_384;

/// Components that are shown of a vector.
const SHOWN_MAX: usize = 4;

/// What the components of a [`Vector`] can be: `f32`, [`f16`](struct@f16) or `i8`.
///
/// `f16` takes half the room of `f32` and loses nothing that a search would notice. `i8` takes a
/// quarter and holds whole numbers, for models that give such.
///
/// ```
/// use sop_orm::{Component, Vector};
///
/// fn bytes_of<T: Component>(_: &Vector<3, T>) -> usize {
///     3 * size_of::<T>()
/// }
/// assert_eq!(bytes_of(&Vector::<3>::from([1.0, 2.0, 3.0])), 12);
/// assert_eq!(bytes_of(&Vector::<3, i8>::from([1, 2, 3])), 3);
/// ```
pub trait Component:
    sealed::Sealed + Copy + PartialEq + fmt::Debug + Send + Sync + 'static
{
    #[doc(hidden)]
    const ELEMENT: Element;

    #[doc(hidden)]
    const SIGNATURE: Signature;

    /// The component as a number to calculate with.
    fn to_f32(self) -> f32;

    #[doc(hidden)]
    fn push(items: &[Self], out: &mut Vec<u8>);

    #[doc(hidden)]
    fn read(bytes: &[u8]) -> Vec<Self>;
}

mod sealed {
    pub trait Sealed {}

    impl Sealed for f32 {}
    impl Sealed for half::f16 {}
    impl Sealed for i8 {}
}

macro_rules! component {
    ($type:ty, $element:ident, $name:literal, $to_f32:expr) => {
        impl Component for $type {
            const ELEMENT: Element = Element::$element;
            const SIGNATURE: Signature = Signature::Leaf($name);

            fn to_f32(self) -> f32 {
                ($to_f32)(self)
            }

            fn push(items: &[Self], out: &mut Vec<u8>) {
                out.extend(items.iter().flat_map(|item| item.to_le_bytes()));
            }

            fn read(bytes: &[u8]) -> Vec<Self> {
                let (items, _) = bytes.as_chunks();
                items.iter().map(|item| Self::from_le_bytes(*item)).collect()
            }
        }
    };
}

component!(f32, F32, "f32", std::convert::identity);
component!(f16, F16, "f16", f16::to_f32);
component!(i8, I8, "i8", f32::from);

/// An embedding: `N` components of type `T`, on the heap.
///
/// As a field it takes `N` times the size of a component in the row. Marked `#[sop(vector(..))]` it
/// can be searched by nearness; see [`Near`](crate::Near).
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// use sop_orm::Vector;
///
/// #[derive(SopStore)]
/// struct Photo {
///     #[sop(key)]
///     number: u64,
///     album: String,
///     #[sop(vector(partition = album))]
///     content: Vector<3>,
/// }
/// # example(async |_, _| {
/// # let db = Db::builder().store::<Photo>().ephemeral().await?;
/// # let s = db.session();
/// let photo = |number, content| Photo { number, album: "Rome".to_owned(), content };
/// s.of::<Photo>().insert(photo(1, Vector::from([1.0, 0.0, 0.2]))).await?;
/// s.of::<Photo>().insert(photo(2, Vector::from([0.0, 1.0, 0.2]))).await?;
///
/// let hits = s.of::<Photo>().near_content("Rome", &[0.1, 0.9, 0.0]).k(1).all().await?;
/// assert_eq!(hits[0].key, 2);
/// # Ok(())
/// # });
/// ```
#[derive(Clone, PartialEq)]
pub struct Vector<const N: usize, T: Component = f32>(Box<[T; N]>);

impl<const N: usize, T: Component> Vector<N, T> {
    /// A vector of these components.
    ///
    /// ```
    /// use sop_orm::Vector;
    ///
    /// assert_eq!(Vector::new([3_i8, 4])[1], 4);
    /// ```
    pub fn new(components: [T; N]) -> Self {
        Self(Box::new(components))
    }

    /// The components as numbers to calculate with.
    ///
    /// ```
    /// use sop_orm::Vector;
    ///
    /// assert_eq!(Vector::new([3_i8, 4]).to_f32(), [3.0, 4.0]);
    /// ```
    pub fn to_f32(&self) -> Vec<f32> {
        self.0.iter().map(|component| component.to_f32()).collect()
    }
}

impl<const N: usize> Vector<N, f16> {
    /// A vector of half the precision. Components beyond 65,504 become infinite, which is refused
    /// when the record is written.
    ///
    /// ```
    /// use sop_orm::{Vector, f16};
    ///
    /// let vector = Vector::<2, f16>::rounded(&[0.5, 0.25])?;
    /// assert_eq!(vector.to_f32(), [0.5, 0.25]);
    /// # Ok::<(), sop_orm::Invalid>(())
    /// ```
    pub fn rounded(components: &[f32]) -> Result<Self, Invalid> {
        let rounded: Vec<f16> = components.iter().copied().map(f16::from_f32).collect();
        Self::try_from(rounded)
    }
}

impl<const N: usize, T: Component> From<[T; N]> for Vector<N, T> {
    fn from(components: [T; N]) -> Self {
        Self::new(components)
    }
}

impl<const N: usize, T: Component> TryFrom<Vec<T>> for Vector<N, T> {
    type Error = Invalid;

    /// Fails unless there are exactly `N` components.
    fn try_from(components: Vec<T>) -> Result<Self, Invalid> {
        let boxed = components.into_boxed_slice().try_into();
        boxed.map(Self).map_err(|wrong: Box<[T]>| wrong_length(N, wrong.len()))
    }
}

impl<const N: usize, T: Component> TryFrom<&[T]> for Vector<N, T> {
    type Error = Invalid;

    /// Fails unless there are exactly `N` components.
    fn try_from(components: &[T]) -> Result<Self, Invalid> {
        Self::try_from(components.to_vec())
    }
}

pub(super) fn wrong_length(wanted: usize, found: usize) -> Invalid {
    Invalid::from(format!("expected {wanted} components, found {found}"))
}

impl<const N: usize, T: Component> Deref for Vector<N, T> {
    type Target = [T; N];

    fn deref(&self) -> &[T; N] {
        &self.0
    }
}

impl<const N: usize, T: Component> AsRef<[T]> for Vector<N, T> {
    fn as_ref(&self) -> &[T] {
        self.0.as_slice()
    }
}

/// The first components, and how many there are.
impl<const N: usize, T: Component> fmt::Debug for Vector<N, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.0.iter().take(SHOWN_MAX).map(|component| component.to_f32().to_string());
        let shown: Vec<String> = shown.collect();
        let more = if N > SHOWN_MAX { ", .." } else { "" };
        write!(f, "Vector<{N}>[{}{more}]", shown.join(", "))
    }
}

impl<const N: usize, T: Component> Field for Vector<N, T> {
    const SIGNATURE: Signature = {
        assert!(N > 0 && N <= DIMENSIONS_MAX, "a vector has 1 to 16,384 components");
        Signature::Array(&T::SIGNATURE, N)
    };

    fn encode(&self, out: &mut Encoder) {
        let mut bytes = Vec::with_capacity(N * size_of::<T>());
        T::push(self.0.as_slice(), &mut bytes);
        out.push(&bytes);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        let components = T::read(input.take_slice(N * size_of::<T>())?);
        Self::try_from(components).map_err(|_| CodecError::UnexpectedEnd)
    }
}

/// A field that can be searched by nearness: a [`Vector`], or an [`Option`] of one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be searched by nearness",
    label = "expected `Vector<N>` or `Option<Vector<N>>`",
    note = "a field marked `vector` is a `Vector<N>`, `Vector<N, f16>` or `Vector<N, i8>`"
)]
pub trait VectorField: Field {
    /// The number of components.
    const DIMENSIONS: usize;

    /// What the components are.
    const ELEMENT: Element;

    /// The components, if there is a vector.
    fn components(&self) -> Option<Vec<f32>>;
}

impl<const N: usize, T: Component> VectorField for Vector<N, T> {
    const DIMENSIONS: usize = N;
    const ELEMENT: Element = T::ELEMENT;

    fn components(&self) -> Option<Vec<f32>> {
        Some(self.to_f32())
    }
}

impl<V: VectorField> VectorField for Option<V> {
    const DIMENSIONS: usize = V::DIMENSIONS;
    const ELEMENT: Element = V::ELEMENT;

    fn components(&self) -> Option<Vec<f32>> {
        self.as_ref().and_then(V::components)
    }
}

/// What can be searched for in a field of type `V`: a vector of as many components, an array of
/// them, or a slice or `Vec` of `f32`, whose length is checked when the search is run.
///
/// ```
/// use sop_orm::{AsQuery, Vector};
///
/// fn first<Q: AsQuery<Vector<3>> + ?Sized>(query: &Q) -> f32 {
///     query.to_query()[0]
/// }
/// let embedding: Vec<f32> = vec![1.0, 2.0, 3.0];
/// assert_eq!(first(&embedding), 1.0);
/// assert_eq!(first(&[1.0, 2.0, 3.0]), 1.0);
/// assert_eq!(first(&Vector::new([1_i8, 2, 3])), 1.0);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a vector to search for in a field of type `{V}`",
    label = "expected as many components as the field has",
    note = "give a `Vector<N>`, an array `[f32; N]`, a slice or a `Vec<f32>`"
)]
pub trait AsQuery<V> {
    /// The components.
    fn to_query(&self) -> Vec<f32>;
}

impl<const N: usize, T: Component, U: Component> AsQuery<Vector<N, T>> for Vector<N, U> {
    fn to_query(&self) -> Vec<f32> {
        self.to_f32()
    }
}

impl<const N: usize, T: Component> AsQuery<Vector<N, T>> for [f32; N] {
    fn to_query(&self) -> Vec<f32> {
        self.to_vec()
    }
}

impl<const N: usize, T: Component> AsQuery<Vector<N, T>> for [f32] {
    fn to_query(&self) -> Vec<f32> {
        self.to_vec()
    }
}

impl<const N: usize, T: Component> AsQuery<Vector<N, T>> for Vec<f32> {
    fn to_query(&self) -> Vec<f32> {
        self.clone()
    }
}

impl<Q: AsQuery<V> + ?Sized, V> AsQuery<Option<V>> for Q {
    fn to_query(&self) -> Vec<f32> {
        AsQuery::<V>::to_query(self)
    }
}

#[cfg(feature = "serde")]
impl<const N: usize, T: Component + serde::Serialize> serde::Serialize for Vector<N, T> {
    /// As a list of numbers.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter())
    }
}

#[cfg(feature = "serde")]
impl<'de, const N: usize, T: Component + serde::Deserialize<'de>> serde::Deserialize<'de>
    for Vector<N, T>
{
    /// From a list of exactly `N` numbers.
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let components = Vec::<T>::deserialize(deserializer)?;
        Self::try_from(components).map_err(serde::de::Error::custom)
    }
}
