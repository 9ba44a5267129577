//! What was measured, as tables and in JSON.

use std::path::PathBuf;
use std::{fs, io};

use crate::turns::{Contender, Pace, Ratio, compare};

/// Runs the comparisons, prints their tables, and keeps the rows.
#[derive(Debug)]
pub struct Report {
    pace: Pace,
    json: Option<PathBuf>,
    suite: &'static str,
    rows: Vec<String>,
}

impl Report {
    /// `--quick` makes it a first look, `--json FILE` writes the rows to a file.
    pub fn from_arguments() -> Self {
        let is_quick = std::env::args().any(|argument| argument == "--quick");
        let json = std::env::args().skip_while(|argument| argument != "--json").nth(1);
        Self {
            pace: if is_quick { Pace::QUICK } else { Pace::THOROUGH },
            json: json.map(PathBuf::from),
            suite: "",
            rows: Vec::new(),
        }
    }

    /// Begins a table: what its rows are named by, and the contenders, ours first.
    pub fn suite(&mut self, suite: &'static str, labels: &[&str], contenders: &[&str]) {
        self.suite = suite;
        let others: Vec<String> = contenders[1..].iter().map(|other| format!(": {other}")).collect();
        println!("\n### {suite}\n");
        println!(
            "| {} | {}, GB/s | {} |",
            labels.join(" | "),
            contenders[0],
            others.join(" | ")
        );
        println!("|{}", " --- |".repeat(labels.len() + contenders.len()));
    }

    /// Measures a row of it: the first contender's throughput, and how many times that of each other it is.
    pub fn compare(&mut self, cell: &[&str], contenders: &mut [Contender<'_>]) {
        let (throughput, ratios) = compare(self.pace, contenders);
        let others: Vec<String> = ratios.iter().map(Ratio::to_string).collect();
        println!(
            "| {} | {:.2} | {} |",
            cell.join(" | "),
            throughput / 1e9,
            others.join(" | ")
        );
        let peers = || contenders[1..].iter().map(|(name, _)| name).zip(&ratios);
        let medians: Vec<String> = peers()
            .map(|(name, ratio)| format!("\"{name}\":{:.3}", ratio.median))
            .collect();
        let quartiles: Vec<String> = peers()
            .map(|(name, ratio)| format!("\"{name}\":[{:.3},{:.3}]", ratio.quartiles[0], ratio.quartiles[1]))
            .collect();
        self.rows.push(format!(
            r#"{{"suite":"{}","cell":"{}","ours":{throughput:.0},"peers":{{{}}},"quartiles":{{{}}}}}"#,
            self.suite,
            cell.join(" "),
            medians.join(","),
            quartiles.join(","),
        ));
    }

    /// Writes the rows, if that was asked for: `ours` is in bytes a second, of `peers` each is ours divided by theirs.
    ///
    /// # Errors
    /// The file cannot be written.
    pub fn finish(self) -> io::Result<()> {
        let Some(path) = self.json else { return Ok(()) };
        fs::write(path, format!("[\n{}\n]\n", self.rows.join(",\n")))
    }
}
