//! One of each paper, as a desk would hand it out, and with a text of the test's in every field.

use forms::*;
use jiff::civil::{DateTime, datetime};

/// Every paper with plausible values.
pub(crate) fn usual() -> Vec<Form> {
    vec![
        receipt().into(),
        supplement().into(),
        refusal().into(),
        apology().into(),
        stop().into(),
        control(4).into(),
        register(6).into(),
        transfer().into(),
    ]
}

/// Every paper without any value.
pub(crate) fn blank() -> Vec<Form> {
    vec![
        ReceiptSlip::default().into(),
        SupplementRequest::default().into(),
        RefusalNotice::default().into(),
        ApologyExtensionLetter::default().into(),
        StopNotice::default().into(),
        ControlSlip::default().into(),
        TrackingRegister::default().into(),
        TransferSlip::default().into(),
    ]
}

/// Every paper with `text` in all its texts (`code` in the dossier code) and `rows` in all its lists.
pub(crate) fn filled(text: &str, code: &str, rows: usize) -> Vec<Form> {
    let t = || text.to_owned();
    let dossier_code = code.to_owned();
    let at = Some(datetime(2026, 12, 31, 23, 59, 0, 0));
    let head = || Letterhead {
        parent_agency: t(),
        agency: t(),
        number: t(),
        place: t(),
        issued_on: at,
        digital_signature: t(),
    };
    let applicant = || Applicant {
        name: t(),
        address: t(),
        phone: t(),
        email: t(),
    };
    let money = Some(i64::MIN);
    vec![
        ReceiptSlip {
            head: head(),
            dossier_code: dossier_code.clone(),
            applicant: applicant(),
            request: t(),
            components: vec![
                Component {
                    name: t(),
                    quantity: u32::MAX,
                    kind: t()
                };
                rows
            ],
            sets: u32::MAX,
            resolution_limit: t(),
            received_at: at,
            promised_at: at,
            result_place: t(),
            fees: vec![
                Fee {
                    name: t(),
                    amount: money
                };
                rows
            ],
            fees_total: money,
            register_book: t(),
            register_entry: t(),
            contact_phone: t(),
            lookup_url: t(),
            submitter: t(),
            receiver: t(),
        }
        .into(),
        SupplementRequest {
            head: head(),
            dossier_code: dossier_code.clone(),
            applicant: applicant(),
            request: t(),
            stage: Some(Stage::Appraisal),
            items: vec![
                SupplementItem {
                    name: t(),
                    originals: u32::MAX,
                    certified_copies: u32::MAX,
                    photocopies: u32::MAX,
                    reason: t(),
                    legal_basis: t(),
                    asked_by: t(),
                    asked_by_code: t(),
                    once_only_proof: t(),
                };
                rows
            ],
            reason: t(),
            due_at: at,
            lookup_url: t(),
            contact_officer: t(),
            contact_phone: t(),
            guide: t(),
        }
        .into(),
        RefusalNotice {
            head: head(),
            dossier_code: dossier_code.clone(),
            applicant: applicant(),
            request: t(),
            reason: t(),
            legal_basis: t(),
            contact_phone: t(),
            submitter: t(),
            receiver: t(),
        }
        .into(),
        ApologyExtensionLetter {
            head: head(),
            dossier_code: dossier_code.clone(),
            applicant: applicant(),
            request: t(),
            sector: t(),
            receipt_number: t(),
            received_at: at,
            promised_at: at,
            holding_agency: t(),
            reason: t(),
            new_promised_at: at,
            result_place: t(),
            recipients: t(),
            signer_title: t(),
            signer: t(),
        }
        .into(),
        StopNotice {
            head: head(),
            dossier_code: dossier_code.clone(),
            applicant: applicant(),
            request: t(),
            received_at: at,
            asked_by: t(),
            asked_at: at,
            stage_at_stop: t(),
            decision: t(),
            decided_at: at,
            reason: t(),
            legal_basis: t(),
            fees_paid: money,
            fees_refunded: money,
            settlement: t(),
            recipients: t(),
            signer_title: t(),
            signer: t(),
        }
        .into(),
        ControlSlip {
            head: head(),
            dossier_code: dossier_code.clone(),
            applicant: applicant(),
            request: t(),
            received_at: at,
            promised_at: at,
            lead_agency: t(),
            cooperating_agencies: t(),
            rows: vec![
                ControlSlipRow {
                    from_agency: t(),
                    to_agency: t(),
                    giver: t(),
                    receiver: t(),
                    handed_at: at,
                    received_at: at,
                    due_at: at,
                    timeliness: Some(Timeliness::Overdue),
                    note: t(),
                    chain_hash: "0123456789abcdef".to_owned(),
                };
                rows
            ],
        }
        .into(),
        TrackingRegister {
            head: head(),
            year: t(),
            book: t(),
            from: at,
            until: at,
            rows: vec![
                RegisterRow {
                    number: u32::MAX,
                    dossier_code: dossier_code.clone(),
                    procedure: t(),
                    sets: u32::MAX,
                    applicant: t(),
                    address: t(),
                    phone: t(),
                    lead_agency: t(),
                    received_at: at,
                    promised_at: at,
                    returned_at: at,
                    result_method: t(),
                    signed_by: t(),
                    note: t(),
                };
                rows
            ],
            keeper: t(),
        }
        .into(),
        TransferSlip {
            head: head(),
            dossier_code,
            applicant: applicant(),
            request: t(),
            received_at: at,
            promised_at: at,
            lead_agency: t(),
            tasks: vec![
                TransferTask {
                    agency: t(),
                    role: t(),
                    task: t(),
                    limit: t(),
                    due_at: at,
                    result_to: t(),
                };
                rows
            ],
            note: t(),
            sender: t(),
        }
        .into(),
    ]
}

