//! Files that are something else, or want to do harm.

use std::io::Write;

use super::fixture::{ack, begin, command, end, report};
use super::*;

fn line(line: &Line) -> String {
    format!("{}\n", serde_json::to_string(line).unwrap())
}

fn first() -> String {
    line(&Line::Begin(Box::new(begin())))
}

#[test]
fn other_files_are_refused_by_what_they_are() {
    let cases: [(&[u8], &str); 12] = [
        (b"", "no line"),
        (b"\n", "no line"),
        (b"   ", "no line"),
        (b"\x1f\x8b\x08\x00gzip", "neither zstd nor JSON"),
        (b"\x7fELF", "neither zstd nor JSON"),
        (b"{\"tool\":\"x\",\"runs\":[]}\n", "another tool"),
        (b"{\"kind\":\"begin\",\"format\":\"other\",\"version\":1}\n", "another tool"),
        (b"{\"kind\":\"report\",\"at_ms\":1}\n", "another tool"),
        (b"time,value\n1,2\n", "another tool"),
        (
            b"{\"kind\":\"begin\",\"format\":\"fleet-experiment\",\"version\":7}\n",
            "version 7: this program reads 1 to 1",
        ),
        (
            b"{\"kind\":\"begin\",\"format\":\"fleet-experiment\",\"version\":0}\n",
            "version 0: this program reads 1 to 1",
        ),
        (b"{\"kind\":\"begin\",\"format\":\"fleet-experiment\"}\n", "line 1: version is missing"),
    ];
    for (content, words) in cases {
        let error = refusal(content);
        assert!(error.contains(words), "{error}");
    }
    assert!(refusal(&zstd::bulk::compress(b"", 3).unwrap()).contains("no line"));
    let error = Recording::read("/nowhere").err().unwrap().to_string();
    assert!(error.contains("/nowhere") && error.contains("No such file"), "{error}");
}

#[test]
fn what_is_wrong_with_a_line_is_told_with_its_number() {
    let mut twisted = report(1.0, 1, 5);
    if let Line::Report(heard) = &mut twisted {
        heard.message.misses = 1000;
    }
    let cases = [
        ("{\"kind\":\"ack\",\"at_ms\":1}\n".to_owned(), "message"),
        ("{\"kind\":\"up\",\"at_ms\":\"soon\"}\n".to_owned(), "soon"),
        ("{\"kind\":\"up\",\"at_ms\":-1}\n".to_owned(), "allowed are 0 to"),
        ("{\"kind\":\"up\",\"at_ms\":1e999}\n".to_owned(), "number out of range"),
        ("{\"kind\":\"gateway\",\"cpu\":1.5}\n".to_owned(), "cpu is 1.5; allowed are 0 to 1"),
        ("{\"at_ms\":1}\n".to_owned(), "kind"),
        ("nonsense\n".to_owned(), "expected"),
        ("\u{0}\u{0}\n".to_owned(), "expected"),
        (line(&command(1.0, 1)).replace("pi-1", "pi/1"), "1 to 32"),
        (line(&twisted), "misses must not exceed jobs"),
        (first(), "second beginning"),
        (line(&Line::End(end(1.0, 0))) + &line(&ack(2.0, 1)), "after the last one"),
    ];
    for (wrong, words) in cases {
        let error = refusal(format!("{}{}{wrong}", first(), line(&command(0.5, 0))).as_bytes());
        let number = if words == "after the last one" { 4 } else { 3 };
        assert!(error.contains(&format!("line {number}: ")) && error.contains(words), "{error}");
    }
}

#[test]
fn what_a_newer_program_adds_is_left_out_and_told() {
    let newer = "{\"kind\":\"weather\",\"at_ms\":1,\"rain\":true}\n";
    let more = line(&command(1.0, 1)).replace("\"at_ms\"", "\"more\":[1],\"at_ms\"");
    let text = first() + newer + &more + newer + &line(&Line::End(end(2.0, 3)));
    let (_directory, path) = file(text.as_bytes());
    let (lines, notes) = read_all(&path).unwrap();
    assert_eq!(lines, [command(1.0, 1), Line::End(end(2.0, 3))]);
    assert_eq!(
        notes,
        [Note::UnknownKinds { lines: 2, first: "weather".into() }]
            .into_iter()
            .chain([Note::Reports { told: 3, found: 0 }])
            .collect::<Vec<_>>()
    );
}

/// 64 MiB of one line, in some kilobytes.
#[test]
fn a_bomb_is_refused_at_the_first_line_that_is_too_long() {
    let mut packed = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    packed.write_all(first().as_bytes()).unwrap();
    let piece = vec![b'x'; 1 << 20];
    (0..64).for_each(|_| packed.write_all(&piece).unwrap());
    let bomb = packed.finish().unwrap();
    assert!(bomb.len() < 64 * 1024, "{}", bomb.len());
    assert!(refusal(&bomb).contains("line 2: longer than 262144 bytes"));
    let plain = format!("{}{}", first(), "x".repeat(MAX_LINE + 1));
    assert!(refusal(plain.as_bytes()).contains("line 2: longer than"));
}

/// A frame may ask its reader for a window of gigabytes.
#[test]
fn a_frame_that_asks_for_much_memory_is_refused() {
    let mut packed = zstd::stream::Encoder::new(Vec::new(), 3).unwrap();
    packed.window_log(27).unwrap();
    packed.write_all(first().as_bytes()).unwrap();
    packed.write_all(line(&command(1.0, 1)).as_bytes()).unwrap();
    assert!(refusal(&packed.finish().unwrap()).contains("damaged before byte"));
}
