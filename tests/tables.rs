//! `rfc6455.md`, `rfc7692.md`, `rfc8441.md`, `whatwg.md` and `mistakes.md` say which test holds what; this holds them.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::path::Path;

/// The cells of a table's rows, without those of its head.
fn rows<const N: usize>(table: &str) -> Vec<[&str; N]> {
    let is_head = |line: &str| ["| § ", "| n ", "| ---"].iter().any(|head| line.starts_with(head));
    table
        .lines()
        .filter(|line| line.starts_with("| ") && !is_head(line))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            cells.try_into().unwrap_or_else(|_| panic!("{N} cells: {line}"))
        })
        .collect()
}

/// A cell is a list of `` `file`: `test` ``, or says why there is none; returns whether there are tests.
fn names_tests(place: &str, cell: &str) -> bool {
    if let Some(reason) = cell.strip_prefix("not covered") {
        assert!(reason.len() > 20, "{place}: say why");
        return false;
    }
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    for named in cell.split("; `") {
        let (file, name) = named
            .trim_matches('`')
            .split_once("`: `")
            .unwrap_or_else(|| panic!("{place}: {named}"));
        let path = if file.starts_with("src/") {
            tests.join("..").join(file)
        } else {
            tests.join(file)
        };
        let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{place}: {file}: {error}"));
        let exists = source.contains(name) && (!file.ends_with(".rs") || source.contains(&format!("fn {name}(")));
        assert!(exists, "{place}: {file} has no test {name}");
    }
    true
}

#[test]
fn every_requirement_has_a_test_that_exists_or_says_why_not() {
    let rows: Vec<_> = [
        include_str!("rfc6455.md"),
        include_str!("rfc7692.md"),
        include_str!("rfc8441.md"),
    ]
    .into_iter()
    .flat_map(rows::<4>)
    .collect();
    let mut uncovered = 0;
    for [section, level, _, tests] in &rows {
        assert!(
            ["MUST", "MUST NOT", "SHOULD", "MAY", "–"].contains(level),
            "{section}: {level}"
        );
        uncovered += usize::from(!names_tests(section, tests));
    }
    assert!(rows.len() > 90, "{} rows", rows.len());
    assert!(uncovered < 6, "{uncovered} requirements without a test");
}

#[test]
fn every_rule_of_the_whatwg_standard_has_a_test_that_exists_or_says_why_not() {
    let rows = rows::<3>(include_str!("whatwg.md"));
    let covered = rows.iter().filter(|[section, _, tests]| names_tests(section, tests));
    assert!(covered.count() > 30);
}

#[test]
fn every_mistake_of_others_has_a_test_that_exists_or_says_why_not() {
    let rows = rows::<3>(include_str!("mistakes.md"));
    for (number, [n, _, tests]) in (1..).zip(&rows) {
        assert_eq!(n.parse(), Ok(number));
        names_tests(n, tests);
    }
    assert_eq!(rows.len(), 24);
}