fn head(number: &str) -> Letterhead {
    Letterhead {
        parent_agency: "Ủy ban nhân dân phường Bến Nghé".to_owned(),
        agency: "Trung tâm Phục vụ hành chính công".to_owned(),
        number: number.to_owned(),
        place: "Phường Bến Nghé".to_owned(),
        issued_on: at(7, 8, 30),
        digital_signature: String::new(),
    }
}

fn at(day: i8, hour: i8, minute: i8) -> Option<DateTime> {
    Some(datetime(2026, 9, day, hour, minute, 0, 0))
}

const CODE: &str = "H29.26-260907-0012";

fn applicant() -> Applicant {
    Applicant {
        name: "Nguyễn Thị Hồng Ngọc".to_owned(),
        address: "Số 12 đường Nguyễn Huệ, phường Bến Nghé, Thành phố Hồ Chí Minh".to_owned(),
        phone: "0900 000 001".to_owned(),
        email: "hongngoc@example.vn".to_owned(),
    }
}

const BIRTH: &str = "Liên thông đăng ký khai sinh, đăng ký thường trú, cấp thẻ bảo hiểm y tế cho \
                     trẻ em dưới 6 tuổi";

pub(crate) fn receipt() -> ReceiptSlip {
    let component = |name: &str, kind: &str| Component {
        name: name.to_owned(),
        quantity: 1,
        kind: kind.to_owned(),
    };
    ReceiptSlip {
        head: head("0012"),
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        components: vec![
            component("Tờ khai đăng ký khai sinh", "Bản điện tử"),
            component("Giấy chứng sinh", "Bản chính"),
            component(
                "Văn bản đồng ý của chủ hộ cho đăng ký thường trú",
                "Bản sao",
            ),
        ],
        sets: 1,
        resolution_limit: "04 ngày làm việc".to_owned(),
        received_at: at(7, 8, 30),
        promised_at: at(11, 16, 30),
        result_place: "Trung tâm Phục vụ hành chính công phường Bến Nghé".to_owned(),
        fees: vec![
            Fee {
                name: "Lệ phí đăng ký khai sinh".to_owned(),
                amount: None,
            },
            Fee {
                name: "Phí cấp bản sao trích lục".to_owned(),
                amount: Some(16_000),
            },
        ],
        fees_total: Some(16_000),
        register_book: "01/2026".to_owned(),
        register_entry: "1204".to_owned(),
        contact_phone: "028 0000 0000".to_owned(),
        lookup_url: "https://dichvucong.gov.vn".to_owned(),
        submitter: "Nguyễn Thị Hồng Ngọc".to_owned(),
        receiver: "Trần Văn Dũng".to_owned(),
    }
}

