//! The report as one page of HTML that is well-formed XML too.

use super::document::{Block, Cell, Document, Figure, Mood, Section, Table};
use crate::plot::escaped;

/// The style, on screen and on paper.
const STYLE: &str = include_str!("style.css");
/// Nothing may be loaded and nothing may run: only styles that stand in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'";

/// Tables of so many rows stay on one page in print.
const SHORT: usize = 20;

/// The whole page.
pub(super) fn page(document: &Document) -> String {
    let title = escaped(&document.title);
    let mut out = format!(
        "<!DOCTYPE html>\n<html lang=\"en\" xmlns=\"http://www.w3.org/1999/xhtml\">\n<head>\n<meta charset=\"utf-8\"/>\n<meta \
         http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\"/>\n<meta name=\"viewport\" content=\"width=device-width, \
         initial-scale=1\"/>\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<header>\n<h1>{title}</h1>\n"
    );
    for fact in &document.facts {
        out += &format!("<p class=\"fact\">{}</p>\n", escaped(fact));
    }
    out += "</header>\n<nav aria-label=\"Contents\">\n<ol>\n";
    for section in &document.sections {
        out += &format!("<li><a href=\"#{}\">{}</a></li>\n", section.id, escaped(&section.title));
    }
    out += "</ol>\n</nav>\n<main>\n";
    let mut numbers = Numbers::default();
    for (position, section) in document.sections.iter().enumerate() {
        out += &chapter(position + 1, section, &mut numbers);
    }
    out += "</main>\n</body>\n</html>\n";
    out
}

/// Figures and tables are counted through.
#[derive(Default)]
struct Numbers {
    figures: u32,
    tables: u32,
}

fn chapter(number: usize, section: &Section, numbers: &mut Numbers) -> String {
    let mut out = format!("<section id=\"{}\">\n<h2>{number}. {}</h2>\n", section.id, escaped(&section.title));
    for block in &section.blocks {
        match block {
            Block::Text(text) => out += &format!("<p>{}</p>\n", escaped(text)),
            Block::Lead(text) => out += &format!("<p class=\"lead\">{}</p>\n", escaped(text)),
            Block::Aside(text) => out += &format!("<p class=\"aside\">{}</p>\n", escaped(text)),
            Block::Verdict(mood, word, text) => {
                let class = match mood {
                    Mood::Good => "good",
                    Mood::Bad => "bad",
                    Mood::Even => "even",
                    Mood::Open => "open",
                };
                out += &format!(
                    "<p class=\"verdict\"><span class=\"mark {class}\">{}</span> {}</p>\n",
                    escaped(word),
                    escaped(text)
                );
            }
            Block::List(entries) => {
                out += "<ul>\n";
                for entry in entries {
                    out += &format!("<li>{}</li>\n", escaped(entry));
                }
                out += "</ul>\n";
            }
            Block::Table(table) => out += &tabular(table, numbers),
            Block::Figure(figure) => out += &drawn(figure, numbers),
        }
    }
    out + "</section>\n"
}

fn tabular(table: &Table, numbers: &mut Numbers) -> String {
    numbers.tables += 1;
    let mut out = format!(
        "<div class=\"scroll{}\"><table id=\"table-{}\">\n<caption>Table {}. {}</caption>\n<thead><tr>",
        if table.rows.len() <= SHORT { " short" } else { "" },
        table.name,
        numbers.tables,
        escaped(&table.caption)
    );
    for (position, head) in table.head.iter().enumerate() {
        let numeric = table.rows.iter().any(|row| matches!(row.get(position), Some(Cell::Figure(_))));
        let class = if numeric { " class=\"figure\"" } else { "" };
        out += &format!("<th scope=\"col\"{class}>{}</th>", escaped(head));
    }
    out += "</tr></thead>\n<tbody>\n";
    for row in &table.rows {
        out += "<tr>";
        for (position, cell) in row.iter().enumerate() {
            let (class, text) = match cell {
                Cell::Words(text) => ("", text),
                Cell::Figure(text) => (" class=\"figure\"", text),
                Cell::Differs(text) => (" class=\"differs\"", text),
            };
            let (tag, scope) = if position == 0 { ("th", " scope=\"row\"") } else { ("td", "") };
            out += &format!("<{tag}{scope}{class}>{}</{tag}>", escaped(text));
        }
        out += "</tr>\n";
    }
    out + "</tbody>\n</table></div>\n"
}

fn drawn(figure: &Figure, numbers: &mut Numbers) -> String {
    numbers.figures += 1;
    format!(
        "<figure id=\"figure-{}\">\n<p class=\"title\">Figure {}. {}</p>\n{}<figcaption>{}</figcaption>\n</figure>\n",
        figure.name,
        numbers.figures,
        escaped(&figure.title),
        figure.scene.svg(figure.name, &figure.title, &figure.alternative),
        escaped(&figure.caption)
    )
}
