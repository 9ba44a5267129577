//! The crate against other crates, memcpy and simdutf8. `--quick` is a first look, `--json FILE` keeps the rows too,
//! the file being named from this crate's folder; `--suite bytes,decode,write,read` is for some of them.

mod bytes;
mod decode;
mod write;

use websocket_component_benches::report::Report;

type Suite = (&'static str, fn(&mut Report));

fn main() -> std::io::Result<()> {
    let suites: [Suite; 4] = [
        ("bytes", bytes::run),
        ("decode", decode::run),
        ("write", write::run),
        ("read", decode::run_connection),
    ];
    let chosen = std::env::args().skip_while(|argument| argument != "--suite").nth(1);
    let mut report = Report::from_arguments();
    for (name, run) in suites {
        if chosen
            .as_ref()
            .is_none_or(|chosen| chosen.split(',').any(|one| one == name))
        {
            run(&mut report);
        }
    }
    report.finish()
}
