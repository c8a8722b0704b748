//! What tests and long runs of the whole system are made of: a proxy that does to a link what networks do, the programs as
//! processes, a recorder with arithmetic of its own, the scenarios of the fault suite, the soak, a simulation of it all in
//! virtual time, and a stand-in for KubeEdge.

#![forbid(unsafe_code)]

pub mod edgecore;
pub mod edgex;
pub mod faults;
pub mod programs;
pub mod proxy;
pub mod simulation;
pub mod site;
pub mod soak;
