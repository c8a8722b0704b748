//! The topics of one device.

use shared_host::mqtt::{Filter, Qos};
use shared_proto::dialect::{edgex, lab, native};
use shared_proto::ids::{DeviceId, TopicRoot};
use shared_proto::wire::DialectName;

#[derive(Debug)]
pub(super) struct Topics {
    pub(super) report: String,
    pub(super) status: String,
    pub(super) command: String,
    pub(super) ack: String,
    pub(super) lab_metrics: String,
    pub(super) lab_command: String,
    pub(super) edgex_commands: String,
}

impl Topics {
    pub(super) fn new(root: &TopicRoot, device: &DeviceId) -> Self {
        let topic = |kind| native::topic(root, device, kind).to_string();
        Self {
            report: topic(native::Kind::Report),
            status: topic(native::Kind::Status),
            command: topic(native::Kind::Command),
            ack: topic(native::Kind::Ack),
            lab_metrics: lab::metrics_topic(device).to_string(),
            lab_command: lab::command_topic(device).to_string(),
            edgex_commands: edgex::command_filter(device).to_string(),
        }
    }

    /// Where commands of a dialect come from.
    pub(super) fn filter(&self, dialect: DialectName) -> Filter {
        let topic = match dialect {
            DialectName::Native => self.command.clone(),
            DialectName::Lab => self.lab_command.clone(),
            DialectName::Edgex => self.edgex_commands.clone(),
        };
        Filter { topic, qos: Qos::AtLeastOnce }
    }
}