fn supplement() -> SupplementRequest {
    SupplementRequest {
        head: head("07"),
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        stage: Some(Stage::Intake),
        items: vec![
            SupplementItem {
                name: "Giấy chứng sinh".to_owned(),
                originals: 1,
                reason: "Bản chụp đã nộp bị mờ ở phần số giấy chứng sinh".to_owned(),
                legal_basis: "Khoản 1 Điều 16 Luật Hộ tịch".to_owned(),
                asked_by: "Công chức tư pháp – hộ tịch phường Bến Nghé".to_owned(),
                asked_by_code: "H29.26.8".to_owned(),
                once_only_proof: "Kho dữ liệu của Sở Y tế, 08:12 07/09/2026: không tìm thấy"
                    .to_owned(),
                ..SupplementItem::default()
            },
            SupplementItem {
                name: "Văn bản đồng ý của chủ hộ".to_owned(),
                certified_copies: 1,
                photocopies: 1,
                legal_basis: "Điều 20 Luật Cư trú".to_owned(),
                asked_by: "Công an phường Bến Nghé".to_owned(),
                once_only_proof: "Cơ sở dữ liệu quốc gia về dân cư, 08:13 07/09/2026: không có"
                    .to_owned(),
                ..SupplementItem::default()
            },
        ],
        reason: "Hồ sơ chưa đủ thành phần theo quy định.".to_owned(),
        due_at: at(14, 17, 0),
        lookup_url: "https://dichvucong.gov.vn".to_owned(),
        contact_officer: "Trần Văn Dũng".to_owned(),
        contact_phone: "028 0000 0000".to_owned(),
        guide: "Trần Văn Dũng".to_owned(),
    }
}

fn refusal() -> RefusalNotice {
    RefusalNotice {
        head: head("03"),
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        reason: "Trẻ em đã được đăng ký khai sinh tại phường Sài Gòn ngày 01 tháng 9 năm 2026; \
                 việc đăng ký lại không thuộc trường hợp pháp luật cho phép."
            .to_owned(),
        legal_basis: "Điều 24 Nghị định 123/2015/NĐ-CP".to_owned(),
        contact_phone: "028 0000 0000".to_owned(),
        submitter: "Nguyễn Thị Hồng Ngọc".to_owned(),
        receiver: "Trần Văn Dũng".to_owned(),
    }
}

fn apology() -> ApologyExtensionLetter {
    ApologyExtensionLetter {
        head: Letterhead {
            parent_agency: "Bảo hiểm xã hội Thành phố Hồ Chí Minh".to_owned(),
            agency: "Bảo hiểm xã hội cơ sở Bến Nghé".to_owned(),
            ..head("21")
        },
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        sector: "Hộ tịch".to_owned(),
        receipt_number: "0012/TTPVHCC".to_owned(),
        received_at: at(7, 8, 30),
        promised_at: at(11, 16, 30),
        holding_agency: "Bảo hiểm xã hội cơ sở Bến Nghé".to_owned(),
        reason: "hệ thống cấp thẻ bảo hiểm y tế gián đoạn trong hai ngày.".to_owned(),
        new_promised_at: at(15, 16, 30),
        result_place: "Trung tâm Phục vụ hành chính công phường Bến Nghé".to_owned(),
        recipients: "- Như trên;\n- TTPVHCC phường Bến Nghé;\n- Lưu: VT.".to_owned(),
        signer_title: "Giám đốc".to_owned(),
        signer: "Lê Thị Minh Châu".to_owned(),
    }
}

fn stop() -> StopNotice {
    StopNotice {
        head: head("05"),
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        received_at: at(7, 8, 30),
        asked_by: "bà Nguyễn Thị Hồng Ngọc".to_owned(),
        asked_at: at(8, 9, 15),
        stage_at_stop: "Đang giải quyết tại Công an phường Bến Nghé".to_owned(),
        decision: "Dừng giải quyết phần đăng ký thường trú; phần khai sinh đã có kết quả."
            .to_owned(),
        decided_at: at(8, 10, 0),
        reason: "Gia đình chuyển nơi thường trú sang tỉnh khác.".to_owned(),
        legal_basis: "Nghị định 118/2025/NĐ-CP".to_owned(),
        fees_paid: Some(1_250_000),
        fees_refunded: Some(75_000),
        settlement: "Số tiền hoàn trả được chuyển về tài khoản đã nộp trong 05 ngày làm việc."
            .to_owned(),
        signer_title: "Giám đốc".to_owned(),
        signer: "Phạm Quốc Việt".to_owned(),
        ..StopNotice::default()
    }
}

