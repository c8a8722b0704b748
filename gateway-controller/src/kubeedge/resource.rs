//! A device as the cloud declares it.

use std::fmt;

use shared_proto::ids::{BadId, DeviceId};

use super::desired::Desired;
use super::property::Property;
use super::value::TwinValue;

/// Name of a declared device in the cloud.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ResourceId {
    /// Its namespace; empty before KubeEdge 1.16.
    pub namespace: String,
    /// Its name.
    pub name: String,
}

impl fmt::Display for ResourceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() { f.write_str(&self.name) } else { write!(f, "{}/{}", self.namespace, self.name) }
    }
}

/// A declared device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name in the cloud.
    pub id: ResourceId,
    /// Our name of it.
    pub device: DeviceId,
    /// The desired mode.
    pub desired: Desired,
    /// The same, as it was written.
    pub desired_text: TwinValue,
    /// What it wants to have reported.
    pub properties: Vec<Property>,
}

/// A declared device that cannot be one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Misdeclared {
    /// Its name in the cloud.
    pub id: ResourceId,
    /// Why.
    pub reason: BadId,
}

/// What a declaration turned out to be.
pub type Declaration = Result<Declared, Misdeclared>;
