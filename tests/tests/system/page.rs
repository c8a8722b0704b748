//! The live page in a browser, with a controller and agents as an operator has them.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use shared_proto::histogram::Latency;
use shared_proto::ids::{BootId, DeviceId};
use shared_proto::mode::Mode;
use shared_proto::units::Ratio;
use shared_proto::wire::{self, Census, Departure, Occurrence, SiteCounts, SiteStatus, Version, What, Worst};

use crate::harness::{Agent, Browser, Controller, Probe, Site};

const TOKEN: &str = "a token of the test";

/// What is on the tile of a device.
fn tile(device: &str) -> String {
    format!("document.querySelector('a.tile[href$=\"/{device}\"]')")
}

#[test]
fn it_lives_survives_and_controls() {
    let site = Site::embedded();
    let token = site.home("controller").join("token");
    fs::write(&token, TOKEN).unwrap();
    fs::set_permissions(&token, fs::Permissions::from_mode(0o600)).unwrap();
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let keys = [("web.listen", listen.as_str()), ("web.control_token_file", token.to_str().unwrap())];
    let mut controller = Controller::start(&site, "controller", &keys);
    let _agent = Agent::start(&site, "device1", &[]);
    let frozen = Agent::start(&site, "device2", &[]);

    let browser = Browser::start();
    browser.look_like(1300, 900, "light");
    browser.open(&format!("http://{listen}/"));
    for device in ["device1", "device2"] {
        browser.wait_for("a tile with figures", &format!("{}?.textContent.includes('online')", tile(device)));
        browser
            .wait_for("its latency", &format!("/[0-9]/.test({}.querySelector('.foot b').textContent)", tile(device)));
    }
    let reports = "[...document.querySelectorAll('.strip > div')].find((box) => box.textContent.startsWith('Reports')).querySelector('dd').textContent";
    let before = browser.run(&format!("return {reports};"));
    browser.wait_for("newer figures", &format!("{reports} !== {before}"));

    // Colours as the system has them, and a phone.
    let ground = browser.run("return getComputedStyle(document.body.parentElement).backgroundColor;");
    browser.look_like(390, 800, "dark");
    browser.wait_for("dark", &format!("getComputedStyle(document.documentElement).backgroundColor !== {ground}"));
    browser.wait_for("nothing beside the screen", "document.documentElement.scrollWidth <= 390");
    browser.look_like(1300, 900, "light");
    assert_eq!(browser.log(), [""; 0]);

    // A controller that comes back at the same place.
    controller.kill();
    browser.wait_for("a banner", "!document.getElementById('banner').hidden");
    let mut controller = Controller::start(&site, "controller-again", &keys);
    browser.wait_for("no banner", "document.getElementById('banner').hidden");
    browser.wait_for("a tile", &format!("{}?.textContent.includes('online')", tile("device1")));
    let log = browser.log();
    assert!(log.iter().all(|line| line.contains("net::ERR_")), "only lost connections: {log:?}");

    // A device that says nothing, and is not gone either.
    frozen.freeze();
    browser.wait_for("a stale device", &format!("{}.dataset.state === 'stale'", tile("device2")));
    frozen.thaw();
    browser.wait_for("the device again", &format!("{}.dataset.state === 'online'", tile("device2")));

    // One device, with the keyboard.
    browser.run("document.querySelector('a.tile[href$=\"/device1\"]').focus();");
    browser.type_into("a.tile[href$=\"/device1\"]", "\u{e007}");
    browser.wait_for("its page", "document.querySelector('h1').textContent === 'device1'");
    browser.wait_for("its charts", "document.querySelectorAll('.chart .summary').length === 7 && document.querySelectorAll('.uplot canvas').length === 4");
    browser.wait_for("words for a chart", "document.querySelector('.chart .summary').textContent.includes('jobs')");
    browser.wait_for("settings", "document.body.textContent.includes('timer_slack')");
    browser.run("document.querySelector('.chart details summary').click();");
    browser.wait_for("figures of a chart", "document.querySelectorAll('.chart details table tbody tr').length > 1");

    // A wish: refused with the wrong token, taken with the right one.
    browser.click("button[data-wish=degraded]");
    browser.wait_for("the question", "document.getElementById('dialog').open");
    browser.type_into("#dialog-token", "not the token of the test");
    browser.click("#dialog-ok");
    browser.wait_for("a refusal", "document.getElementById('dialog-error').textContent.includes('token is wrong')");
    let log = browser.log();
    assert!(log.iter().all(|line| line.contains("401")), "{log:?}");
    browser.run("document.getElementById('dialog-token').value = '';");
    browser.type_into("#dialog-token", TOKEN);
    browser.click("#dialog-ok");
    browser.wait_for("no question", "!document.getElementById('dialog').open");
    browser.wait_for("the mode", "document.querySelector('.title .mode').textContent === 'DEGRADED'");
    browser
        .wait_for("the mark", "document.querySelector('[data-wish=degraded]').getAttribute('aria-pressed') === 'true'");
    browser.wait_for(
        "its line",
        "[...document.querySelectorAll('.facts td')].some((cell) => cell.textContent === 'decision')",
    );
    controller.event("decision", "by a person", |event| event["source"] == "set-mode" && event["to"] == "DEGRADED");
    controller.log_line("a line for it", |line| line.contains("a mode was wished on the page"));
    assert!(!controller.log().contains(TOKEN) && controller.log().contains("a wrong token on the page"));
    browser.run("location.hash = '#/';");
    browser.wait_for("the fleet", &format!("{}?.textContent.includes('DEGRADED')", tile("device1")));
    assert_eq!(browser.log(), [""; 0]);
}

