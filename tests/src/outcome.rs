//! Errors of tests: whatever went wrong, and the line it went wrong at.

use std::{error::Error, fmt, panic::Location};

/// What a test returns, so that it can be written with `?`.
pub type Outcome<T = ()> = Result<T, Failure>;

/// Any error, with the place of the `?` that met it.
pub struct Failure {
    cause: Box<dyn Error + Send + Sync>,
    place: &'static Location<'static>,
}

impl<E: Into<Box<dyn Error + Send + Sync>>> From<E> for Failure {
    #[track_caller]
    fn from(cause: E) -> Self {
        Self { cause: cause.into(), place: Location::caller() }
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at {})", self.cause, self.place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_the_line_that_met_it() {
        fn fails() -> Outcome {
            Err("broken")?;
            Ok(())
        }
        let shown = fails().map_err(|failure| format!("{failure:?}"));
        let expected = concat!("broken (at ", file!(), ":");
        assert!(shown.is_err_and(|text| text.starts_with(expected)), "the place is missing");
    }
}
