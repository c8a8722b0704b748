//! The page: its structure, its text alternatives, its harmlessness, its bytes.

use roxmltree::{Document, Node, ParsingOptions};

use super::made::Made;
use super::*;

fn parsed(page: &str) -> Document<'_> {
    let options = ParsingOptions { allow_dtd: true, ..ParsingOptions::default() };
    Document::parse_with_options(page, options).unwrap()
}

fn elements<'a>(page: &'a Document<'_>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    page.descendants().filter(move |node| node.tag_name().name() == name)
}

fn text_of(node: Node<'_, '_>) -> String {
    node.descendants().filter_map(|node| node.text().filter(|_| node.is_text())).collect()
}

fn child<'a>(node: Node<'a, 'a>, name: &str) -> Node<'a, 'a> {
    node.descendants().find(|child| child.tag_name().name() == name).unwrap_or_else(|| panic!("no {name} in {node:?}"))
}

/// Nothing is loaded, nothing runs, and every picture and table has words.
fn check(page: &str) {
    let page = parsed(page);
    for name in ["script", "img", "link", "iframe", "object", "foreignObject", "use", "image"] {
        assert_eq!(elements(&page, name).count(), 0, "{name}");
    }
    for node in page.descendants() {
        for attribute in node.attributes() {
            let (name, value) = (attribute.name(), attribute.value());
            assert!(!name.starts_with("on"), "{name}");
            assert!(!["href", "src"].contains(&name) || value.starts_with('#'), "{name}={value}");
        }
    }
    let policy = elements(&page, "meta").find(|meta| meta.attribute("http-equiv").is_some()).unwrap();
    assert!(policy.attribute("content").unwrap().starts_with("default-src 'none'"));
    let mut ids: Vec<&str> = page.descendants().filter_map(|node| node.attribute("id")).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), all, "an id comes twice");
    for link in elements(&page, "a") {
        assert!(ids.contains(&link.attribute("href").unwrap().trim_start_matches('#')));
    }
    for figure in elements(&page, "figure") {
        let svg = child(figure, "svg");
        assert_eq!(svg.attribute("role"), Some("img"));
        for id in svg.attribute("aria-labelledby").unwrap().split(' ') {
            let label = page.descendants().find(|node| node.attribute("id") == Some(id)).unwrap();
            assert!(text_of(label).len() > 5);
        }
        assert!(text_of(child(figure, "figcaption")).len() > 40);
    }
    for table in elements(&page, "table") {
        assert!(text_of(child(table, "caption")).len() > 15);
        let rows: Vec<usize> =
            elements_in(table, "tr").map(|row| row.children().filter(Node::is_element).count()).collect();
        assert!(rows.len() > 1 && rows.iter().all(|cells| Some(cells) == rows.first()), "{rows:?}");
    }
    for svg in elements(&page, "svg") {
        let numbers = svg.descendants().filter_map(|node| node.attribute("d"));
        assert!(numbers.into_iter().all(|path| !path.contains("NaN") && !path.contains("inf")));
    }
}

fn elements_in<'a>(node: Node<'a, 'a>, name: &'static str) -> impl Iterator<Item = Node<'a, 'a>> {
    node.descendants().filter(move |child| child.tag_name().name() == name)
}

