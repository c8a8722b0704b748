//! Requests on the control sockets of both programs.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use shared_host::control::{MAX_REQUEST, parse_request};

/// A line of a control client.
pub fn request(bytes: &[u8]) {
    same_again::<device_agent::supervisor::Request>(bytes);
    same_again::<gateway_controller::protocol::Request>(bytes);
}

fn same_again<Q: DeserializeOwned + Serialize + PartialEq + Debug>(line: &[u8]) {
    match parse_request::<Q>(line) {
        Ok(request) => {
            assert!(line.len() <= MAX_REQUEST);
            let written = serde_json::to_vec(&request).expect("a request can be written");
            assert_eq!(parse_request(&written), Ok(request));
        }
        Err(problem) => assert!(!problem.is_empty()),
    }
}
