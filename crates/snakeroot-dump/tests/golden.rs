//! Dumps that earlier versions wrote are read for ever.

mod common;

use std::path::PathBuf;

use common::{assert_same, small_heap};

fn golden(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/dumps").join(name)
}

#[test]
fn the_first_format_is_read() {
    let heap = snakeroot_dump::load(&golden("small-1.heap.parquet")).unwrap();
    assert_same(&heap, &small_heap());
}

/// Makes the golden dump of the current format, where there is none yet: a
/// golden dump is never made anew in its place.
#[test]
#[ignore = "run by hand when the format gets a new version"]
fn make_the_golden_dump() {
    let path = golden(&format!("small-{}.heap.parquet", snakeroot_dump::FORMAT));
    assert!(!path.exists(), "{} is there already", path.display());
    snakeroot_dump::save(&small_heap(), &path).unwrap();
}
