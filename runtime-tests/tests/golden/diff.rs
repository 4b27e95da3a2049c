//! What differs between two texts, for people.

/// Lines shown before and after a difference.
const CONTEXT: usize = 2;
/// Lines that are shown at most.
const SHOWN_MAX: usize = 120;
/// Differences between longer parts are not looked for line by line.
const LINES_MAX: usize = 4000;

/// One line: in which of the texts it is, with its numbers there.
#[derive(Clone, Copy)]
enum Line<'t> {
    Both(usize, usize, &'t str),
    Expected(usize, &'t str),
    Got(usize, &'t str),
}

/// The lines that differ, each with its number, below the title of their part of the file. Empty where the
/// texts are the same.
pub fn shown(expected: &str, got: &str) -> String {
    if expected == got {
        return String::new();
    }
    let (expected, got): (Vec<_>, Vec<_>) = (expected.lines().collect(), got.lines().collect());
    let lines = compared(&expected, &got);
    let differs = |line: &Line<'_>| !matches!(line, Line::Both(..));
    let near = |at: usize| {
        let from = at.saturating_sub(CONTEXT);
        let until = (at + CONTEXT + 1).min(lines.len());
        lines[from..until].iter().any(differs)
    };
    let mut shown = Vec::new();
    let mut title = None;
    let mut told = None;
    let mut before = None;
    for (at, line) in lines.iter().enumerate() {
        let (Line::Both(.., text) | Line::Expected(_, text) | Line::Got(_, text)) = line;
        if text.starts_with("== ") || text.starts_with("-- ") {
            title = Some(*text);
        }
        if !near(at) {
            continue;
        }
        if before.is_none_or(|before| before + 1 < at) {
            if told != title {
                shown.push(format!("       {}", title.unwrap_or_default()));
            }
            shown.push("  …".to_owned());
        }
        told = title;
        before = Some(at);
        shown.push(match line {
            Line::Both(expected, got, text) => format!("{expected:>5} {got:>5}   {text}"),
            Line::Expected(number, text) => format!("{number:>5}       - {text}"),
            Line::Got(number, text) => format!("      {number:>5} + {text}"),
        });
    }
    if shown.is_empty() {
        return "they differ at their ends of lines".to_owned();
    }
    let left = shown.len().saturating_sub(SHOWN_MAX);
    shown.truncate(SHOWN_MAX);
    if left > 0 {
        shown.push(format!("  … and {left} lines more"));
    }
    shown.join("\n")
}

/// All lines of both, by the longest sequence that both have.
fn compared<'t>(expected: &[&'t str], got: &[&'t str]) -> Vec<Line<'t>> {
    let same = |pair: &(&&str, &&str)| pair.0 == pair.1;
    let start = expected.iter().zip(got).take_while(same).count();
    let (left, right) = (&expected[start..], &got[start..]);
    let ends = left.iter().rev().zip(right.iter().rev());
    let end = ends.take_while(same).count();
    let (left, right) = (&left[..left.len() - end], &right[..right.len() - end]);

    let both = |at: usize, other: usize| Line::Both(at + 1, other + 1, expected[at]);
    let mut lines: Vec<Line<'t>> = (0..start).map(|at| both(at, at)).collect();
    let (mut i, mut j) = (0, 0);
    if left.len().max(right.len()) <= LINES_MAX {
        // `length[i][j]`: of the longest sequence in what is left from there on.
        let mut length = vec![vec![0_u16; right.len() + 1]; left.len() + 1];
        for i in (0..left.len()).rev() {
            for j in (0..right.len()).rev() {
                length[i][j] = match left[i] == right[j] {
                    true => length[i + 1][j + 1] + 1,
                    false => length[i + 1][j].max(length[i][j + 1]),
                };
            }
        }
        while i < left.len() && j < right.len() {
            if left[i] == right[j] {
                lines.push(both(start + i, start + j));
                (i, j) = (i + 1, j + 1);
            } else if length[i + 1][j] >= length[i][j + 1] {
                lines.push(Line::Expected(start + i + 1, left[i]));
                i += 1;
            } else {
                lines.push(Line::Got(start + j + 1, right[j]));
                j += 1;
            }
        }
    }
    let rest = left.iter().enumerate().skip(i);
    lines.extend(rest.map(|(at, text)| Line::Expected(start + at + 1, text)));
    let rest = right.iter().enumerate().skip(j);
    lines.extend(rest.map(|(at, text)| Line::Got(start + at + 1, text)));
    let (at, other) = (expected.len() - end, got.len() - end);
    lines.extend((0..end).map(|more| both(at + more, other + more)));
    lines
}
