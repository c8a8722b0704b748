//! Columns of text.

/// Rows with columns of equal width, two blanks apart; the last cell of a row is as long as it is.
pub(super) fn aligned(rows: &[Vec<String>]) -> String {
    let mut widths: Vec<usize> = Vec::new();
    for row in rows {
        for (column, cell) in row.iter().take(row.len().saturating_sub(1)).enumerate() {
            let width = cell.chars().count();
            match widths.get_mut(column) {
                Some(widest) => *widest = width.max(*widest),
                None => widths.push(width),
            }
        }
    }
    let line = |row: &Vec<String>| {
        let last = row.len().saturating_sub(1);
        let cells = row.iter().enumerate().map(|(column, cell)| {
            let width = widths.get(column).copied().filter(|_| column < last).unwrap_or(0);
            format!("{cell:<width$}")
        });
        cells.collect::<Vec<_>>().join("  ") + "\n"
    };
    rows.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn columns_are_aligned() {
        let rows = [vec!["HOST".to_owned(), "X".to_owned()], vec!["a".to_owned(), "some words".to_owned()]];
        assert_eq!(super::aligned(&rows), "HOST  X\na     some words\n");
    }
}
