//! What crosses the wire between a device and its gateway, and what both must decide alike.
//!
//! `no_std` and without an allocator, so that a microcontroller can speak it too. The types carry serde; the JSON codec
//! is the caller's: both programs of this workspace use `serde_json` into a fixed buffer, `serde-json-core` works as well
//! (the tests read and write the golden vectors with both).
//!
//! | module | content |
//! |---|---|
//! | [`wire`] | report, status, command, acknowledgement |
//! | [`dialect`] | topics, and other people's message formats |
//! | [`histogram`] | latency histogram with exact merge |
//! | [`policy`] | when to degrade and when to recover |
//! | [`sign`] | who wrote a message |
//! | [`ids`], [`mode`], [`units`], [`text`], [`limits`] | the words these are made of |

#![no_std]
#![forbid(unsafe_code)]

#[cfg(test)]
extern crate std;

pub mod dialect;
pub mod histogram;
pub mod ids;
pub mod limits;
pub mod mode;
pub mod policy;
pub mod sign;
pub mod text;
pub mod units;
pub mod wire;
