//! Where in a long test something failed.

use std::{fmt::Display, thread};

/// Says what was being tested if the thread panics while this is alive.
#[derive(Debug)]
pub struct Context<T: Display>(pub T);

impl<T: Display> Drop for Context<T> {
    fn drop(&mut self) {
        if thread::panicking() {
            #[expect(clippy::print_stderr, reason = "this is where panics say what they are about")]
            {
                eprintln!("this was: {}", self.0);
            }
        }
    }
}
