//! A state as one number of 128 bits, and back.
//!
//! What was visited is kept for the whole of a search, so its size decides how far a search can
//! go. A state says once in which order its fields stand and how many bits each has, in
//! [`Packed::fields`]; packing and unpacking are that one walk in two directions.

/// A state that fits into 128 bits.
pub trait Packed: Copy + Default {
    /// Shows every field to the packer, always in the same order and with the same widths.
    fn fields(&mut self, packer: &mut Packer);

    /// The state as a number: equal for equal states, different for different ones.
    fn pack(mut self) -> u128 {
        let mut packer = Packer { word: 0, used: 0, unpacks: false };
        self.fields(&mut packer);
        packer.word
    }

    /// The state that a number stands for.
    fn unpack(word: u128) -> Self {
        let mut state = Self::default();
        state.fields(&mut Packer { word, used: 0, unpacks: true });
        state
    }
}

/// One of a few values.
pub trait Choice: Copy + PartialEq + 'static {
    /// All of them; at most 256.
    const ALL: &'static [Self];
}

/// Walks over the fields of a state.
#[derive(Debug)]
pub struct Packer {
    word: u128,
    used: u32,
    unpacks: bool,
}

impl Packer {
    /// A number below 2^`width`.
    ///
    /// # Panics
    /// If it is not, or if there is no more room.
    pub fn number(&mut self, value: &mut u8, width: u32) {
        assert!(self.used + width <= u128::BITS, "a state has at most 128 bits");
        let mask = (1_u16 << width) - 1;
        if self.unpacks {
            let bits = self.word >> self.used & u128::from(mask);
            *value = u8::try_from(bits).expect("invariant: a field has at most 8 bits");
        } else {
            assert!(u16::from(*value) <= mask, "{value} does not fit into {width} bits");
            self.word |= u128::from(*value) << self.used;
        }
        self.used += width;
    }

    /// Several numbers, each below 2^`width`.
    pub fn numbers(&mut self, values: &mut [u8], width: u32) {
        for value in values {
            self.number(value, width);
        }
    }

    /// Yes or no.
    pub fn flag(&mut self, value: &mut bool) {
        let mut number = u8::from(*value);
        self.number(&mut number, 1);
        *value = number == 1;
    }

    /// One of a few values, in as many bits as they need.
    ///
    /// # Panics
    /// If it is not among those that its type lists.
    pub fn choice<C: Choice>(&mut self, value: &mut C) {
        let place = C::ALL.iter().position(|choice| choice == value);
        let place = place.expect("invariant: a choice lists all its values");
        let mut number = u8::try_from(place).expect("invariant: a choice has few values");
        self.number(&mut number, usize::BITS - (C::ALL.len() - 1).leading_zeros());
        *value = C::ALL[usize::from(number)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    enum Colour {
        #[default]
        Red,
        Green,
    }

    impl Choice for Colour {
        const ALL: &'static [Self] = &[Self::Red, Self::Green];
    }

    #[derive(Clone, Copy, Debug, Default, PartialEq)]
    struct Painted {
        numbers: [u8; 3],
        colour: Colour,
        dry: bool,
    }

    impl Packed for Painted {
        fn fields(&mut self, packer: &mut Packer) {
            packer.numbers(&mut self.numbers, 3);
            packer.choice(&mut self.colour);
            packer.flag(&mut self.dry);
        }
    }

    #[test]
    fn a_state_comes_back_from_its_number() {
        let state = Painted { numbers: [7, 0, 5], colour: Colour::Green, dry: true };
        assert_eq!(Painted::unpack(state.pack()), state);
        assert_ne!(Painted { dry: false, ..state }.pack(), state.pack());
    }

    #[test]
    #[should_panic(expected = "does not fit")]
    fn a_number_that_needs_more_bits_is_noticed() {
        Painted { numbers: [8, 0, 0], ..Painted::default() }.pack();
    }
}
