//! Records what is heard of a fleet and how its gateway is, in experiment files (docs/experiment-file.md).
//!
//! Three threads, so that none holds up another: the connection, which stamps what arrives and hands it on; the tape, which reads
//! messages and writes the file, and may wait for the disk; and the sampler, which looks at the gateway. Between them and the tape
//! is a queue with a bound: what does not fit is counted in the file.

mod answers;
mod inject;
mod known;
mod machine;
mod plan;
mod queue;
mod recorder;
mod sample;
mod summary;
mod tally;
mod tape;

pub(crate) use plan::{Plan, Run};
pub(crate) use recorder::{Outcome, Signals, record};
pub(crate) use summary::text;
