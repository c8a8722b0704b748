use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::config::{Key, Schema};

const fn key(path: &'static str, default: &'static str) -> Key {
    Key { path, default, allowed: "what is allowed", doc: "" }
}

const SCHEMA: Schema = Schema {
    program: "test",
    env_prefix: "T",
    sections: &[],
    keys: &[
        key("mqtt.url", "\"mqtt://localhost\""),
        key("mqtt.client_id", ""),
        key("mqtt.username", ""),
        key("mqtt.password", ""),
        key("mqtt.password_file", ""),
        key("mqtt.ca_file", ""),
        key("mqtt.cert_file", ""),
        key("mqtt.key_file", ""),
        key("mqtt.insecure", "false"),
        key("mqtt.keep_alive_s", "10"),
        key("mqtt.reconnect_max_s", "30"),
    ],
};

#[derive(Deserialize)]
struct Raw {
    mqtt: MqttSection,
}

fn check(loaded: &Loaded) -> Result<BrokerConfig, ConfigError> {
    loaded.parse::<Raw>()?.mqtt.check(loaded, "test")
}

fn with(values: &[(&str, &str)]) -> Result<BrokerConfig, String> {
    let env = values.iter().map(|(key, value)| (OsString::from(format!("T_MQTT__{key}")), OsString::from(value)));
    let loaded = SCHEMA.load(None, env).map_err(|error| error.to_string())?;
    let broker = check(&loaded).map_err(|error| error.to_string())?;
    broker.check_files(&loaded).map_err(|error| error.to_string())?;
    Ok(broker)
}

#[test]
fn plain_text_over_the_network_needs_a_word_for_it() {
    for url in ["mqtt://localhost", "mqtt://127.0.0.1:1", "mqtt://[::1]"] {
        with(&[("URL", url)]).unwrap();
    }
    let error = with(&[("URL", "mqtt://broker")]).unwrap_err();
    for word in ["mqtt.url", "T_MQTT__URL", "mqtts://", "mqtt.insecure = true"] {
        assert!(error.contains(word), "{word}: {error}");
    }
    let broker = with(&[("URL", "mqtt://broker"), ("INSECURE", "true")]).unwrap();
    assert_eq!(broker.insecure, Insecure::Allowed);
    let error = with(&[("URL", "mqtts://broker"), ("INSECURE", "true")]).unwrap_err();
    assert!(error.contains("mqtt.insecure = true") && error.contains("no meaning"), "{error}");
}

#[test]
fn another_address_is_held_to_the_same() {
    let broker = with(&[]).unwrap();
    let there = "mqtt://broker".parse::<BrokerUrl>().unwrap();
    assert_eq!(broker.clone().at(there.clone()).unwrap_err(), Exposed);
    assert_eq!(broker.at("mqtts://broker".parse().unwrap()).unwrap().url.port(), 8883);
    assert_eq!(with(&[("INSECURE", "true")]).unwrap().at(there.clone()).unwrap().url, there);
}

#[test]
fn files_for_tls_go_with_tls_and_the_certificate_with_its_key() {
    for (values, key, words) in [
        (vec![("CA_FILE", "/x")], "mqtt.ca_file", "mqtts:// only"),
        (vec![("CERT_FILE", "/x"), ("KEY_FILE", "/y")], "mqtt.cert_file", "mqtts:// only"),
        (vec![("URL", "mqtts://b"), ("CERT_FILE", "/x")], "mqtt.key_file", "mqtt.cert_file needs it"),
        (vec![("URL", "mqtts://b"), ("KEY_FILE", "/x")], "mqtt.cert_file", "mqtt.key_file needs it"),
        (vec![("URL", "mqtts://b"), ("CA_FILE", "/nowhere")], "mqtt.ca_file", "/nowhere: cannot read"),
        (vec![("URL", "mqtts://b"), ("CA_FILE", "credential:ca")], "mqtt.ca_file", "$CREDENTIALS_DIRECTORY"),
        (vec![("URL", "mqtts://b"), ("CA_FILE", "credential:a/b")], "mqtt.ca_file", "no name of a credential"),
        (vec![("URL", "mqtts://b"), ("CA_FILE", "")], "mqtt.ca_file", "it is empty"),
        (vec![("RECONNECT_MAX_S", "0")], "mqtt.reconnect_max_s", "what is allowed"),
        (vec![("RECONNECT_MAX_S", "601")], "mqtt.reconnect_max_s", "what is allowed"),
    ] {
        let error = with(&values).unwrap_err();
        assert!(error.contains(key) && error.contains(words), "{values:?}: {error}");
    }
    assert_eq!(with(&[("RECONNECT_MAX_S", "600")]).unwrap().options().backoff.max, Duration::from_secs(600));
}

#[test]
fn a_password_is_given_once_and_with_a_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("password");
    fs::write(&file, "hush-hush\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let file = file.to_str().unwrap();
    let name = ("USERNAME", "pi");
    let broker = with(&[name, ("PASSWORD_FILE", file)]).unwrap();
    let credentials = broker.options().credentials.unwrap();
    assert_eq!((credentials.username.as_str(), credentials.password), ("pi", Password::File(file.parse().unwrap())));
    assert_eq!(with(&[name]).unwrap().credentials.unwrap().password, Password::None);
    for (values, words) in [
        (vec![("PASSWORD_FILE", file)], "mqtt.username is not set"),
        (vec![("PASSWORD", "hush-hush")], "mqtt.username is not set"),
        (vec![name, ("PASSWORD", "hush-hush"), ("PASSWORD_FILE", file)], "mqtt.password is set too"),
        (vec![name, ("PASSWORD_FILE", "/nowhere")], "/nowhere: cannot read"),
    ] {
        let error = with(&values).unwrap_err();
        assert!(error.contains(words) && !error.contains("hush-hush"), "{values:?}: {error}");
    }
    fs::set_permissions(file, Permissions::from_mode(0o604)).unwrap();
    let error = with(&[name, ("PASSWORD_FILE", file)]).unwrap_err();
    assert!(error.contains("mqtt.password_file") && error.contains("0604") && error.contains("0600"), "{error}");
}

#[test]
fn a_password_in_a_file_that_everybody_may_read_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("test.toml");
    fs::write(&file, "[mqtt]\nusername = 'pi'\npassword = 'hush-hush'\n").unwrap();
    let load = |mode| {
        fs::set_permissions(&file, Permissions::from_mode(mode)).unwrap();
        check(&SCHEMA.load(Some(&file), []).unwrap()).map_err(|error| error.to_string())
    };
    let error = load(0o644).unwrap_err();
    for word in ["test.toml:3", "mqtt.password", "0644", "chmod 600", "mqtt.password_file"] {
        assert!(error.contains(word) && !error.contains("hush-hush"), "{word}: {error}");
    }
    let broker = load(0o640).unwrap();
    assert!(!format!("{broker:?}").contains("hush-hush"));
    assert_eq!(broker.credentials.unwrap().password, Password::Given(Secret::new("hush-hush")));
}

#[test]
fn the_section_does_not_show_its_password() {
    let env = [("T_MQTT__PASSWORD", "hush-hush")].map(|(name, value)| (OsString::from(name), OsString::from(value)));
    let loaded = SCHEMA.load(None, env).unwrap();
    assert!(!format!("{:?}", loaded.parse::<Raw>().unwrap().mqtt).contains("hush-hush"));
}
