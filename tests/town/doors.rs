//! Every door for bytes from outside, tried with what was ever found to be strange.

#[allow(unreachable_pub, reason = "the fuzz targets call them from outside")]
#[path = "../fuzz/targets.rs"]
mod targets;

use std::path::Path;

#[test]
fn every_door_stands_whatever_was_found_before() {
    let corpora = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus");
    for (door, target) in targets::TARGETS {
        let files = std::fs::read_dir(corpora.join(door)).unwrap();
        let mut tried = 0;
        for file in files {
            let path = file.unwrap().path();
            let bytes = std::fs::read(&path).unwrap();
            println!("{}", path.display());
            target(&bytes);
            tried += 1;
        }
        assert!(tried > 0, "{door} has no corpus");
    }
}