const HOSTILE: &str = "</script><img src=x onerror=alert(1)>";

fn site_status(online: bool) -> SiteStatus {
    SiteStatus {
        v: Version,
        site: "north".parse().unwrap(),
        boot: BootId(7),
        conn: 1,
        up_ms: online.then_some(100),
        online,
        departure: (!online).then_some(Departure::Lost),
        version: "9.8.7".into(),
        every_ms: 60_000,
        earlier: shared_proto::wire::EarlierRuns::new(),
    }
}

/// The first window of the site: 40 jobs, of which 4 were missed.
fn site_window() -> wire::Site {
    let mut times = Latency::default();
    (0..40).for_each(|job| times.record(20_000 + 1_000 * job));
    let device: DeviceId = "pi-7".parse().unwrap();
    let mut occurrences = wire::Occurrences::new();
    let told = Occurrence {
        t_ms: 1_700_000_000_000,
        device: Some(device.clone()),
        what: What::Held,
        mode: Some(Mode::Degraded),
        reason: HOSTILE.into(),
    };
    occurrences.push(told).unwrap();
    let counts =
        SiteCounts { reports: 3, jobs: 40, misses: 4, alarms: 1, heard_bytes: 1_000_000, ..SiteCounts::default() };
    wire::Site {
        v: Version,
        site: "north".parse().unwrap(),
        boot: BootId(7),
        seq: 1,
        t_ms: 1_700_000_000_000,
        up_ms: 5_000,
        span_ms: 5_000,
        merged: 1,
        devices: Census { known: 3, online: 2, offline: 1, degraded: 1 },
        counts,
        total: counts,
        missing_jobs: 0,
        wakeup_us: times.clone(),
        response_us: times,
        worst: Some(Worst { device, miss_rate: Ratio::of(1, 4) }),
        occurrences,
        occurrences_left_out: 0,
    }
}

/// What a controller below would send is sent by hand. Needs the key `sites.enabled`, and its topics `edge/SITE/site-up` and `edge/SITE/site`.
#[test]
fn it_shows_the_sites_below_and_commands_nothing_there() {
    let stage = Site::embedded();
    let mut probe = Probe::connect(&stage.broker.url());
    let listen = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let keys = [("web.listen", listen.as_str()), ("sites.enabled", "true")];
    let mut controller = Controller::start(&stage, "controller", &keys);
    let browser = Browser::start();
    browser.look_like(1300, 900, "light");
    browser.open(&format!("http://{listen}/"));
    browser.wait_for("the fleet", "document.querySelector('.fleet') !== null");
    assert_eq!(browser.run("return document.querySelector('section.sites').hidden;"), true, "there is no site yet");

    let send = |probe: &mut Probe, online| {
        probe.publish_retained("edge/north/site-up", serde_json::to_vec(&site_status(online)).unwrap());
    };
    send(&mut probe, true);
    let tile = "document.querySelector('section.sites a.tile[href$=\"/north\"]')";
    browser.wait_for("a tile without figures", &format!("{tile}?.textContent.includes('no devices told')"));
    probe.publish("edge/north/site", serde_json::to_vec(&site_window()).unwrap());
    for words in ["online", "2 of 3 devices online", "1 degraded", "10.0", "worst pi-7", "1 alarm", " saved"] {
        browser.wait_for(words, &format!("{tile}.textContent.includes('{words}')"));
    }
    assert_eq!(browser.run(&format!("return {tile}.dataset.rank !== 'ok';")), true);
    browser.wait_for("its words", "document.querySelector('.log').textContent.includes('onerror')");
    assert_eq!(browser.run("return document.querySelectorAll('main img').length;"), 0);
    browser.look_like(390, 800, "dark");
    browser.wait_for("nothing beside the screen", "document.documentElement.scrollWidth <= 390");
    browser.look_like(1300, 900, "light");

    // The site, with the keyboard.
    browser.type_into("section.sites a.tile", "\u{e007}");
    browser.wait_for("its page", "document.querySelector('h1').textContent === 'north'");
    browser.wait_for("its charts", "document.querySelectorAll('.chart .summary').length === 5 && document.querySelectorAll('.uplot canvas').length === 3");
    browser.wait_for(
        "the distribution of all jobs",
        "[...document.querySelectorAll('.chart .summary')].filter((it) => it.textContent.includes('40 jobs, exact counts')).length === 2",
    );
    browser.wait_for("its words there", "document.querySelector('.facts').textContent.includes('onerror')");
    assert_eq!(browser.run("return document.querySelectorAll('[data-wish], main img').length;"), 0);
    send(&mut probe, false);
    browser.wait_for("its end", "document.querySelector('.title .state').textContent === 'offline (lost)'");
    browser.run("document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));");
    browser.wait_for("the fleet", &format!("{tile}?.dataset.state === 'offline'"));
    controller.event("site_offline", "of the site", |event| event["site"] == "north");
    assert_eq!(browser.log(), [""; 0]);
}
