//! The golden vectors in `vectors/`: every file, both directions, with `serde_json` and with `serde-json-core`.

#![expect(clippy::expect_used, reason = "helpers of tests fail by panicking")]

mod samples;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::fs;
use std::path::PathBuf;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use shared_proto::dialect::{edgex, lab};
use shared_proto::limits::MAX_SITE;
use shared_proto::mode::Mode;
use shared_proto::wire::{Ack, Report, SetMode, Site, SiteMissing, SiteStatus, Status};

/// A folder of vectors that knows which of its files no check has read yet.
struct Folder {
    path: PathBuf,
    unread: BTreeSet<String>,
}

impl Folder {
    fn open(name: &str) -> Self {
        let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("vectors").join(name);
        let entries = fs::read_dir(&path).expect("the folder of vectors");
        let files = entries.map(|entry| entry.expect("an entry of the folder")).filter(|entry| entry.path().is_file());
        let unread = files.map(|entry| entry.file_name().into_string().expect("a file name in UTF-8")).collect();
        Self { path, unread }
    }

    fn read(&mut self, file: &str) -> String {
        assert!(self.unread.remove(file), "{file} is not in {} or was read before", self.path.display());
        fs::read_to_string(self.path.join(file)).expect("a readable vector")
    }

    /// The file is what this crate writes for `message`, and reads as `message`.
    fn same<T: Message>(&mut self, file: &str, message: &T) {
        self.read_as(file, message, |_| ());
    }

    /// The file reads as `message`; this crate writes that message as the file changed by `rewrite`.
    fn read_as<T: Message>(&mut self, file: &str, message: &T, rewrite: fn(&mut Value)) {
        let text = self.read(file);
        assert_eq!(&serde_json::from_str::<T>(&text).expect(file), message, "{file}, read by serde_json");
        assert_eq!(&core_read::<T>(&text).expect(file), message, "{file}, read by serde-json-core");

        let mut written: Value = serde_json::from_str(&text).expect(file);
        rewrite(&mut written);
        for encoded in [serde_json::to_string(message).expect(file), core_write(message)] {
            assert_eq!(serde_json::from_str::<Value>(&encoded).expect(file), written, "{file}, written as {encoded}");
        }
    }

    fn close(self) {
        assert!(self.unread.is_empty(), "vectors in {} that no check reads: {:?}", self.path.display(), self.unread);
    }
}

trait Message: Serialize + DeserializeOwned + PartialEq + Debug {}
impl<T: Serialize + DeserializeOwned + PartialEq + Debug> Message for T {}

fn core_read<T: DeserializeOwned>(text: &str) -> Result<T, serde_json_core::de::Error> {
    // Without a buffer to unescape into, that codec hands over texts with their escapes in them.
    let mut unescaped = [0; 256];
    serde_json_core::from_str_escaped(text, &mut unescaped).map(|(message, _)| message)
}

fn core_write<T: Serialize>(message: &T) -> String {
    let mut buffer = vec![0; MAX_SITE];
    let length = serde_json_core::to_slice(message, &mut buffer).expect("room in the buffer");
    buffer.truncate(length);
    String::from_utf8(buffer).expect("JSON in UTF-8")
}

#[test]
fn native() {
    let mut folder = Folder::open("native");

    for (file, report) in [
        ("report-full.json", samples::report::full()),
        ("report-empty-window.json", samples::report::empty_window()),
        ("report-merged.json", samples::report::merged()),
        ("report-extremes.json", samples::report::extremes()),
    ] {
        folder.same(file, &report);
        assert_eq!(report.validate(), Ok(()), "{file}");
    }

    folder.same("status-online.json", &samples::status::online());
    folder.same("status-stopped.json", &samples::status::stopped());
    folder.same("status-will.json", &samples::status::will());
    folder.read_as("status-minimal.json", &samples::status::plain(), |json| {
        json["reason"] = json!("");
        json["dialects"] = json!([]);
        json["settings"] = json!([]);
    });

    folder.same("command-full.json", &samples::command::full());
    folder.same("command-release.json", &samples::command::release());
    folder.same("command-longest-lease.json", &samples::command::longest_lease());
    folder.same("command-escapes.json", &samples::command::escapes());
    folder.read_as("command-minimal.json", &samples::command::minimal(), |json| json["reason"] = json!(""));
    folder.read_as("command-long-reason.json", &samples::command::long_reason(), |json| {
        json["reason"] = json!("€".repeat(32));
    });
    folder.read_as("command-unknown-fields.json", &samples::command::with_unknown_fields(), |json| {
        json.as_object_mut().expect("an object").retain(|key, _| key != "priority" && key != "origin");
    });
    // serde-json-core does not join the two halves of a surrogate pair: it refuses the whole message.
    let surrogates = folder.read("command-surrogate-pair.json");
    assert_eq!(serde_json::from_str::<SetMode>(&surrogates).unwrap(), samples::command::surrogate_pair());
    assert_eq!(core_read::<SetMode>(&surrogates), Err(serde_json_core::de::Error::InvalidEscapeSequence));

    folder.same("ack-applied.json", &samples::ack::applied());
    folder.same("ack-unchanged.json", &samples::ack::unchanged());
    folder.same("ack-rejected.json", &samples::ack::rejected());
    folder.same("ack-expired.json", &samples::ack::expired());
    folder.same("ack-duplicate.json", &samples::ack::duplicate());
    folder.read_as("ack-minimal.json", &samples::ack::minimal(), |json| {
        json["reason"] = json!("");
        json["job"] = json!(null);
        json["receipt_to_effect_us"] = json!(5000.0);
        json["reaction_us"] = json!(null);
    });

    for (file, site) in [
        ("site-full.json", samples::site::full()),
        ("site-empty-window.json", samples::site::empty_window()),
        ("site-merged.json", samples::site::merged()),
    ] {
        folder.same(file, &site);
        assert_eq!(site.validate(), Ok(()), "{file}");
    }
    folder.read_as("site-minimal.json", &samples::site::minimal(), |json| {
        json["occurrences"] = json!([]);
        json["occurrences_left_out"] = json!(0);
    });
    assert_eq!(samples::site::minimal().validate(), Ok(()));
    folder.same("site-status-online.json", &samples::site::status_online());
    folder.same("site-status-will.json", &samples::site::status_will());
    folder.same("site-missing.json", &samples::site::missing());

    folder.close();
}

