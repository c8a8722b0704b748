use shared_proto::mode::Mode;

use super::*;
use crate::kubeedge::property::Property;
use crate::kubeedge::resource::Misdeclared;
use crate::kubeedge::value::TwinValue;

fn id(name: &str) -> ResourceId {
    ResourceId { namespace: "default".to_owned(), name: name.to_owned() }
}

fn declared(name: &str, device: &str, desired: &str) -> Declaration {
    Ok(Declared {
        id: id(name),
        device: device.parse().unwrap(),
        desired: Desired::of(desired),
        desired_text: TwinValue::of(desired),
        properties: vec![Property::Mode],
    })
}

fn wish(device: &str, wish: Option<Wish>) -> Vec<NewWish> {
    vec![NewWish { device: device.parse().unwrap(), wish }]
}

const DEGRADED: Option<Wish> = Some(Wish::Mode(Mode::Degraded));

#[test]
fn only_a_changed_desired_mode_is_a_wish() {
    let mut all = Declarations::default();
    assert_eq!(all.declare(declared("a", "pi-1", "")), [], "nothing desired is no wish");
    assert_eq!(all.declare(declared("a", "pi-1", "DEGRADED")), wish("pi-1", DEGRADED));
    assert_eq!(all.declare(declared("a", "pi-1", "degraded")), []);
    // EdgeCore was restarted: the same list again.
    all.begin();
    assert_eq!(all.replace(vec![declared("a", "pi-1", "DEGRADED")]), []);
    // While it was away the value was edited.
    all.begin();
    assert_eq!(all.replace(vec![declared("a", "pi-1", "RELEASE")]), wish("pi-1", Some(Wish::Release)));
    assert_eq!(all.declare(declared("a", "pi-1", "fast")), [], "unknown words change nothing");
    assert_eq!(all.declare(declared("a", "pi-1", "AUTO")), wish("pi-1", None));
}

#[test]
fn what_is_no_longer_declared_leaves_the_device_to_the_policy() {
    let mut all = Declarations::default();
    all.begin();
    let both = vec![declared("a", "pi-1", "DEGRADED"), declared("b", "pi-2", "DEGRADED"), declared("c", "pi-3", "")];
    assert_eq!(all.replace(both).len(), 2);
    assert_eq!(all.remove(&id("a")), wish("pi-1", None).pop());
    assert_eq!(all.remove(&id("a")), None);
    assert_eq!(all.remove(&id("c")), None, "nothing was desired, so a wish at the gateway stays");
    all.begin();
    assert_eq!(all.replace(vec![]), wish("pi-2", None));
    assert_eq!(all.len(), 0);
}

#[test]
fn an_answer_does_not_undo_what_came_while_it_was_on_its_way() {
    let mut all = Declarations::default();
    all.begin();
    assert_eq!(all.declare(declared("new", "pi-1", "DEGRADED")), wish("pi-1", DEGRADED));
    assert_eq!(all.declare(declared("edited", "pi-2", "DEGRADED")), wish("pi-2", DEGRADED));
    assert_eq!(all.remove(&id("gone")), None);
    let old = vec![declared("edited", "pi-2", "NORMAL"), declared("gone", "pi-3", "DEGRADED")];
    assert_eq!(all.replace(old), []);
    let names: Vec<_> = all.iter().map(|declared| declared.id.name.as_str()).collect();
    assert_eq!(names, ["edited", "new"]);
    // The next answer is the whole truth again.
    all.begin();
    assert_eq!(all.replace(vec![]).len(), 2);
}

#[test]
fn a_device_is_declared_once() {
    let mut all = Declarations::default();
    all.declare(declared("a", "pi-1", "DEGRADED"));
    assert_eq!(all.declare(declared("b", "pi-1", "NORMAL")), []);
    assert!(all.contains(&id("a")) && !all.contains(&id("b")));
    // In one list a successor may stand beside what is gone.
    all.begin();
    assert_eq!(
        all.replace(vec![declared("b", "pi-1", "NORMAL")]),
        [wish("pi-1", None), wish("pi-1", Some(Wish::Mode(Mode::Normal)))].concat()
    );
}

#[test]
fn a_declaration_that_goes_to_another_device_leaves_the_first_to_the_policy() {
    let mut all = Declarations::default();
    all.declare(declared("a", "pi-1", "DEGRADED"));
    let both = [wish("pi-1", None), wish("pi-2", DEGRADED)].concat();
    assert_eq!(all.declare(declared("a", "pi-2", "DEGRADED")), both);
}

#[test]
fn a_name_that_is_none_is_refused_and_takes_its_wish_along() {
    let mut all = Declarations::default();
    all.declare(declared("a", "pi-1", "DEGRADED"));
    let reason = "two words".parse::<DeviceId>().unwrap_err();
    assert_eq!(all.declare(Err(Misdeclared { id: id("a"), reason })), wish("pi-1", None));
    assert_eq!(all.len(), 0);
    assert_eq!(all.declare(declared("a", "pi-1", "DEGRADED")), wish("pi-1", DEGRADED), "put right");
}
