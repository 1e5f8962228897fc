//! The inputs that are checked in: each target takes its own, and spends little on any of them.

use std::{alloc::System, fs, io, path::PathBuf};

use relayhouse_fuzz::{TARGETS, Target};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// The most that is allocated for one input, all that was freed again included: some forty times
/// the longest of them, for the schemas that a target parses.
const BYTES_MAX: usize = 4 << 20;

fn inputs(target: &Target) -> io::Result<Vec<PathBuf>> {
    let corpus = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus");
    let entries = fs::read_dir(corpus.join(target.name))?;
    let inputs: io::Result<Vec<_>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut inputs = inputs?;
    inputs.sort();
    Ok(inputs)
}

/// One test, and so one thread: the allocator counts for all of them.
#[test]
fn inputs_are_taken_and_cost_little() {
    for target in TARGETS {
        let inputs = inputs(target).unwrap();
        assert!(!inputs.is_empty(), "{} has no inputs", target.name);
        for path in inputs {
            let input = fs::read(&path).unwrap();
            let region = Region::new(&INSTRUMENTED_SYSTEM);
            (target.run)(&input);
            let allocated = region.change().bytes_allocated;
            let name = path.display();
            assert!(allocated <= BYTES_MAX, "{name}: {allocated} bytes");
        }
    }
}
