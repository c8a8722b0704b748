//! Requests to core-metadata, and its answers for each thing in them.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use shared_proto::text::Text;

use crate::edgex::http::{Answer, Client, Method};

/// core-metadata asks the device service before it takes a device, and gives up after 5 s.
const LEAST_PATIENCE: Duration = Duration::from_secs(10);

/// core-metadata.
pub(super) struct Metadata {
    client: Client,
    limit: Duration,
}

/// What became of one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Entry {
    Done,
    /// One of that name is there.
    Duplicate,
    /// It is not, and why, with what to do.
    Refused(String),
}

#[derive(Deserialize)]
struct Item {
    #[serde(rename = "statusCode")]
    status: u16,
    #[serde(default)]
    message: String,
}

impl Metadata {
    pub(super) fn new(client: Client, limit: Duration) -> Self {
        Self { client, limit: limit.max(LEAST_PATIENCE) }
    }

    /// Sends a list of one thing; its entry in the answer. An error is one of the service.
    pub(super) async fn send(&self, method: Method, path: &str, body: &Value) -> Result<Entry, String> {
        let answer = self.client.send(method, path, Some(body.to_string()), self.limit).await;
        entry(&answer.map_err(|error| format!("{}: {error}", self.client.service()))?)
    }

    /// One thing by its name; `None` if there is none.
    pub(super) async fn find(&self, path: &str, member: &str) -> Result<Option<Value>, String> {
        let service = self.client.service();
        let answer = self.client.get(path, self.limit).await.map_err(|error| format!("{service}: {error}"))?;
        if answer.status == 404 && answer.json::<Value>().is_ok() {
            return Ok(None);
        }
        let mut found: Value = answer.ok().map_err(|why| format!("{service}: {why}"))?;
        Ok(found.get_mut(member).map(Value::take))
    }
}

/// The entry of a list of one, or what the whole answer says.
fn entry(answer: &Answer) -> Result<Entry, String> {
    let item = match answer.status {
        207 => answer.json::<Vec<Item>>()?.into_iter().next().ok_or("core-metadata's answer is an empty list")?,
        status => Item { status, message: answer.message() },
    };
    let words = Text::<300>::from(item.message.as_str());
    let advice = match item.status {
        200..=299 => return Ok(Entry::Done),
        409 => return Ok(Entry::Duplicate),
        401 | 403 => return Err(format!("core-metadata: {}", answer.refusal())),
        404 => "what it refers to is not there: the device service registers itself when device-mqtt starts",
        423 => "it is locked (adminState)",
        500 => "device-mqtt did not take it; see its log",
        503 => {
            "device-mqtt does not answer core-metadata: start it, on the same message bus, with a client id of its own \
             (MQTTBROKERINFO_CLIENTID)"
        }
        _ => "see the log of core-metadata",
    };
    let words = if words.as_str().is_empty() { String::new() } else { format!(": {}", words.as_str()) };
    Ok(Entry::Refused(format!("status {}{words}; {advice}", item.status)))
}

/// Whether a name can stand in a path as it is.
pub(super) fn is_path_segment(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.~:;=".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(allowed) && !matches!(name, "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_entry_of_an_answer_is_read() {
        let entry = |status: u16, body: &str| entry(&Answer::new(status, body));
        assert_eq!(entry(207, r#"[{"apiVersion":"v3","statusCode":201,"id":"x"}]"#), Ok(Entry::Done));
        assert_eq!(entry(207, r#"[{"statusCode":409,"message":"exists"}]"#), Ok(Entry::Duplicate));
        let refused = |status: u16, body: &str| match entry(status, body) {
            Ok(Entry::Refused(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(refused(207, r#"[{"statusCode":400,"message":"bad\nname"}]"#).contains("status 400"));
        assert!(refused(207, r#"[{"statusCode":500,"message":"no CommandTopic"}]"#).contains("no CommandTopic"));
        assert!(refused(503, "<html>").contains("start it"));
        assert!(refused(400, r#"{"statusCode":400,"message":"malformed"}"#).contains("malformed"));
        assert!(entry(207, "[]").is_err());
        assert!(entry(207, "<html>").is_err());
        assert!(entry(401, "").unwrap_err().contains("token_file"));
    }
}
