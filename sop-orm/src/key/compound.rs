//! Values made of values: options, lists, arrays, and tuples of columns.

use super::{Key, KeyArg, KeyPart, KeyReader, KeyWriter, Order};
use crate::error::CodecError;

impl<T: KeyPart> KeyPart for Option<T> {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        if let Some(value) = self {
            out.push(&[1]);
            value.write_part(out)
        } else {
            out.note_none();
            out.push(&[0]);
            Ok(())
        }
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        match input.byte()? {
            0 => Ok(None),
            1 => T::read_part(input).map(Some),
            tag => Err(CodecError::UnknownTag { tag: tag.into() }),
        }
    }
}

impl<T: KeyPart> KeyPart for Vec<T> {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        T::write_list(self, out)
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        T::read_list(input)
    }
}

impl<T: KeyPart, const N: usize> KeyPart for [T; N] {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.iter().try_for_each(|item| item.write_part(out))
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        crate::field::array(|| T::read_part(input))
    }
}

macro_rules! tuple {
    ($($column:ident $arg:ident $position:tt),+) => {
        impl<$($column: KeyPart),+> Key for ($($column,)+) {
            fn write(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
                $(out.arg::<$column>(Order::Ascending, &self.$position)?;)+
                Ok(())
            }

            fn read(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
                Ok(($($column::read_part(input)?,)+))
            }
        }

        impl<$($column: KeyPart, $arg: KeyArg<$column>),+> KeyArg<($($column,)+)>
            for ($($arg,)+)
        {
            fn write_to(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
                $(out.arg::<$column>(Order::Ascending, &self.$position)?;)+
                Ok(())
            }
        }
    };
}

tuple!(A A2 0, B B2 1);
tuple!(A A2 0, B B2 1, C C2 2);
tuple!(A A2 0, B B2 1, C C2 2, D D2 3);
tuple!(A A2 0, B B2 1, C C2 2, D D2 3, E E2 4);
tuple!(A A2 0, B B2 1, C C2 2, D D2 3, E E2 4, F F2 5);