pub(crate) fn control(rows: usize) -> ControlSlip {
    let agencies = [
        "Trung tâm Phục vụ hành chính công",
        "Công chức tư pháp – hộ tịch phường Bến Nghé",
        "Công an phường Bến Nghé",
        "Bảo hiểm xã hội cơ sở Bến Nghé",
    ];
    let people = [
        "Trần Văn Dũng",
        "Lê Hoàng Yến",
        "Đỗ Mạnh Hùng",
        "Võ Ngọc Ẩn",
    ];
    let row = |at_row: usize| ControlSlipRow {
        from_agency: agencies[at_row % 4].to_owned(),
        to_agency: agencies[(at_row + 1) % 4].to_owned(),
        giver: people[at_row % 4].to_owned(),
        receiver: people[(at_row + 1) % 4].to_owned(),
        handed_at: at(7, 9, 5),
        received_at: at(7, 9, 6),
        due_at: at(8, 9, 0),
        timeliness: [
            Some(Timeliness::Early),
            Some(Timeliness::OnTime),
            Some(Timeliness::Overdue),
            None,
        ][at_row % 4],
        note: if at_row % 4 == 2 {
            "Chậm do đường truyền 40 phút".to_owned()
        } else {
            String::new()
        },
        chain_hash: format!(
            "{:016x}",
            0x9f3c_77a1_0b5d_e210_u64.wrapping_mul(at_row as u64 + 1)
        ),
    };
    ControlSlip {
        head: head(""),
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        received_at: at(7, 8, 30),
        promised_at: at(11, 16, 30),
        lead_agency: "Ủy ban nhân dân phường Bến Nghé".to_owned(),
        cooperating_agencies: "Công an phường Bến Nghé; Bảo hiểm xã hội cơ sở Bến Nghé".to_owned(),
        rows: (0..rows).map(row).collect(),
    }
}

fn register(rows: usize) -> TrackingRegister {
    let row = |number: usize| RegisterRow {
        number: number as u32 + 1,
        dossier_code: format!("H29.26-260907-{:04}", number + 1),
        procedure: BIRTH.to_owned(),
        sets: 1,
        applicant: applicant().name,
        address: applicant().address,
        phone: applicant().phone,
        lead_agency: "UBND phường Bến Nghé".to_owned(),
        received_at: at(7, 8, 30),
        promised_at: at(11, 16, 30),
        returned_at: if number.is_multiple_of(2) {
            at(11, 9, 0)
        } else {
            None
        },
        result_method: "Trực tiếp".to_owned(),
        signed_by: String::new(),
        note: if number == 1 {
            "Hẹn lại một lần".to_owned()
        } else {
            String::new()
        },
    };
    TrackingRegister {
        head: head(""),
        year: "2026".to_owned(),
        book: "01".to_owned(),
        from: at(1, 0, 0),
        until: at(30, 0, 0),
        rows: (0..rows).map(row).collect(),
        keeper: "Trần Văn Dũng".to_owned(),
    }
}

fn transfer() -> TransferSlip {
    let task =
        |agency: &str, role: &str, task: &str, limit: &str, due_at, result_to: &str| TransferTask {
            agency: agency.to_owned(),
            role: role.to_owned(),
            task: task.to_owned(),
            limit: limit.to_owned(),
            due_at,
            result_to: result_to.to_owned(),
        };
    TransferSlip {
        head: head("0012"),
        dossier_code: CODE.to_owned(),
        applicant: applicant(),
        request: BIRTH.to_owned(),
        received_at: at(7, 8, 30),
        promised_at: at(11, 16, 30),
        lead_agency: "Ủy ban nhân dân phường Bến Nghé".to_owned(),
        tasks: vec![
            task(
                "UBND phường Bến Nghé (hộ tịch)",
                "Chủ trì",
                "Đăng ký khai sinh, cấp Giấy khai sinh",
                "08 giờ làm việc",
                at(8, 8, 30),
                "Công an phường; BHXH cơ sở; TTPVHCC",
            ),
            task(
                "Công an phường Bến Nghé",
                "Phối hợp",
                "Đăng ký thường trú cho trẻ",
                "16 giờ làm việc kể từ khi có Giấy khai sinh",
                None,
                "TTPVHCC",
            ),
            task(
                "Bảo hiểm xã hội cơ sở Bến Nghé",
                "Phối hợp",
                "Cấp thẻ bảo hiểm y tế",
                "16 giờ làm việc kể từ khi có Giấy khai sinh",
                None,
                "TTPVHCC",
            ),
        ],
        note: String::new(),
        sender: "Trần Văn Dũng".to_owned(),
    }
}
