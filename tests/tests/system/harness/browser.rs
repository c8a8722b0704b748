//! A headless Chromium, driven as the WebDriver standard says: <https://www.w3.org/TR/webdriver2/>.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::eventually;

/// Nothing that is asked takes so long; ends a test that hangs.
const LIMIT: Duration = Duration::from_secs(120);

/// A browser with one window; ends when dropped.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
}

impl Browser {
    /// Starts Debian's chromium-driver, and a browser by it.
    pub(crate) fn start() -> Self {
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut driver = started
            .unwrap_or_else(|error| panic!("chromedriver: {error}; Debian: apt-get install chromium chromium-driver"));
        let out = BufReader::new(driver.stdout.take().expect("its output"));
        let port = out.lines().map_while(Result::ok).find_map(|line| {
            line.split("successfully on port ").nth(1).and_then(|rest| rest.trim_end_matches('.').parse().ok())
        });
        let mut browser = Self { driver, port: port.expect("the driver's port"), session: String::new() };
        // As root there is no sandbox; and in a container /dev/shm is small.
        let args = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"];
        let wanted = json!({"goog:loggingPrefs": {"browser": "ALL"}, "goog:chromeOptions": {"args": args}});
        let session = browser.call("POST", "/session", &json!({"capabilities": {"alwaysMatch": wanted}}));
        session["sessionId"].as_str().expect("a session").clone_into(&mut browser.session);
        browser
    }

    /// Goes to an address.
    pub(crate) fn open(&self, url: &str) {
        self.command("url", &json!({ "url": url }));
    }

    /// What a function's body returns in the page.
    pub(crate) fn run(&self, script: &str) -> Value {
        self.command("execute/sync", &json!({ "script": script, "args": [] }))
    }

    /// Waits until an expression is true in the page.
    pub(crate) fn wait_for(&self, what: &str, expression: &str) {
        let mut seen = Value::Null;
        let script = format!("return [Boolean({expression}), document.body.innerText.slice(0, 1500)];");
        let found = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually(what, || {
                seen = self.run(&script);
                (seen[0] == true).then_some(())
            });
        }));
        if let Err(panic) = found {
            println!("---- the page:\n{}\n---- its log: {:?}", seen[1].as_str().unwrap_or_default(), self.log());
            std::panic::resume_unwind(panic);
        }
    }

    /// Clicks on the first element that fits a CSS selector.
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.command(&format!("element/{element}/click"), &json!({}));
    }

    /// Types into the first element that fits a CSS selector.
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.command(&format!("element/{element}/value"), &json!({ "text": text }));
    }

    /// The size of the window, and whether the system likes it dark.
    pub(crate) fn look_like(&self, width: u32, height: u32, scheme: &str) {
        let metrics = json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600});
        let media = json!({"features": [{"name": "prefers-color-scheme", "value": scheme}]});
        for (cmd, params) in [("Emulation.setDeviceMetricsOverride", metrics), ("Emulation.setEmulatedMedia", media)] {
            self.command("goog/cdp/execute", &json!({ "cmd": cmd, "params": params }));
        }
    }

    /// What the page wrote to its console since this was asked last, errors and violations of its policy among it.
    pub(crate) fn log(&self) -> Vec<String> {
        let entries = self.command("se/log", &json!({"type": "browser"}));
        entries.as_array().expect("a list").iter().map(|entry| entry["message"].to_string()).collect()
    }

    fn element(&self, selector: &str) -> String {
        let found = self.command("element", &json!({"using": "css selector", "value": selector}));
        let id = found.as_object().and_then(|found| found.values().next()).and_then(Value::as_str);
        id.unwrap_or_else(|| panic!("no {selector}: {found}")).to_owned()
    }

    fn command(&self, what: &str, body: &Value) -> Value {
        self.call("POST", &format!("/session/{}/{what}", self.session), body)
    }

    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("the driver");
        stream.set_read_timeout(Some(LIMIT)).expect("a limit");
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: {}",
            body.len()
        );
        stream.write_all(format!("{head}\r\n\r\n{body}").as_bytes()).expect("a request");
        let mut stream = BufReader::new(stream);
        let mut length = 0;
        loop {
            let mut line = String::new();
            stream.read_line(&mut line).expect("a head");
            let line = line.trim_end().to_ascii_lowercase();
            if let Some(value) = line.strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
            if line.is_empty() {
                break;
            }
        }
        let mut answer = vec![0; length];
        stream.read_exact(&mut answer).expect("an answer");
        let answer: Value = serde_json::from_slice(&answer).expect("JSON");
        assert!(answer["value"].get("error").is_none(), "{method} {path}: {answer}");
        answer["value"].clone()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.call("DELETE", &format!("/session/{}", self.session), &json!({}));
        }
        // Its browser goes with it.
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}
