//! What the device agent and the gateway controller share on a machine with an operating system, besides the wire types
//! of `shared-proto`: configuration loading, log set-up, the MQTT transport, the JSON codec,
//! the control socket, key files, and the classroom's signatures.

#![forbid(unsafe_code)]

pub mod config;
pub mod control;
pub mod indent;
pub mod json;
pub mod key_file;
pub mod lab_sign;
pub mod lines;
pub mod log;
pub mod mqtt;
pub mod order;
pub mod secret;
pub mod sections;
pub mod tree;
