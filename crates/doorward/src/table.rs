//! Columns for people.

use comfy_table::{Row, Table, presets};

/// Spaces between two columns.
const GAP: u16 = 2;

/// Rows of as many cells as there are headings, aligned, without spaces at the end of a line.
pub(crate) fn render<const N: usize>(headings: [&str; N], rows: &[[String; N]]) -> String {
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_header(headings)
        .add_rows(rows.iter().map(Row::from));
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let rows = [
            ["gate".to_owned(), "1".to_owned()],
            ["é".to_owned(), String::new()],
        ];
        assert_eq!(render(["id", "keys"], &rows), "id    keys\ngate  1\né\n");
    }
}
