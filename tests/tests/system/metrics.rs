//! `/metrics`: what a scrape shows is what the agents counted.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use gateway_controller::protocol::{Gone, Request};
use serde_json::Value;
use shared_host::control::ask;

use crate::harness::{Agent, Controller, Probe, Site, eventually, run, tool};

/// Every job takes its whole period: misses and skipped releases for sure.
const LATE: [(&str, &str); 1] = [("spin.normal_ratio", "1.0")];

#[test]
fn a_scrape_shows_what_the_agents_counted() {
    let site = Site::mosquitto();
    let keys = [("web.listen", "127.0.0.1:0"), ("metrics.devices", "2"), ("policy.enabled", "false")];
    let mut controller = Controller::start(&site, "gateway", &keys);
    let address = address(&controller);
    let mut probe = Probe::connect(&site.broker.url());

    // One after another, so that it is clear which two have series of their own; the first one runs twice.
    let mut expected = [0; 4];
    let mut first = [0; 4];
    for (device, runs, keys) in [("device1", 2, LATE.as_slice()), ("device2", 1, &[]), ("device3", 1, &[])] {
        let mut agent = Agent::start(&site, device, keys);
        let mut own = [0; 4];
        for number in 1..=runs {
            agent.status_where("some reports", |status| status.link.reports_delivered >= 3);
            let farewell = agent.terminate();
            assert_eq!(farewell.reports, farewell.delivered);
            let total = farewell.total;
            for (sum, more) in own.iter_mut().zip([total.jobs, total.misses, total.skipped, farewell.reports]) {
                *sum += more;
            }
            if number < runs {
                agent.restart();
            }
        }
        expected.iter_mut().zip(own).for_each(|(sum, more)| *sum += more);
        if device == "device1" {
            first = own;
        }
    }
    assert!(first[1] > 0 && first[2] > 0, "{first:?}");
    eventually("totals that are exact", || {
        let samples = samples(&scrape(&address, "", "text/plain"));
        let of = |name: &str, labels: &str| samples.get(&format!("{name}_total{labels}")).cloned();
        let counted = |prefix: &str, labels: &str| {
            ["jobs", "deadline_misses", "skipped_releases", "reports"]
                .map(|name| of(&format!("{prefix}{name}"), labels))
        };
        let exact = |counts: [u64; 4]| counts.map(|count| Some(count.to_string()));
        let restarts = of("edge_device_restarts", "{device=\"device1\"}");
        (counted("edge_", "") == exact(expected)
            && counted("edge_device_", "{device=\"device1\"}") == exact(first)
            && restarts.as_deref() == Some("1"))
        .then_some(())
    });

    let text = scrape(&address, "metrics.anybody.example", "text/plain");
    let shown = samples(&text);
    assert_eq!(shown["edge_device_up{device=\"device1\"}"], "0");
    assert_eq!((shown["edge_missing_jobs"].as_str(), shown["edge_devices_left_out"].as_str()), ("0", "1"));
    let recorded = expected[0] - expected[2] - shown["edge_records_lost_total"].parse::<u64>().unwrap();
    assert_eq!(shown["edge_wakeup_latency_seconds_count"], recorded.to_string());
    assert!(!text.contains("device=\"device3\""), "{text}");
    check(&site, &text);

    // Forgotten, its series are gone, and the one that waits moves up.
    let forget = Request::Forget { device: "device1".parse().unwrap() };
    ask::<_, Gone>(controller.socket(), &forget).unwrap();
    let text = eventually("series of the next one", || {
        let text = scrape(&address, "", "text/plain");
        (text.contains("device=\"device3\"") && !text.contains("device=\"device1\"")).then_some(text)
    });
    assert_eq!(samples(&text)["edge_jobs_total"], expected[0].to_string());

    // Whatever a device calls itself, the text stays one.
    let hostile = r#"{"v":1,"device":"device2","boot":"00000000000000ff","conn":1,"online":true,"version":"1\"} 7\nedge_jobs_total 1\\",
        "mode":"NORMAL","mode_source":"default","task":{"name":"{}","period_us":1,"deadline_us":1,"overrun":"skip-next"},
        "model":"<script>\u0000\\n\"","kernel":"\\"}"#;
    probe.publish("edge/device2/status", hostile.as_bytes());
    let text = eventually("the hostile text", || {
        let text = scrape(&address, "", "text/plain");
        text.contains("<script>").then_some(text)
    });
    check(&site, &text);
    assert_eq!(samples(&text)["edge_jobs_total"], expected[0].to_string());

    let open = scrape(&address, "", "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5");
    assert!(open.ends_with("# EOF\n") && open.contains("# TYPE edge_jobs counter\n"), "{open}");
    assert_eq!(controller.terminate(), Some(0));
}

/// Where the controller serves, by its log.
fn address(controller: &Controller) -> String {
    eventually("the address of the web server", || {
        let log = controller.log();
        let mut lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let line = lines.find(|line| line["fields"]["message"] == "serving HTTP")?;
        line["fields"]["address"].as_str().map(str::to_owned)
    })
}

/// The text, asked for under the name of this host.
fn scrape(address: &str, host: &str, accept: &str) -> String {
    let host = if host.is_empty() { address } else { host };
    let mut stream = TcpStream::connect(address).unwrap();
    // HTTP/1.0: the body ends with the connection.
    write!(stream, "GET /metrics HTTP/1.0\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.0 200") || head.starts_with("HTTP/1.1 200"), "{head}");
    let kind = if accept.starts_with("text") {
        "text/plain; version=0.0.4"
    } else {
        "application/openmetrics-text; version=1.0.0"
    };
    assert!(head.contains(kind), "{head}");
    text.to_owned()
}

/// Series and their values as they are written.
fn samples(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let pairs = lines.map(|line| line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line}")));
    pairs.map(|(series, value)| (series.to_owned(), value.to_owned())).collect()
}

/// Prometheus' own tool reads it and has nothing to say against names, types and texts.
fn check(site: &Site, text: &str) {
    let tools = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/monitoring/tools");
    let folder = run(tool(tools.to_str().unwrap(), [])).success();
    let file = site.home("scrape").join("metrics.prom");
    fs::write(&file, text).unwrap();
    let command = tool(
        "sh",
        [
            "-c",
            "exec \"$0\" check metrics <\"$1\" 2>&1",
            &format!("{}/promtool", folder.trim()),
            file.to_str().unwrap(),
        ],
    );
    assert_eq!(run(command).success(), "");
    assert!(File::open(&file).unwrap().metadata().unwrap().len() > 10_000);
}
