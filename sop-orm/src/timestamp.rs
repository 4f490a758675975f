//! A moment in time, small enough to be a column.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field, Signature},
    key::{KeyPart, KeyReader, KeyWriter},
};

/// Microseconds since the beginning of 1970 in UTC, without leap seconds. Reaches about 290,000
/// years either way.
///
/// ```
/// use std::time::Duration;
///
/// use sop_orm::Timestamp;
///
/// let leap_day = Timestamp::from_micros(1_709_209_800_000_000);
/// assert_eq!(leap_day.to_string(), "2024-02-29T12:30:00.000000Z");
/// assert_eq!((leap_day + Duration::from_secs(1)).as_micros(), 1_709_209_801_000_000);
/// assert!(leap_day < Timestamp::now());
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    micros: i64,
}

impl Timestamp {
    /// The present, as far as the system's clock knows it.
    ///
    /// ```
    /// # use sop_orm::Timestamp;
    /// let s = Timestamp::now().as_micros() / 1_000_000;
    /// assert!(s > 1_700_000_000, "it is later than 2023");
    /// ```
    pub fn now() -> Self {
        #[expect(clippy::disallowed_methods, reason = "the caller asks for the system's time")]
        SystemTime::now().into()
    }

    /// The moment `hours` before the present.
    ///
    /// ```
    /// # use sop_orm::Timestamp;
    /// assert!(Timestamp::hours_ago(24) < Timestamp::now());
    /// ```
    pub fn hours_ago(hours: u32) -> Self {
        Self::now() - Duration::from_secs(u64::from(hours) * 60 * 60)
    }

    /// The moment this many microseconds after the beginning of 1970, or before it.
    ///
    /// ```
    /// # use sop_orm::Timestamp;
    /// assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
    /// assert_eq!(Timestamp::from_micros(-1).to_string(), "1969-12-31T23:59:59.999999Z");
    /// ```
    pub const fn from_micros(micros: i64) -> Self {
        Self { micros }
    }

    /// Microseconds since the beginning of 1970; negative before it.
    ///
    /// ```
    /// # use sop_orm::Timestamp;
    /// assert_eq!(Timestamp::from_micros(-7).as_micros(), -7);
    /// ```
    pub const fn as_micros(self) -> i64 {
        self.micros
    }
}

impl From<SystemTime> for Timestamp {
    /// Cuts off what is finer than a microsecond; stays at the ends of the range.
    fn from(time: SystemTime) -> Self {
        match time.duration_since(UNIX_EPOCH) {
            Ok(after) => Self::default() + after,
            Err(before) => Self::default() - before.duration(),
        }
    }
}

impl std::ops::Add<Duration> for Timestamp {
    type Output = Self;

    /// Stays at the end of the range.
    fn add(self, duration: Duration) -> Self {
        Self { micros: self.micros.saturating_add(saturated_micros(duration)) }
    }
}

impl std::ops::Sub<Duration> for Timestamp {
    type Output = Self;

    /// Stays at the beginning of the range.
    fn sub(self, duration: Duration) -> Self {
        Self { micros: self.micros.saturating_sub(saturated_micros(duration)) }
    }
}

fn saturated_micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl fmt::Display for Timestamp {
    /// Writes RFC 3339 in UTC: `2024-02-29T12:30:00.000000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const DAY_SECS: i64 = 24 * 60 * 60;
        let (secs, micros) = (self.micros.div_euclid(1_000_000), self.micros.rem_euclid(1_000_000));
        let (year, month, day) = civil(secs.div_euclid(DAY_SECS));
        let second = secs.rem_euclid(DAY_SECS);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z")
    }
}

/// Year, month and day of a day counted from the beginning of 1970.
///
/// Counts in eras of 400 years from the first of March of year 0, so that the leap day is the last
/// day of a year and of an era.
fn civil(days_since_1970: i64) -> (i64, i64, i64) {
    const ERA_DAYS: i64 = 146_097;
    const DAYS_TO_1970: i64 = 719_468;
    let days = days_since_1970 + DAYS_TO_1970;
    let (era, day) = (days.div_euclid(ERA_DAYS), days.rem_euclid(ERA_DAYS));
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year + year / 4 - year / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    (400 * era + year + i64::from(month <= 2), month, day_of_month)
}

impl Field for Timestamp {
    const SIGNATURE: Signature = Signature::Leaf("timestamp");

    fn encode(&self, out: &mut Encoder) {
        self.micros.encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        i64::decode(input).map(Self::from_micros)
    }
}

impl KeyPart for Timestamp {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        self.micros.write_part(out)
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        i64::read_part(input).map(Self::from_micros)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_shown_as_dates() {
        let shown = |secs: i64| Timestamp::from_micros(secs * 1_000_000).to_string();
        assert_eq!(shown(0), "1970-01-01T00:00:00.000000Z");
        assert_eq!(shown(951_782_400), "2000-02-29T00:00:00.000000Z");
        assert_eq!(shown(1_709_209_800), "2024-02-29T12:30:00.000000Z");
        assert_eq!(shown(-1), "1969-12-31T23:59:59.000000Z");
        assert_eq!(shown(4_107_542_400), "2100-03-01T00:00:00.000000Z");
        assert!(Timestamp::from_micros(i64::MIN).to_string().starts_with('-'));
    }

    #[test]
    fn arithmetic_stays_inside_the_range() {
        let last = Timestamp::from_micros(i64::MAX);
        assert_eq!(last + Duration::MAX, last);
        assert_eq!(last - Duration::from_micros(1), Timestamp::from_micros(i64::MAX - 1));
    }
}
