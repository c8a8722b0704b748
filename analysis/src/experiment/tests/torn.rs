//! Files of a recorder that did not come to its end.

use super::fixture::{ack, begin, command, end, report};
use super::*;

/// A file of several frames, its length when each was kept, and its lines.
fn recorded() -> (Vec<u8>, Vec<usize>, Vec<Line>) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("x");
    let mut writer = Writer::create(&path, begin(), Existing::Refuse).unwrap();
    let length = |writer: &Writer| usize::try_from(writer.kept().bytes).unwrap();
    let mut lengths = vec![length(&writer)];
    let mut lines = Vec::new();
    for number in 1..6_u32 {
        let at_ms = 1000.0 * f64::from(number);
        for line in [report(at_ms, number.into(), 20), command(at_ms, number.into()), ack(at_ms, number.into())] {
            writer.append(&line).unwrap();
            lines.push(line);
        }
        writer.keep().unwrap();
        lengths.push(length(&writer));
    }
    let last = end(6000.0, 5);
    writer.finish(last.clone()).unwrap();
    lines.push(Line::End(last));
    (std::fs::read(&path).unwrap(), lengths, lines)
}

#[test]
fn cut_anywhere_it_gives_the_lines_before_the_cut() {
    let (bytes, lengths, lines) = recorded();
    for cut in 0..bytes.len() {
        let (_directory, path) = file(&bytes[..cut]);
        let whole_frames = lengths.iter().filter(|length| **length <= cut).count();
        match read_all(&path) {
            Ok((read, notes)) => {
                assert!(lines.starts_with(&read), "{cut}");
                assert!(
                    read.len() >= whole_frames.saturating_sub(1) * 3,
                    "{cut}: {} lines, {whole_frames} frames",
                    read.len()
                );
                let after_ms = read.last().map_or(0.0, Line::at_ms);
                let expected = if after_ms < 6000.0 { vec![Note::CutShort { after_ms }] } else { vec![] };
                assert_eq!(notes, expected, "{cut}");
            }
            // Not even the first line.
            Err(error) => assert!(whole_frames == 0 && cut < lengths[0], "{cut}: {error}"),
        }
    }
    let note = Note::CutShort { after_ms: 34_210.0 };
    assert_eq!(note.to_string(), "ends after 34.2 s: cut short");
}

#[test]
fn zeros_that_a_power_failure_leaves_count_as_cut_short() {
    let (bytes, lengths, lines) = recorded();
    for cut in [lengths[2], lengths[2] + 30] {
        let mut torn = bytes[..cut].to_vec();
        torn.resize(cut + 5000, 0);
        let (_directory, path) = file(&torn);
        let (read, notes) = read_all(&path).unwrap();
        assert!(lines.starts_with(&read) && read.len() >= 6, "{cut}");
        assert!(matches!(notes[..], [Note::CutShort { .. }]), "{cut}: {notes:?}");
    }
}

#[test]
fn damage_in_the_middle_is_refused_with_its_place() {
    let (bytes, lengths, lines) = recorded();
    let mut refused = 0_usize;
    for at in lengths[1]..lengths[2] {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0x10;
        let (_directory, path) = file(&damaged);
        // Never a panic, and never other lines than were written without a word about it.
        match read_all(&path) {
            Err(RecordingError::Damaged { .. } | RecordingError::Line { .. }) => refused += 1,
            Err(other) => panic!("{at}: {other}"),
            // A bit that means nothing (RFC 8878, section 3.1.1.1.1.3).
            Ok((read, _)) if read == lines => {}
            // What looks like a frame longer than the file.
            Ok((_, notes)) => assert!(matches!(notes[..], [Note::CutShort { .. }]), "{at}: {notes:?}"),
        }
    }
    assert!(refused > (lengths[2] - lengths[1]) / 2, "{refused}");
    let mut damaged = bytes.clone();
    damaged[lengths[2]..lengths[2] + 8].copy_from_slice(b"garbage!");
    let error = refusal(&damaged);
    assert!(error.contains("damaged before byte") && error.contains("line 7"), "{error}");
}

#[test]
fn a_line_cut_in_a_plain_file_is_left_out() {
    let text = format!(
        "{}\n{}\n{}",
        serde_json::to_string(&Line::Begin(Box::new(begin()))).unwrap(),
        serde_json::to_string(&command(1500.0, 1)).unwrap(),
        &serde_json::to_string(&ack(1600.0, 1)).unwrap()[..40],
    );
    let (_directory, path) = file(text.as_bytes());
    assert_eq!(read_all(&path).unwrap(), (vec![command(1500.0, 1)], vec![Note::CutShort { after_ms: 1500.0 }]));
}

/// `/dev/full` refuses every byte, as a full disk does.
#[test]
fn a_full_disk_is_told() {
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let mut writer = Writer::over("/dev/full".into(), full).unwrap();
    writer.append(&command(1.0, 1)).unwrap();
    let error = writer.keep().unwrap_err().to_string();
    assert!(error.contains("No space left") && error.contains("can be read"), "{error}");
}
