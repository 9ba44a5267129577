//! The corpora, on stable Rust: what was found once stays found.

use std::path::Path;

#[test]
fn every_input_of_every_corpus_passes() {
    for (name, target) in websocket_component_fuzz::TARGETS {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        let mut inputs = 0;
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display())) {
            target(&std::fs::read(entry.expect("an entry").path()).expect("an input"));
            inputs += 1;
        }
        assert!(inputs > 5, "{name} has {inputs} inputs");
    }
}
