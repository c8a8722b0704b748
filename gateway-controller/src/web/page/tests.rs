//! The whole server, asked over TCP.

mod sites;

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use shared_host::control::{Incoming, Questions, inside};
use shared_host::secret::Place;
use shared_proto::wire::{Report, Status};

use super::assets::ASSETS;
use crate::event::{Event, Freshness, Link, LinkState, Online, Record};
use crate::protocol::{Request, WishWord};
use crate::sink::EventSink;
use crate::watch::{Feed, feed};
use crate::web::{Server, Settings, WebError};

const TOKEN: &str = "correct horse battery";
const HOSTILE: &str = "</script><script>alert(1)</script>\"'<img src=x onerror=alert(2)>";

struct Stage {
    server: Server,
    feed: Feed,
    questions: Questions<Request>,
}

struct Answer {
    status: u16,
    head: String,
    body: String,
}

fn settings(token: Option<&Path>) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        metrics: None,
        hosts: vec!["gw.example".to_owned()],
        control_token: token.map(|path| Place::Path(path.to_owned())),
        thresholds: None,
    }
}

fn stage(token: Option<&Path>) -> Stage {
    let ((feed, seen), (asker, questions)) = (feed(), inside(4));
    Stage { server: Server::start(&settings(token), seen, asker).unwrap(), feed, questions }
}

fn secret(directory: &Path, content: &str) -> std::path::PathBuf {
    let path = directory.join("token");
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn open(address: SocketAddr, request: &str) -> BufReader<TcpStream> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    BufReader::new(stream)
}

fn ask(address: SocketAddr, line: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let length = body.len();
    let request = format!("{line} HTTP/1.1\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}");
    let mut text = String::new();
    open(address, &request).read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

fn get(stage: &Stage, path: &str) -> Answer {
    ask(stage.server.address(), &format!("GET {path}"), &[("Host", "localhost")], "")
}

fn tell(stage: &mut Stage, event: Event) {
    stage.feed.take(Record { t_ms: 1_000, event });
}

fn status() -> Status {
    serde_json::from_str(include_str!("../../../../shared-proto/vectors/native/status-online.json")).unwrap()
}

/// A device whose every text is an attack.
fn hostile(stage: &mut Stage) {
    let mut status = status();
    let name = status.device.clone();
    (status.reason, status.version) = (HOSTILE.into(), HOSTILE.into());
    (status.model, status.kernel) = (Some(HOSTILE.into()), Some(HOSTILE.into()));
    status.danger = Some(HOSTILE.into());
    let boot = status.boot;
    tell(stage, Event::Link(Link { state: LinkState::Up, conn: 1, reason: None }));
    tell(
        stage,
        Event::Online(Online {
            device: name,
            boot: Some(boot),
            conn: Some(2),
            version: Some(HOSTILE.into()),
            news: Freshness::Live,
        }),
    );
    tell(stage, Event::Status(Box::new(status)));
}

/// Until the picture has it.
fn fleet_where(stage: &Stage, fits: impl Fn(&Value) -> bool) -> Value {
    loop {
        let fleet = serde_json::from_str(&get(stage, "/api/fleet").body).unwrap();
        if fits(&fleet) {
            return fleet;
        }
    }
}

#[test]
fn all_files_come_with_a_strict_policy_and_from_here_alone() {
    let stage = stage(None);
    for asset in ASSETS {
        let answer = get(&stage, asset.path);
        assert_eq!(answer.status, 200, "{}", asset.path);
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "require-trusted-types-for 'script'",
            "frame-ancestors 'none'",
            "x-content-type-options: nosniff",
            "cache-control: no-cache",
        ] {
            assert!(answer.head.contains(header), "{}: no {header} in {}", asset.path, answer.head);
        }
        assert!(!answer.head.contains("unsafe"), "{}", answer.head);
        let tag = answer.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
        let again = ask(
            stage.server.address(),
            &format!("GET {}", asset.path),
            &[("Host", "localhost"), ("If-None-Match", &tag)],
            "",
        );
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{}", asset.path);
    }
    // Ours makes no markup from texts, and loads nothing from elsewhere.
    for asset in ASSETS.iter().filter(|asset| !asset.path.starts_with("/uplot/")) {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "document.write",
            "eval(",
            "style=",
            "onclick=\"",
            "https://",
        ] {
            assert!(!asset.content.contains(word), "{}: {word}", asset.path);
        }
    }
}

