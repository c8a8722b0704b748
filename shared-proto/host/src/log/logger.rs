//! Takes the `tracing` events of the process and hands them on as lines.
//!
//! Events only: the programs open no spans, and what `tracing-subscriber` brings to keep them made a program for the Pi some
//! 70 KB larger.

use std::time::SystemTime;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Metadata, Subscriber};

use super::Style;
use super::filter::Filter;
use super::line::line;

struct Logger {
    style: Style,
    filter: Filter,
    take: Box<dyn Fn(Vec<u8>) + Send + Sync>,
}

/// Hands lines to `take`, which must not wait.
pub(super) fn logger(style: Style, filter: Filter, take: impl Fn(Vec<u8>) + Send + Sync + 'static) -> Dispatch {
    Dispatch::new(Logger { style, filter, take: Box::new(take) })
}

impl Subscriber for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && self.filter.lets_pass(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.filter.most())
    }

    fn event(&self, event: &Event<'_>) {
        (self.take)(line(self.style, event, SystemTime::now()));
    }

    // No span is enabled; one that comes all the same leaves no trace.
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
