//! Writes the reference of all keys for the documentation.

use super::{Key, Schema};

impl Schema {
    /// The keys as Markdown: for each section a heading of level 2, its text and a table.
    #[must_use]
    pub fn reference(&self) -> String {
        let mut blocks = Vec::new();
        for section in self.sections_in_order() {
            let rows: Vec<_> = self.keys_in(section.path).map(|key| self.row(key)).collect();
            if !section.path.is_empty() {
                blocks.push(format!("## `[{}]`", section.path));
            }
            if !section.doc.is_empty() {
                blocks.push(escape(section.doc));
            }
            if !rows.is_empty() {
                let head = "| key | default | allowed | environment | meaning |\n|---|---|---|---|---|";
                blocks.push(format!("{head}\n{}", rows.join("\n")));
            }
        }
        blocks.join("\n\n") + "\n"
    }

    fn row(&self, key: &Key) -> String {
        let default = if key.default.is_empty() { "not set".to_owned() } else { format!("`{}`", key.default) };
        let cells = [
            format!("`{}`", key.path),
            default,
            escape(key.allowed),
            format!("`{}`", self.variable(key.path)),
            escape(key.doc),
        ];
        format!("| {} |", cells.map(|cell| cell.replace('|', "\\|").replace('\n', " ")).join(" | "))
    }
}

/// Keeps Markdown from swallowing `<name>` as an HTML tag; inside back-ticks everything is literal already.
fn escape(text: &str) -> String {
    let part = |(index, part): (usize, &str)| if index % 2 == 0 { part.replace('<', "\\<") } else { part.to_owned() };
    text.split('`').enumerate().map(part).collect::<Vec<_>>().join("`")
}