#[test]
fn every_script_that_is_imported_is_there() {
    for asset in ASSETS.iter().filter(|asset| asset.path.ends_with(".js") && !asset.path.starts_with("/uplot/")) {
        for import in asset.content.lines().filter_map(|line| line.strip_prefix("import ")?.split("from './").nth(1)) {
            let path = format!("/{}", import.trim_end_matches("';"));
            assert!(ASSETS.iter().any(|asset| asset.path == path), "{}: no {path}", asset.path);
        }
    }
}

#[test]
fn texts_of_devices_stay_texts() {
    let mut stage = stage(None);
    hostile(&mut stage);
    let fleet = fleet_where(&stage, |fleet| {
        fleet["devices"][0]["version"].is_string() && fleet["devices"][0]["danger"].is_string()
    });
    let tile = &fleet["devices"][0];
    assert!(tile["reason"].as_str().unwrap().starts_with("</script><script>alert(1)"), "{tile}");
    let answer = get(&stage, "/api/fleet");
    assert!(
        answer.head.contains("content-type: application/json") && answer.head.contains("nosniff"),
        "{}",
        answer.head
    );
    assert!(answer.head.contains("cache-control: no-store"), "{}", answer.head);
    // In a path too: nothing is echoed.
    let answer = get(&stage, "/api/device/%3Cscript%3E");
    assert_eq!(answer.status, 404);
    assert!(!answer.body.contains("<script>"), "{}", answer.body);
}

#[test]
fn foreign_names_are_refused_whatever_is_asked() {
    let stage = stage(None);
    for path in ["/", "/app.js", "/api/fleet", "/api/events", "/api/device/pi-01"] {
        let answer = ask(stage.server.address(), &format!("GET {path}"), &[("Host", "evil.example")], "");
        assert_eq!(answer.status, 403, "{path}");
        assert!(!answer.body.contains("evil"), "{}", answer.body);
    }
    let answer = ask(stage.server.address(), "GET /", &[("Host", "gw.example")], "");
    assert_eq!(answer.status, 200);
}

#[test]
fn a_reader_gets_the_fleet_and_then_what_changes() {
    let mut stage = stage(None);
    hostile(&mut stage);
    fleet_where(&stage, |fleet| fleet["totals"]["online"] == 1);
    let mut reader = open(stage.server.address(), "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n").lines();
    let mut next = |name: &str| loop {
        if reader.next().unwrap().unwrap() == format!("event: {name}") {
            let data = reader.next().unwrap().unwrap();
            return serde_json::from_str::<Value>(data.strip_prefix("data: ").unwrap()).unwrap();
        }
    };
    let fleet = next("fleet");
    assert_eq!(fleet["devices"].as_array().unwrap().len(), 1);
    let mut report: Report =
        serde_json::from_str(include_str!("../../../../shared-proto/vectors/native/report-full.json")).unwrap();
    (report.device, report.boot) = (status().device, status().boot);
    tell(&mut stage, Event::Report(Box::new(report.clone())));
    let change = loop {
        let delta = next("delta");
        if let Some(change) = delta["devices"].as_array().unwrap().iter().find(|tile| tile["miss"].is_number()) {
            break change.clone();
        }
    };
    assert_eq!(change["id"], "pi-01");
    assert!(change.get("version").is_none() && change.get("spark").is_none(), "only what changed: {change}");
}

#[test]
fn readers_are_counted() {
    let stage = stage(None);
    let address = stage.server.address();
    let request = "GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let open = |_| {
        let mut reader = open(address, request);
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        (reader, line)
    };
    let readers: Vec<_> = (0..super::stream::MAX_READERS).map(open).collect();
    assert!(readers.iter().all(|(_, line)| line.contains("200")));
    assert!(open(0).1.contains("503"));
    drop(readers);
    // Their places are free when the server has noticed.
    while open(0).1.contains("503") {}
}

