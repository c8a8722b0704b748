use super::*;
use crate::device::Rights;

fn refused(text: &str) -> String {
    Inventory::from_text("fleet.toml", text).unwrap_err().to_string()
}

#[test]
fn a_device_takes_the_defaults_and_may_say_otherwise() {
    let text = "[defaults]\nrights = \"sudo\"\nport = 2200\n[[device]]\nhost = \"pi@pi-01.local\"\nname = \"pi-01\"\n\
                [[device]]\nhost = \"pi-02\"\nport = 22\nservice = \"agent.service\"\ndir = \"/srv/agent\"\n";
    let inventory = Inventory::from_text("fleet.toml", text).unwrap();
    let [first, second] = &inventory.devices[..] else { panic!("{inventory:?}") };
    assert_eq!((first.place.port, first.place.rights, first.label()), (Some(2200), Rights::Sudo, "pi-01"));
    assert_eq!(first.place.restart, "systemctl restart device-agent.service");
    assert_eq!((second.place.port, second.place.dir.as_str(), second.label()), (Some(22), "/srv/agent", "pi-02"));
    assert_eq!(second.place.credentials, "/run/credentials/agent.service");
    assert!(inventory.broker.is_none());
    assert!(inventory.find("pi-01").is_some() && inventory.find("pi-02").is_some() && inventory.find("pi").is_none());
}

#[test]
fn what_is_wrong_is_told_with_its_line_and_what_is_allowed() {
    let told = refused("[policy]\nprobation_s = 5\nprobation = 5\n");
    assert!(told.contains("fleet.toml:3") && told.contains("policy.probation"), "{told}");
    let told = refused("[policy]\ncanary = \"lots\"\n");
    assert!(told.contains("fleet.toml:2") && told.contains("5%"), "{told}");
    let told = refused("[policy]\nguard_s = 100\n");
    assert!(told.contains("fleet.toml:2") && told.contains("twice start_limit_s"), "{told}");
    let told = refused("\n[[device]]\nhost = \"a\"\nhots = \"b\"\n");
    assert!(told.contains("fleet.toml:2") && told.contains("hots"), "{told}");
}

#[test]
fn nothing_reaches_a_shell_that_could_be_more_than_a_name_or_a_path() {
    for host in ["-oProxyCommand=x", "a b", "$(id)", "", "a;b", "@x"] {
        assert!(refused(&format!("[[device]]\nhost = {host:?}\n")).contains("device[0].host"), "{host}");
    }
    for dir in ["relative", "/", "/a/../b", "/a b", "/$(id)", "/a'b"] {
        assert!(refused(&format!("[[device]]\nhost = \"a\"\ndir = {dir:?}\n")).contains("device[0].dir"), "{dir}");
    }
    assert!(refused("[defaults]\nservice = \"-x\"\n[[device]]\nhost = \"a\"\n").contains("defaults.service"));
}

#[test]
fn no_device_is_listed_twice() {
    assert!(refused("[[device]]\nhost = \"a\"\n[[device]]\nhost = \"a\"\n").contains("listed twice"));
    assert!(
        refused("[[device]]\nhost = \"a\"\nname = \"n\"\n[[device]]\nhost = \"b\"\nname = \"n\"\n")
            .contains("listed twice")
    );
    // Several devices may be behind one address.
    Inventory::from_text("fleet.toml", "[[device]]\nhost = \"a\"\nport = 1\n[[device]]\nhost = \"a\"\nport = 2\n")
        .unwrap();
}

#[test]
fn shares_are_rounded_down() {
    assert_eq!(Amount::Percent(5).of(19), 0);
    assert_eq!(Amount::Percent(5).of(20), 1);
    assert_eq!(Amount::Percent(100).of(7), 7);
    assert_eq!(Amount::Count(9).of(7), 7);
}
