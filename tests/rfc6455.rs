//! `rfc6455.md` says which test holds which requirement; this holds `rfc6455.md`.
#![cfg(not(all(target_arch = "wasm32", target_os = "unknown")))]
#![allow(clippy::unwrap_used, reason = "a wrong test panics")]

use std::path::Path;

#[test]
fn every_requirement_has_a_test_that_exists_or_says_why_not() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let table = include_str!("rfc6455.md");
    let rows: Vec<[&str; 4]> = table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| §") && !line.starts_with("| ---"))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            cells.try_into().unwrap_or_else(|_| panic!("four cells: {line}"))
        })
        .collect();
    let mut uncovered = 0;
    for [section, level, _, test] in &rows {
        assert!(
            ["MUST", "MUST NOT", "SHOULD", "MAY", "–"].contains(level),
            "{section}: {level}"
        );
        if let Some(reason) = test.strip_prefix("not covered") {
            assert!(reason.len() > 20, "{section}: say why");
            uncovered += 1;
            continue;
        }
        for named in test.split("; `") {
            let (file, name) = named
                .trim_matches('`')
                .split_once("`: `")
                .unwrap_or_else(|| panic!("{section}: {named}"));
            let path = if file.starts_with("src/") {
                root.join(file)
            } else {
                root.join("tests").join(file)
            };
            let source = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{section}: {file}: {error}"));
            let exists = source.contains(name) && (!file.ends_with(".rs") || source.contains(&format!("fn {name}(")));
            assert!(exists, "{section}: {file} has no test {name}");
        }
    }
    assert!(rows.len() > 70, "{} rows", rows.len());
    assert!(uncovered < 6, "{uncovered} requirements without a test");
}
