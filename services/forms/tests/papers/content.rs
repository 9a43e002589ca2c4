//! What stands in the papers, and where.

use crate::reader::{Paper, Run};
use crate::samples;
use forms::{Form, FormKind, Forms};
use std::path::PathBuf;

fn read(form: &Form) -> Paper {
    Paper::read(&Forms::builtin().typeset(form).unwrap())
}

/// No text leaves the paper, and no line of text stands on another.
pub(crate) fn assert_well_set(name: &str, paper: &Paper) {
    let fault = |what: &str, run: &Run| panic!("{name}: {what}: {run:?}");
    for (at, run) in paper.runs.iter().enumerate() {
        let (top, bottom) = (run.y + 0.9 * run.size, run.y - 0.21 * run.size);
        if run.x < 14.0 || run.x + run.width > paper.width - 14.0 {
            fault("text leaves the paper at a side", run);
        }
        if top > paper.height - 14.0 || bottom < 14.0 {
            fault("text leaves the paper", run);
        }
        // Lines are set in order, so that those which could touch are near each other.
        for other in paper.runs[at + 1..]
            .iter()
            .take(400)
            .filter(|o| o.page == run.page)
        {
            let beside = run.x + run.width < other.x + 0.1 || other.x + other.width < run.x + 0.1;
            let other_top = other.y + 0.7 * other.size;
            let other_bottom = other.y - 0.21 * other.size;
            let apart = other_top < bottom + 0.5 || other_bottom > run.y + 0.7 * run.size - 0.5;
            if !beside && !apart {
                fault(&format!("text stands on {other:?}"), run);
            }
        }
    }
}

#[test]
fn a_receipt_slip_can_be_searched_for_everything_in_it() {
    let paper = read(&samples::receipt().into());
    let text = paper.text();
    for said in [
        "ỦY BAN NHÂN DÂN PHƯỜNG BẾN NGHÉ",
        "TRUNG TÂM PHỤC VỤ HÀNH CHÍNH CÔNG",
        "Số: 0012/TTPVHCC",
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
        "Độc lập - Tự do - Hạnh phúc",
        "Phường Bến Nghé, ngày 07 tháng 9 năm 2026",
        "GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ",
        "Mã hồ sơ: H29.26-260907-0012",
        "Tiếp nhận hồ sơ của: Nguyễn Thị Hồng Ngọc",
        "Địa chỉ: Số 12 đường Nguyễn Huệ",
        "Số điện thoại: 0900 000 001",
        "Email: hongngoc@example.vn",
        "Nội dung yêu cầu giải quyết: Liên thông đăng ký khai sinh",
        "2 Giấy chứng sinh 1 Bản chính",
        "2. Số lượng hồ sơ: 1 bộ.",
        "theo quy định: 04 ngày làm việc.",
        "nhận hồ sơ: 08 giờ 30 phút, ngày 07 tháng 9 năm 2026.",
        "kết quả giải quyết hồ sơ: 16 giờ 30 phút, ngày 11 tháng 9 năm 2026.",
        "nhận kết quả tại: Trung tâm Phục vụ hành chính công phường Bến Nghé.",
        "Lệ phí đăng ký khai sinh: không thu.",
        "Tổng cộng: 16.000 đồng.",
        "Quyển số: 01/2026, Số thứ tự: 1204.",
        "NGƯỜI NỘP HỒ SƠ (Ký và ghi rõ họ tên) Nguyễn Thị Hồng Ngọc",
        "NGƯỜI TIẾP NHẬN HỒ SƠ (Ký và ghi rõ họ tên) Trần Văn Dũng",
    ] {
        assert!(text.contains(said), "{said} is not in {text}");
    }
    assert!(paper.squares > 100, "the QR code is missing");
    assert!(paper.dictionaries.contains("/Lang (vi-VN)"));
    assert_eq!(paper.pages, 1);
}

#[test]
fn the_register_is_a4_and_all_other_papers_are_a5() {
    for form in samples::usual() {
        let paper = read(&form);
        let size = (paper.width.round(), paper.height.round());
        match form.kind() {
            FormKind::TrackingRegister => assert_eq!(size, (842.0, 595.0)),
            _ => assert_eq!(size, (420.0, 595.0)),
        }
    }
}

