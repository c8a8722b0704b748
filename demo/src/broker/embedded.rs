//! The embedded broker: rumqttd, MQTT 3.1.1, in memory, for whoever is on this machine.

use std::collections::HashMap;
use std::io::{self, Read};
use std::net::{Ipv4Addr, SocketAddr};

use rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};

/// Serves on a port of the loopback interface until standard input ends.
///
/// # Errors
/// What keeps the broker from starting.
pub fn serve(port: u16) -> io::Result<()> {
    let connections = ConnectionSettings {
        connection_timeout_ms: 5_000,
        max_payload_size: 64 * 1024,
        max_inflight_count: 200,
        auth: None,
        external_auth: None,
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "loopback".into(),
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let config = Config {
        router: RouterConfig {
            max_connections: 1_000,
            max_outgoing_packet_count: 200,
            max_segment_size: 1024 * 1024,
            max_segment_count: 10,
            ..RouterConfig::default()
        },
        v4: Some(HashMap::from([("loopback".into(), server)])),
        ..Config::default()
    };
    std::thread::spawn(|| {
        // Whoever started this process holds the other end of the pipe.
        let _ = io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(0);
    });
    Broker::new(config).start().map_err(io::Error::other)
}