#[test]
fn a_pair_in_all_its_parts() {
    let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let report = Report::read(&pair(first.path())).unwrap();
    let page = report.html();
    check(&page);
    let document = parsed(&page);
    let titles: Vec<String> = elements(&document, "h2").map(text_of).collect();
    assert_eq!(
        titles,
        [
            "1. The answer",
            "2. Does orchestration disturb the devices' temporal stability?",
            "3. Is the overhead visible?",
            "4. How fast does SetMode take effect?",
            "5. Which is simpler to deploy and to restart?",
            "6. Which approach on a constrained gateway?",
            "7. How to split over three gateways?",
            "8. Was it a fair comparison?",
            "9. How these figures come about",
        ]
    );
    let figures: Vec<&str> =
        elements(&document, "figure").filter_map(|figure| figure.attribute("id")?.strip_prefix("figure-")).collect();
    assert_eq!(
        figures,
        [
            "ratios",
            "runs",
            "jitter-over-time",
            "quantiles-over-runs",
            "distribution",
            "tail",
            "misses-over-time",
            "outliers-folded",
            "gateway-over-time",
            "gateway-by-process",
            "reaction",
            "link-events",
        ]
    );
    let headline = report.headline();
    assert!(
        headline[0].starts_with("kubeedge against plain: p99 of the wake-up latency ×1.")
            && headline[0].contains(": worse (6 and 6 runs, medians ")
            && headline[0].ends_with("; differences from 10 % on would be found with power 0.8 from 6 runs a side on)"),
        "{headline:?}"
    );
    let memory = headline.iter().find(|line| line.contains("memory of the gateway")).unwrap();
    assert!(memory.contains(": same (6 and 6 runs, medians 39"), "{memory}");

    // The same files elsewhere give the same bytes, pictures too.
    let again = Report::read(&pair(second.path())).unwrap();
    assert_eq!(page, again.html());
    assert_eq!(report.json()["headline"], again.json()["headline"]);
    let places = Places {
        html: Some(first.path().join("new/deep/report.html")),
        plots: Some(first.path().join("plots")),
        csv: Some(first.path().join("csv")),
    };
    let written = report.write(&places, Existing::Keep).unwrap();
    assert_eq!(written.len(), 1 + 2 * figures.len() + elements(&document, "table").count());
    assert_eq!(std::fs::read_to_string(&written[0]).unwrap(), page);
    let drawn = again.document.figures().next().unwrap();
    assert_eq!(std::fs::read(first.path().join("plots/ratios.png")).unwrap(), drawn.scene.png().unwrap());
    let only_page = Places { html: places.html.clone(), ..Places::default() };
    let refused = report.write(&only_page, Existing::Keep).unwrap_err().to_string();
    assert!(refused.contains("report.html: exists") && refused.contains("--force"), "{refused}");
    report.write(&only_page, Existing::Replace).unwrap();
}

#[test]
fn hostile_words_stay_words() {
    let directory = tempfile::tempdir().unwrap();
    let hostile = "</title><script>alert(1)</script>\u{1b}]0;x\u{7}\u{202e}";
    let made = |label: &str, run| Made {
        label: label.to_owned(),
        note: "=HYPERLINK(\"http://x\")<img src=x onerror=alert(1)>".to_owned(),
        version: "<svg onload=a()>".to_owned(),
        seed: u64::from(run),
        run,
        seconds: 6,
        ..Made::default()
    };
    let a = vec![made(hostile, 1).write(directory.path())];
    let b = vec![made("\"'&", 2).write(directory.path())];
    let report = Report::read(&Request { a, b, ..Request::default() }).unwrap();
    let page = report.html();
    check(&page);
    let document = parsed(&page);
    assert!(
        text_of(child(document.root_element(), "h1")).starts_with("</title><script>alert(1)</script>?]0;x?? against")
    );
    assert!(!page.contains("<img") && !page.contains("<script") && !page.contains("<svg onload"));
    for figure in report.document.figures() {
        let svg = figure.scene.svg(figure.name, &figure.title, &figure.alternative);
        assert!(
            !svg.contains("<script") && parsed(&svg).root_element().has_tag_name(("http://www.w3.org/2000/svg", "svg"))
        );
    }
    let machine = report.document.tables().find(|table| table.name == "machine").unwrap();
    let machine = csv::csv(machine);
    assert!(machine.contains(",\"'=HYPERLINK("), "{machine}");
}

#[test]
fn one_condition_alone_is_described() {
    let directory = tempfile::tempdir().unwrap();
    let a = made::runs(directory.path(), "plain", 2, 1.0);
    let report = Report::read(&Request { a, label_a: Some("by hand".to_owned()), ..Request::default() }).unwrap();
    check(&report.html());
    assert_eq!(report.document.title, "by hand");
    assert!(
        report.headline()[0].starts_with("A (by hand): 2 runs, 48.1 s in all, 2 devices"),
        "{:?}",
        report.headline()
    );
    let figures = report.document.tables().find(|table| table.name == "figures").unwrap();
    assert_eq!(figures.rows.len(), 8);
}
