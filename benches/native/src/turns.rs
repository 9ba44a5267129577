//! Contenders in turns, A B C A B C, so that whatever else the machine does hits all of them; a ratio is made of two
//! neighbours. A benchmark that measures one after the other would compare the machine's minutes.

use std::time::{Duration, Instant};

/// Something to measure: its name, and the work, which says how many bytes it has gone through.
pub type Contender<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

/// How long a turn takes at least, and how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub turn: Duration,
    pub rounds: usize,
}

impl Pace {
    /// `--quick` makes it a first look.
    pub fn from_arguments() -> Self {
        let quick = std::env::args().any(|argument| argument == "--quick");
        Self {
            turn: Duration::from_millis(if quick { 5 } else { 20 }),
            rounds: if quick { 5 } else { 21 },
        }
    }
}

/// The throughput of the first contender in bytes a second, and the ratio of it to that of each; medians.
pub fn compare(pace: Pace, contenders: &mut [Contender<'_>]) -> (f64, Vec<f64>) {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    for round in 0..=pace.rounds {
        let figures = contenders.iter_mut().map(|(_, work)| rate(pace.turn, work)).collect();
        // the first is for the caches
        if round > 0 {
            rounds.push(figures);
        }
    }
    let first = median(rounds.iter().map(|figures| figures[0]));
    let ratios = (0..contenders.len())
        .map(|one| median(rounds.iter().map(|figures| figures[0] / figures[one])))
        .collect();
    (first, ratios)
}

/// A row of the table: the first contender's throughput, and how many times that of each other it is.
pub fn print(labels: &[&str], throughput: f64, ratios: &[f64]) {
    let others: Vec<String> = ratios[1..].iter().map(|ratio| format!("{ratio:.2}")).collect();
    println!(
        "| {} | {:.2} | {} |",
        labels.join(" | "),
        throughput / 1e9,
        others.join(" | ")
    );
}

/// The table's head.
pub fn print_head(labels: &[&str], contenders: &[&str]) {
    let others: Vec<String> = contenders[1..]
        .iter()
        .map(|other| format!("{} : {other}", contenders[0]))
        .collect();
    println!(
        "\n| {} | {}, GB/s | {} |",
        labels.join(" | "),
        contenders[0],
        others.join(" | ")
    );
    println!("|{}", " --- |".repeat(labels.len() + contenders.len()));
}

fn rate(turn: Duration, work: &mut dyn FnMut() -> usize) -> f64 {
    let start = Instant::now();
    let mut bytes = 0;
    loop {
        bytes += work();
        let elapsed = start.elapsed();
        if elapsed >= turn {
            return bytes as f64 / elapsed.as_secs_f64();
        }
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
