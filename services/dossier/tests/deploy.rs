//! The procedures that are shipped can be loaded.

use dossier::Procedure;

#[test]
fn the_birth_procedure_is_sound() {
    let text = include_str!("../../../deploy/procedures/birth.toml");
    let procedure = Procedure::parse("deploy/procedures/birth.toml", text).unwrap();
    assert_eq!(procedure.text.steps.len(), 4);
}
