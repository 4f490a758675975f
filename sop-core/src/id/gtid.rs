//! Names of global transactions.

use std::{fmt, str::FromStr};

use crate::{codec::hexadecimal, error::Error};

/// Names a global transaction, and says which database decides about it. Never used for another one.
///
/// As text it has 84 bytes, all of them ASCII, which is what a participant keeps its branch under:
/// `sop:` and 80 hexadecimal digits. Where that is too long there are 40 [bytes](Self::to_bytes).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtid {
    /// The log position of the deciding database at which the transaction began. First, so that
    /// decisions lie in the order of their age.
    pub(crate) position: u64,
    pub(crate) random: [u8; 12],
    /// The identity of the database that decides.
    pub(crate) home: [u8; 16],
    /// The first bytes of its incarnation.
    pub(crate) incarnation: [u8; 4],
}

impl Gtid {
    /// How its text begins, and that of no prepared transaction that is not a branch.
    pub(crate) const PREFIX: &str = "sop:";

    /// Length in bytes.
    pub(crate) const LEN: usize = 40;

    /// As bytes, to be kept.
    pub fn to_bytes(self) -> [u8; 40] {
        let mut bytes = [0; Self::LEN];
        bytes[..8].copy_from_slice(&self.position.to_be_bytes());
        bytes[8..20].copy_from_slice(&self.random);
        bytes[20..36].copy_from_slice(&self.home);
        bytes[36..].copy_from_slice(&self.incarnation);
        bytes
    }

    /// What [`to_bytes`](Self::to_bytes) gave.
    pub fn from_bytes(bytes: [u8; 40]) -> Self {
        let position = u64::from_be_bytes(std::array::from_fn(|at| bytes[at]));
        Self {
            position,
            random: std::array::from_fn(|at| bytes[8 + at]),
            home: std::array::from_fn(|at| bytes[20 + at]),
            incarnation: std::array::from_fn(|at| bytes[36 + at]),
        }
    }
}

/// `sop:` and 80 hexadecimal digits.
impl fmt::Display for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::PREFIX)?;
        hexadecimal::show(&self.to_bytes(), f)
    }
}

/// The same.
impl fmt::Debug for Gtid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Gtid {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = text.strip_prefix(Self::PREFIX).and_then(hexadecimal::read);
        bytes.map(Self::from_bytes).ok_or_else(|| {
            Error::Invalid("a global transaction is named by sop: and 80 hexadecimal digits".into())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_survives_as_text_and_as_bytes_and_lies_in_the_order_of_positions() {
        let gtid =
            Gtid { position: 1 << 40, random: [7; 12], home: [200; 16], incarnation: [0, 1, 2, 3] };
        assert_eq!(Gtid::from_bytes(gtid.to_bytes()), gtid);
        let text = gtid.to_string();
        assert_eq!((text.len(), text.parse::<Gtid>().unwrap()), (84, gtid));
        for wrong in ["", &text[1..], &format!("{text}0"), &text[4..], &text.replace('7', "x")] {
            assert!(wrong.parse::<Gtid>().is_err(), "{wrong}");
        }
        let later = Gtid { position: gtid.position + 256, random: [0; 12], ..gtid };
        assert!(later.to_bytes() > gtid.to_bytes() && later > gtid);
    }
}
