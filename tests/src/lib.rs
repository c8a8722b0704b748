//! What tests and long runs of the whole system are made of: a proxy that does to a link what networks do, the programs as
//! processes, a recorder with arithmetic of its own, the scenarios of the fault suite, and the soak.

#![forbid(unsafe_code)]

pub mod faults;
pub mod programs;
pub mod proxy;
pub mod site;
pub mod soak;
