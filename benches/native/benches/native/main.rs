//! The crate against other crates, memcpy and simdutf8. `--quick` is a first look, `--json FILE` keeps the rows too;
//! the file is named from this crate's folder.

mod bytes;
mod decode;
mod write;

use websocket_component_benches::report::Report;

fn main() -> std::io::Result<()> {
    let mut report = Report::from_arguments();
    bytes::run(&mut report);
    decode::run(&mut report);
    write::run(&mut report);
    report.finish()
}
