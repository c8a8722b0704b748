//! What tests and long runs of the whole system are made of.

#![forbid(unsafe_code)]

pub mod simulation;
