//! What stands in the papers.

use crate::samples;
use forms::Forms;
use std::io::Write;
use std::path::PathBuf;

/// Writes all papers to the folder in `FORMS_OUT`, to be looked at.
#[test]
fn all_papers_are_written_to_a_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("FORMS_OUT").map_or(temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let forms = Forms::builtin();
    let name = "Nguyễn Phước Bảo Hưng Công Tằng Tôn Nữ ".repeat(5);
    let address = "Số 12/34/56 hẻm 789 đường Nguyễn Thị Minh Khai, khu phố 11, ".repeat(8);
    let long = samples::filled(&name, "H29.26-260907-0012", 3);
    let longer = samples::filled(&address, "H29.26-260907-0012", 2);
    let control = vec![samples::control(60).into()];
    for (name, papers) in [
        ("usual", samples::usual()),
        ("blank", samples::blank()),
        ("long", long),
        ("longer", longer),
        ("sixty-rows", control),
    ] {
        for paper in papers {
            let path = folder.join(format!("{name}-{}.pdf", paper.kind().word()));
            let mut file = std::fs::File::create(path).unwrap();
            file.write_all(&forms.typeset(&paper).unwrap()).unwrap();
        }
    }
    assert!(std::fs::read_dir(folder).unwrap().count() >= 33);
}
