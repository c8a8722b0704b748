use super::*;

#[test]
fn the_template_holds_the_defaults() {
    let template = SCHEMA.template();
    let (_, from_template) = load(&template, &[]);
    let defaults = SCHEMA.load(None, []).unwrap();
    assert_eq!(values(&from_template.unwrap()), values(&defaults), "{template}");
    assert!(template.contains("AGENT_MQTT__URL overrides mqtt.url"), "{template}");
    assert!(template.contains("\n# Period in ms.\n# On the grid.\n# Allowed: 0.1 to 60000\nperiod_ms = 20.0\n"));
    assert!(template.contains("\n# CPU.\n# Allowed: 0 to 1023\n# Optional, not set:\n# cpu = ...\n"));
    assert!(!template.contains("\n\n\n"), "{template}");
    let order =
        ["# device =", "# The broker.\n[mqtt]", "[task]", "[mqtt.tls]", "[gpio]"].map(|part| template.find(part));
    assert!(order.is_sorted() && order.iter().all(Option::is_some), "{order:?} {template}");
}

#[test]
fn the_template_takes_other_values() {
    let text = SCHEMA.template_with(&[("device", &quote("pi-\"1\"\n")), ("task.cpu", "3")]).unwrap();
    let config = parsed(&text, &[]);
    assert_eq!((config.device.as_deref(), config.task.cpu), (Some("pi-\"1\"\n"), Some(3)));

    let wrong = [("devcie", "1"), ("device", "pi 1"), ("mqtt.password", "hunter2"), ("device", "1\ntask.cpu = 2")];
    let error = SCHEMA.template_with(&wrong).unwrap_err();
    let text = error.to_string();
    assert_eq!(error.problems().len(), 4, "{text}");
    assert!(
        text.starts_with("devcie = 1: unknown key; did you mean device?\ndevice = pi 1: not a TOML literal"),
        "{text}"
    );
    assert!(text.contains("allowed: 1 to 40 letters") && !text.contains("hunter2"), "{text}");
}

#[test]
fn the_reference_lists_every_key_once() {
    let reference = SCHEMA.reference();
    for key in SCHEMA.keys {
        assert_eq!(reference.matches(&format!("\n| `{}` |", key.path)).count(), 1, "{reference}");
    }
    let row = "| `task.enabled` | `true` | true \\| false | `AGENT_TASK__ENABLED` | Runs the task. |";
    assert!(reference.contains(row), "{reference}");
    assert!(reference.contains("| `task.cpu` | not set |"), "{reference}");
    assert!(reference.contains("See `<task>` and \\<name>."), "{reference}");
}