#[test]
fn nothing_is_cut_and_nothing_overlaps_however_long_names_and_lists_are() {
    let name = "Nguyễn Phước Bảo Hưng Công Tằng Tôn Nữ ".repeat(6);
    let address = "Số 12/34/56 hẻm 789 đường Nguyễn Thị Minh Khai, khu phố 11, ".repeat(9);
    let unbroken = "Ẵ".repeat(500);
    let lines = "một\n\nhai\n".repeat(200);
    for (how, forms) in [
        ("usual", samples::usual()),
        ("blank", samples::blank()),
        (
            "long names",
            samples::filled(&name, "H29.26-260907-0012", 4),
        ),
        (
            "long addresses",
            samples::filled(&address, "H29.26-260907-0012", 4),
        ),
        (
            "no spaces",
            samples::filled(&unbroken, "H29.26-260907-0012", 2),
        ),
        (
            "many lines",
            samples::filled(&lines, "H29.26-260907-0012", 2),
        ),
        (
            "many rows",
            samples::filled("Bến Nghé", "H29.26-260907-0012", 60),
        ),
        ("sixty handovers", vec![samples::control(60).into()]),
    ] {
        for form in forms {
            let paper = read(&form);
            assert_well_set(&format!("{} with {how}", form.kind().word()), &paper);
        }
    }
}

#[test]
fn every_letter_of_a_long_text_is_on_the_paper() {
    // Letters that no template and no other value has.
    let text: String = "ΑΒΓΔ".repeat(200);
    for form in samples::filled(&text, "H29.26-260907-0012", 1) {
        let read = read(&form).text();
        let greek = read.chars().filter(|letter| text.contains(*letter)).count();
        assert!(
            greek >= text.chars().count() * 5,
            "{:?} has {greek} of them",
            form.kind()
        );
        assert_eq!(
            greek % text.chars().count(),
            0,
            "{:?} lost some",
            form.kind()
        );
    }
}

#[test]
fn sixty_handovers_fill_pages_with_the_head_on_each_and_all_chain_digits() {
    let slip = samples::control(60);
    let paper = read(&slip.clone().into());
    let text = paper.text();
    assert!(paper.pages > 5);
    assert_eq!(text.matches("TÊN CƠ QUAN").count(), paper.pages);
    assert!(text.contains(&format!(
        "{0}/{0} – Mã hồ sơ H29.26-260907-0012",
        paper.pages
    )));
    for row in &slip.rows {
        assert!(
            text.contains(&row.chain_hash),
            "{} is missing",
            row.chain_hash
        );
    }
    assert!(text.contains("Trước hạn") && text.contains("Đúng hạn") && text.contains("Quá hạn"));
}

#[test]
fn a_signature_stands_on_one_page_with_text_before_it() {
    let name = "Nguyễn Phước Bảo Hưng Công Tằng Tôn Nữ ".repeat(5);
    for form in samples::filled(&name, "H29.26-260907-0012", 3) {
        let paper = read(&form);
        let signs = |run: &&Run| run.text.starts_with("(Ký");
        for sign in paper.runs.iter().filter(signs) {
            let mut below = paper
                .runs
                .iter()
                .filter(|run| run.page == sign.page && run.y < sign.y);
            let whole: usize = below
                .by_ref()
                .map(|run| run.text.matches("Bảo").count())
                .sum();
            assert!(whole >= 5, "{:?} tears {sign:?} from its name", form.kind());
        }
    }
}

#[test]
fn letters_that_the_font_lacks_show_as_such_and_can_still_be_searched() {
    let mut slip = samples::receipt();
    slip.applicant.name = "ສົມສີ 김민준 😀".to_owned();
    assert!(read(&slip.into()).text().contains("ສົມສີ 김민준 😀"));
}

#[test]
fn the_same_form_gives_the_same_bytes() {
    for form in samples::usual() {
        let first = Forms::builtin().typeset(&form).unwrap();
        assert_eq!(first, Forms::builtin().typeset(&form).unwrap());
    }
}

#[test]
fn each_paper_is_known_by_its_word() {
    for form in samples::usual() {
        assert_eq!(FormKind::from_word(form.kind().word()), Some(form.kind()));
    }
    assert_eq!(FormKind::from_word("receipt_slip"), None);
}

/// Writes all papers to the folder in `FORMS_OUT`, to be looked at; else to one of its own.
#[test]
fn all_papers_are_written_to_a_folder() {
    let temporary = tempfile::tempdir().unwrap();
    let folder = std::env::var_os("FORMS_OUT").map_or(temporary.path().to_owned(), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    let forms = Forms::builtin();
    let name = "Nguyễn Phước Bảo Hưng Công Tằng Tôn Nữ ".repeat(5);
    for (how, papers) in [
        ("usual", samples::usual()),
        ("blank", samples::blank()),
        ("long", samples::filled(&name, "H29.26-260907-0012", 3)),
        ("sixty", vec![samples::control(60).into()]),
    ] {
        for paper in papers {
            let path = folder.join(format!("{how}-{}.pdf", paper.kind().word()));
            std::fs::write(path, forms.typeset(&paper).unwrap()).unwrap();
        }
    }
}
