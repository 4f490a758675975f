//! A subscriber that keeps what is said.

use std::{
    fmt,
    sync::{Arc, Mutex},
};

use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// Keeps events and spans of some targets, a line for each.
#[derive(Clone)]
pub(crate) struct Listener {
    targets: &'static str,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Listener {
    /// For targets that begin like this.
    pub(crate) fn new(targets: &'static str) -> Self {
        Self { targets, lines: Arc::default() }
    }

    /// What was said so far.
    pub(crate) fn said(&self) -> Vec<String> {
        self.lines.lock().expect("no test panics with it").clone()
    }

    fn keep(&self, record: impl FnOnce(&mut Line)) {
        let mut line = Line(Vec::new());
        record(&mut line);
        self.lines.lock().expect("no test panics with it").push(line.0.join(" "));
    }
}

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(self.targets)
    }

    fn new_span(&self, span: &span::Attributes<'_>) -> span::Id {
        self.keep(|line| span.record(line));
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, values: &span::Record<'_>) {
        self.keep(|line| values.record(line));
    }

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn event(&self, event: &Event<'_>) {
        self.keep(|line| event.record(line));
    }

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

struct Line(Vec<String>);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.push(format!("{field}={value:?}"));
    }
}
