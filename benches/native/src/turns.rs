//! Contenders in turns, A B C A B C, so that whatever else the machine does hits all of them; a ratio is made of two
//! neighbours. A benchmark that measures one after the other would compare the machine's minutes. It is the processor's
//! time that counts: the time that other processes get does not matter.

use std::fmt;
use std::time::Duration;

use cpu_time::ThreadTime;

/// Something to measure: its name, and the work, which says how many bytes it has gone through.
pub type Contender<'a> = (&'static str, Box<dyn FnMut() -> usize + 'a>);

/// How long a turn takes at least, and how many there are.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    pub turn: Duration,
    pub rounds: usize,
}

impl Pace {
    /// A first look.
    pub const QUICK: Self = Self {
        turn: Duration::from_millis(1),
        rounds: 15,
    };
    /// What is worth to be written down.
    pub const THOROUGH: Self = Self {
        turn: Duration::from_millis(3),
        rounds: 101,
    };
}

/// How many times a contender's throughput the first one's is.
#[derive(Clone, Copy, Debug)]
pub struct Ratio {
    pub median: f64,
    /// Half of the rounds are between them.
    pub quartiles: [f64; 2],
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.quartiles;
        write!(f, "{:.2} ({low:.2}–{high:.2})", self.median)
    }
}

/// The throughput of the first contender in bytes a second, and its ratio to that of each other.
pub fn compare(pace: Pace, contenders: &mut [Contender<'_>]) -> (f64, Vec<Ratio>) {
    let mut rounds: Vec<Vec<f64>> = Vec::new();
    for round in 0..=pace.rounds {
        let figures = contenders.iter_mut().map(|(_, work)| rate(pace.turn, work)).collect();
        // the first is for the caches
        if round > 0 {
            rounds.push(figures);
        }
    }
    let [_, first, _] = quartiles(rounds.iter().map(|figures| figures[0]));
    let ratios = (1..contenders.len())
        .map(|one| {
            let [low, median, high] = quartiles(rounds.iter().map(|figures| figures[0] / figures[one]));
            Ratio {
                median,
                quartiles: [low, high],
            }
        })
        .collect();
    (first, ratios)
}

fn rate(turn: Duration, work: &mut dyn FnMut() -> usize) -> f64 {
    let start = ThreadTime::now();
    let mut bytes = 0;
    loop {
        bytes += work();
        let elapsed = start.elapsed();
        if elapsed >= turn {
            return bytes as f64 / elapsed.as_secs_f64();
        }
    }
}

fn quartiles(values: impl Iterator<Item = f64>) -> [f64; 3] {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    [1, 2, 3].map(|quarter| values[values.len() * quarter / 4])
}
