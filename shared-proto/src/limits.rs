//! Every limit of the wire, in one place.

/// Longest command payload that an agent reads, in bytes.
pub const MAX_COMMAND: usize = 1024;
/// Longest acknowledgement, in bytes.
pub const MAX_ACK: usize = 1024;
/// Longest status, in bytes: ten settings whose texts JSON writes with six bytes for one, and the rest.
pub const MAX_STATUS: usize = 10 * 1024;
/// Longest report, in bytes: two full histograms of 264 buckets with ten-digit counts, and the rest.
pub const MAX_REPORT: usize = 16 * 1024;
/// Longest window of a site, in bytes: two full histograms of 264 buckets with ten-digit counts, and [`MAX_OCCURRENCES`] of which every text
/// is full.
pub const MAX_SITE: usize = 24 * 1024;
/// Longest status of a site, in bytes.
pub const MAX_SITE_STATUS: usize = 1024;
/// Longest message that asks a site for windows, in bytes.
pub const MAX_SITE_MISSING: usize = 256;
/// Occurrences in one window of a site; the others are only counted.
pub const MAX_OCCURRENCES: usize = 32;
/// Earlier runs that the status of a site names.
pub const MAX_EARLIER_RUNS: usize = 8;
/// Longest text of a reason, in bytes; longer ones are cut.
pub const MAX_REASON: usize = 96;
/// Shortest lease of a command, in milliseconds.
pub const MIN_LEASE_MS: u32 = 100;
/// Longest lease of a command, in milliseconds: one day.
pub const MAX_LEASE_MS: u32 = 86_400_000;
/// How far ahead of its own clock a device believes a quoted device time, in milliseconds: the other end's clock may run faster.
pub const MAX_AHEAD_MS: u64 = 2_000;
/// Longest topic, in bytes: root, device and the last word.
pub const MAX_TOPIC: usize = 64 + 1 + 32 + 1 + 7;
