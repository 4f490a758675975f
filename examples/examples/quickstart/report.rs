//! What the example prints: each step with the time it took, and under it what came out.

use std::fmt::Display;

use tokio::time::Instant;

/// A step that is under way.
pub struct Step {
    name: &'static str,
    began: Instant,
}

impl Step {
    pub fn begin(name: &'static str) -> Self {
        Self { name, began: Instant::now() }
    }

    /// Prints the step and its results, a line each.
    pub fn end(self, results: impl IntoIterator<Item: Display>) {
        self.end_silently();
        for result in results {
            println!("{:10}    {result}", "");
        }
    }

    /// Prints the step only.
    pub fn end_silently(self) {
        println!("{:>10.1?}  {}", self.began.elapsed(), self.name);
    }
}
