//! MQTT packets: the client library's decoder reads what a broker sends, or somebody in its place.

use bytes::BytesMut;
use rumqttc::Packet;

/// As in the controller, which reads packets of any length.
const MAX_PACKET: usize = 256 * 1024;

/// The packets of a stream, one after the other. Each takes bytes away, so that no stream is read for ever.
pub fn mqtt_packet(bytes: &[u8]) {
    let mut stream = BytesMut::from(bytes);
    while !stream.is_empty() {
        let before = stream.len();
        if Packet::read(&mut stream, MAX_PACKET).is_err() {
            return;
        }
        assert!(stream.len() < before, "a packet of no bytes");
    }
}
