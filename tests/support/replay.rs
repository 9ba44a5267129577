//! Failures of proptest: those that are committed are tried again; new ones are written among the sources only if
//! `SAVE_REGRESSIONS` is set.

use std::any::Any;

use proptest::prelude::ProptestConfig;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence, PersistedSeed};

/// The default, with that.
pub fn config() -> ProptestConfig {
    let mut config = ProptestConfig::default();
    if std::env::var_os("SAVE_REGRESSIONS").is_none() {
        config.failure_persistence = config
            .failure_persistence
            .is_some()
            .then(|| Box::new(Replay) as Box<dyn FailurePersistence>);
    }
    config
}

#[derive(Debug)]
struct Replay;

impl FailurePersistence for Replay {
    fn load_persisted_failures2(&self, source_file: Option<&'static str>) -> Vec<PersistedSeed> {
        FileFailurePersistence::default().load_persisted_failures2(source_file)
    }

    /// The failure's message says what failed; this leaves it at that.
    fn save_persisted_failure2(&mut self, _: Option<&'static str>, _: PersistedSeed, _: &dyn std::fmt::Debug) {}

    fn box_clone(&self) -> Box<dyn FailurePersistence> {
        Box::new(Self)
    }

    fn eq(&self, other: &dyn FailurePersistence) -> bool {
        other.as_any().is::<Self>()
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
