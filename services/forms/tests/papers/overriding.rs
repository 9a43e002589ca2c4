//! A province puts its own templates and fonts into a folder.

use crate::reader::Paper;
use crate::samples;
use forms::{Forms, LoadError};
use std::path::Path;
use tempfile::tempdir;

fn refusal(folder: &Path) -> String {
    Forms::load(folder).unwrap_err().to_string()
}

#[test]
fn a_template_of_the_folder_takes_the_place_of_the_built_in_one() {
    let folder = tempdir().unwrap();
    let template = "page A4\ncenter **Giấy của tỉnh** cho {applicant.name:upper}\n";
    std::fs::write(folder.path().join("receipt-slip.form"), template).unwrap();
    std::fs::write(folder.path().join("README.md"), "Mẫu của tỉnh").unwrap();
    let forms = Forms::load(folder.path()).unwrap();

    let paper = Paper::read(&forms.typeset(&samples::receipt().into()).unwrap());
    assert_eq!(
        paper.text().trim(),
        "Giấy của tỉnh cho NGUYỄN THỊ HỒNG NGỌC"
    );
    assert_eq!(paper.width.round(), 595.0);
    let others = Forms::builtin();
    let slip = samples::control(1).into();
    assert_eq!(
        forms.typeset(&slip).unwrap(),
        others.typeset(&slip).unwrap()
    );
}

#[test]
fn the_built_in_papers_are_those_of_the_deploy_folder() {
    let deployed = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/forms");
    let forms = Forms::load(&deployed).unwrap();
    for form in samples::usual() {
        assert_eq!(
            forms.typeset(&form).unwrap(),
            Forms::builtin().typeset(&form).unwrap()
        );
    }
}

#[test]
fn a_template_with_an_unknown_field_is_refused_with_file_line_and_mend() {
    let folder = tempdir().unwrap();
    let template = "page A5\n\n# a note\ntext Mã: {dosier_code}\n";
    std::fs::write(folder.path().join("control-slip.form"), template).unwrap();
    let said = refusal(folder.path());
    assert!(
        said.starts_with("control-slip.form, line 4: there is no field dosier_code; write one of "),
        "{said}"
    );
    assert!(said.contains("dossier_code"), "{said}");
}

#[test]
fn a_file_that_is_no_paper_is_refused_with_the_papers_names() {
    let folder = tempdir().unwrap();
    std::fs::write(folder.path().join("receipt.form"), "text a").unwrap();
    let said = refusal(folder.path());
    assert!(
        said.starts_with("receipt.form is no paper; name it one of receipt-slip.form, "),
        "{said}"
    );
}

#[test]
fn text_that_is_not_utf_8_is_refused_at_its_line() {
    let folder = tempdir().unwrap();
    std::fs::write(
        folder.path().join("stop-notice.form"),
        b"page A5\ntext \xff\n",
    )
    .unwrap();
    assert_eq!(
        refusal(folder.path()),
        "stop-notice.form, line 2: the text is not UTF-8; save the file as UTF-8"
    );
}

#[test]
fn a_font_that_cannot_be_used_is_refused() {
    let folder = tempdir().unwrap();
    std::fs::create_dir(folder.path().join("fonts")).unwrap();
    std::fs::write(folder.path().join("fonts/bold.ttf"), "no font").unwrap();
    assert!(refusal(folder.path()).starts_with("fonts/bold.ttf is no font"));
    assert!(matches!(
        Forms::load(&folder.path().join("none")),
        Err(LoadError::Unreadable { .. })
    ));
}