#[test]
fn lab() {
    let mut folder = Folder::open("lab");
    folder.same("metrics.json", &samples::lab::metrics());
    folder.same("command.json", &samples::lab::command());
    for (file, observed) in [
        ("metrics-minimal.json", samples::lab::observed_minimal()),
        ("metrics-foreign.json", samples::lab::observed_foreign()),
    ] {
        let text = folder.read(file);
        assert_eq!(serde_json::from_str::<lab::Observed>(&text).expect(file), observed, "{file}");
        assert_eq!(core_read::<lab::Observed>(&text).expect(file), observed, "{file}, read by serde-json-core");
    }
    folder.close();
}

#[test]
fn edgex() {
    let mut folder = Folder::open("edgex");
    for (file, written) in [
        ("metrics.json", samples::edgex::metrics().to_string()),
        ("metrics-empty-window.json", samples::edgex::empty_window().to_string()),
        ("metrics-extremes.json", samples::edgex::extremes().to_string()),
        ("temp_c.json", samples::edgex::temperature().to_string()),
    ] {
        let vector: Value = serde_json::from_str(&folder.read(file)).expect(file);
        assert_eq!(serde_json::from_str::<Value>(&written).expect(file), vector, "{file}, written as {written}");
    }
    folder.same("set-mode.json", &edgex::Written { mode: Mode::Degraded });
    folder.close();
}

#[test]
fn edgex_invalid() {
    let mut folder = Folder::open("edgex/invalid");
    let expectations: BTreeMap<String, String> =
        serde_json::from_str(&folder.read("expect.json")).expect("expectations");
    for (file, error) in &expectations {
        let [refused, core_refused] = refusal::<edgex::Written>(&folder.read(file), |_| Ok(()));
        let refused = refused.unwrap_or_else(|| panic!("{file} is accepted, but must fail with: {error}"));
        assert!(refused.contains(error), "{file} fails with: {refused}\nbut must fail with: {error}");
        assert!(core_refused.is_some(), "{file} is accepted by serde-json-core");
    }
    folder.close();
}

/// How a file in `vectors/native/invalid` fails.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Expectation {
    message: MessageKind,
    error: String,
}

#[derive(Clone, Copy, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MessageKind {
    Report,
    Status,
    Command,
    Ack,
    Site,
    SiteStatus,
    SiteMissing,
}

/// Why `text` is refused by `serde_json`, or by the message's own check of its numbers.
fn refusal<T: DeserializeOwned>(text: &str, check: impl Fn(&T) -> Result<(), String>) -> [Option<String>; 2] {
    let read = [
        serde_json::from_str::<T>(text).map_err(|error| error.to_string()),
        core_read::<T>(text).map_err(|error| format!("{error:?}")),
    ];
    read.map(|outcome| outcome.and_then(|message| check(&message)).err())
}

#[test]
fn native_invalid() {
    let mut folder = Folder::open("native/invalid");
    let expectations: BTreeMap<String, Expectation> =
        serde_json::from_str(&folder.read("expect.json")).expect("expectations");

    for (file, Expectation { message, error }) in &expectations {
        let text = folder.read(file);
        let [refused, core_refused] = match message {
            MessageKind::Report => refusal::<Report>(&text, |report| report.validate().map_err(|e| e.to_string())),
            MessageKind::Status => refusal::<Status>(&text, |_| Ok(())),
            MessageKind::Command => refusal::<SetMode>(&text, |_| Ok(())),
            MessageKind::Ack => refusal::<Ack>(&text, |_| Ok(())),
            MessageKind::Site => refusal::<Site>(&text, |site| site.validate().map_err(|e| e.to_string())),
            MessageKind::SiteStatus => refusal::<SiteStatus>(&text, |_| Ok(())),
            MessageKind::SiteMissing => refusal::<SiteMissing>(&text, |_| Ok(())),
        };
        let refused = refused.unwrap_or_else(|| panic!("{file} is accepted, but must fail with: {error}"));
        assert!(refused.contains(error), "{file} fails with: {refused}\nbut must fail with: {error}");
        // serde-json-core keeps no error texts, so only the refusal itself is checked.
        assert!(core_refused.is_some(), "{file} is accepted by serde-json-core");
    }

    folder.close();
}
