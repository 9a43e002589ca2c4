//! The procedures that are shipped can be loaded.

use crate::world::birth;

#[test]
fn the_birth_procedure_is_sound() {
    assert_eq!(birth().text.steps.len(), 4);
}