#[test]
fn without_a_token_file_the_page_is_for_reading() {
    let stage = stage(None);
    let headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("Authorization", "Bearer x")];
    let answer = ask(stage.server.address(), "POST /api/device/pi-01/mode", &headers, r#"{"wish":"degraded"}"#);
    assert_eq!(answer.status, 403);
    assert!(answer.body.contains("web.control_token_file"), "{}", answer.body);
    let fleet: Value = serde_json::from_str(&get(&stage, "/api/fleet").body).unwrap();
    assert_eq!(fleet["controls"], false);
}

#[test]
fn a_wish_needs_the_token_and_the_own_page() {
    let directory = tempfile::tempdir().unwrap();
    let mut stage = stage(Some(&secret(directory.path(), &format!("{TOKEN}\n"))));
    let address = stage.server.address();
    let bearer = format!("Bearer {TOKEN}");
    let good = [("Host", "localhost"), ("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    let wish = r#"{"wish":"degraded"}"#;
    let post = |changed: &[(&str, &str)], body: &str| {
        let mut headers: Vec<(&str, &str)> =
            good.iter().filter(|(name, _)| changed.iter().all(|(other, _)| other != name)).copied().collect();
        headers.extend(changed.iter().filter(|(_, value)| !value.is_empty()).copied());
        ask(address, "POST /api/device/pi-01/mode", &headers, body).status
    };
    assert_eq!(post(&[("Host", "evil.example")], wish), 403);
    assert_eq!(post(&[("Origin", "http://evil.example")], wish), 403);
    assert_eq!(post(&[("Sec-Fetch-Site", "cross-site")], wish), 403);
    assert_eq!(post(&[("Content-Type", "text/plain")], wish), 415);
    assert_eq!(post(&[], r#"{"wish":"off"}"#), 400);
    assert_eq!(post(&[], r#"{"wish":"auto","more":1}"#), 400);
    assert_eq!(post(&[], &format!("{wish}{}", " ".repeat(2_000))), 413);
    // An answer of the controller is passed on.
    let own = bearer.clone();
    let asking = std::thread::spawn(move || {
        let headers = [
            ("Host", "localhost"),
            ("Content-Type", "application/json"),
            ("Authorization", &*own),
            ("Origin", "http://localhost"),
        ];
        ask(address, "POST /api/device/pi-01/mode", &headers, wish)
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let Incoming { request, reply } = runtime.block_on(stage.questions.next());
    assert_eq!(request, Request::SetMode { device: "pi-01".parse().unwrap(), wish: WishWord::Degraded });
    reply.refuse("pi-01: no such device");
    let answer = asking.join().unwrap();
    assert_eq!(answer.status, 409);
    assert!(answer.body.contains("no such device"), "{}", answer.body);
    // Whoever guesses has five tries.
    let wrong = |value: &'static str| post(&[("Authorization", value)], wish);
    for value in [
        "",
        "Bearer wrong",
        "Basic correct horse battery",
        "Bearer correct horse batterx",
        "Bearer correct horse battery2",
    ] {
        assert_eq!(wrong(value), 401, "{value}");
    }
    assert_eq!(wrong("Bearer wrong"), 429);
    // The right token is taken all the same: it is a wish that is wrong here.
    assert_eq!(post(&[], "{}"), 400);
}

#[test]
fn a_wish_without_an_answer_may_have_been_taken() {
    let directory = tempfile::tempdir().unwrap();
    let stage = stage(Some(&secret(directory.path(), TOKEN)));
    let address = stage.server.address();
    drop(stage.questions);
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Host", "localhost"), ("Content-Type", "application/json"), ("Authorization", &*bearer)];
    let answer = ask(address, "POST /api/device/pi-01/mode", &headers, r#"{"wish":"degraded"}"#);
    assert_eq!(answer.status, 503);
    assert!(answer.body.contains("not known whether the wish was taken"), "{}", answer.body);
}

#[test]
fn a_token_that_others_can_read_or_guess_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let short = settings(Some(&secret(directory.path(), "short\n")));
    assert!(matches!(short.token(), Err(WebError::ShortToken)));
    let path = secret(directory.path(), TOKEN);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let error = settings(Some(&path)).token().unwrap_err().to_string();
    assert!(error.contains("web.control_token_file") && !error.contains(TOKEN), "{error}");
}
