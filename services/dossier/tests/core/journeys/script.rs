//! A story's script: its setting, and what people do, one act a line.

use dossier::{
    event::LookUpOutcome,
    limit::Limit,
    name::{AgencyCode, EvidenceName, StepId},
};
use jiff::{Timestamp, civil::DateTime, tz::offset};

/// Where a story plays.
pub struct Setting {
    pub text: String,
    pub procedure: String,
    pub asked: Vec<String>,
}

/// A line that a person writes.
pub enum Line {
    Title(String),
    Setting(Setting),
    Act {
        text: String,
        at: Timestamp,
        act: Act,
    },
}

/// A piece of evidence with what is said otherwise than in its example.
#[derive(Debug, Clone)]
pub struct Paper {
    pub name: EvidenceName,
    /// Member and value.
    pub said: Vec<(String, String)>,
}

/// What people do.
#[derive(Debug, Clone)]
pub enum Act {
    File(Vec<Paper>),
    Receive(Vec<Paper>),
    Accept,
    RefuseIntake(String),
    AskSupplement(Vec<EvidenceName>, String),
    AnswerSupplement(u32, Vec<Paper>),
    Consent(EvidenceName),
    RefuseConsent(EvidenceName, String),
    Pay(String, i64),
    Withdraw(String),
    Stop(String),
    Resume(String),
    HandOut(EvidenceName),
    ReportFault(EvidenceName, String),
    Away(AgencyCode),
    Back(AgencyCode),
    Complete(StepId, Vec<Paper>),
    Refuse(StepId, String),
    Decline(StepId, String),
    Return(StepId, EvidenceName, String),
    Correct(StepId, Vec<Paper>, String),
    Uphold(StepId, EvidenceName, String),
    Review(StepId, bool),
    LookedUp(StepId, LookUpOutcome),
    StepAsks(StepId, Vec<EvidenceName>, String),
    Consult(StepId, AgencyCode, Limit, String),
    Opine(StepId, String),
    Extend(StepId, Limit, String),
    Wait,
    End,
}

/// The lines that a person wrote; what was told before is left out.
pub fn lines(written: &str) -> Vec<Line> {
    written
        .lines()
        .filter_map(|line| {
            if line.starts_with("# ") {
                return Some(Line::Title(line.to_owned()));
            }
            if let Some(rest) = line.strip_prefix("Thủ tục: ") {
                let (procedure, asked) = rest.split_once("; đề nghị thêm: ").unwrap_or((rest, ""));
                return Some(Line::Setting(Setting {
                    text: line.to_owned(),
                    procedure: procedure.to_owned(),
                    asked: words(asked),
                }));
            }
            let text = line.strip_prefix("> ")?;
            let (date, rest) = text.split_once(' ').expect("date, time, act");
            let (time, act) = rest.split_once(' ').expect("date, time, act");
            let at = DateTime::strptime("%d/%m/%Y %H:%M", format!("{date} {time}"))
                .unwrap_or_else(|error| panic!("{text}: {error}"));
            Some(Line::Act {
                text: text.to_owned(),
                at: offset(7).to_timestamp(at).unwrap(),
                act: Act::parse(act).unwrap_or_else(|error| panic!("{text}: {error}")),
            })
        })
        .collect()
}

fn words(list: &str) -> Vec<String> {
    list.split(',')
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

fn names(list: &str) -> Vec<EvidenceName> {
    words(list)
        .iter()
        .map(|word| word.parse().unwrap())
        .collect()
}

/// `name` or `name{member=value; member=value}`, with commas between.
fn papers(list: &str) -> Vec<Paper> {
    let mut papers = Vec::new();
    let mut rest = list.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '{']).unwrap_or(rest.len());
        let name = rest[..end].trim().parse().unwrap();
        rest = &rest[end..];
        let mut said = Vec::new();
        if let Some(inner) = rest.strip_prefix('{') {
            let (members, after) = inner.split_once('}').expect("a closing brace");
            for member in members.split(';') {
                let (key, value) = member.split_once('=').expect("member=value");
                said.push((key.trim().to_owned(), value.trim().to_owned()));
            }
            rest = after;
        }
        papers.push(Paper { name, said });
        rest = rest.trim_start_matches([',', ' ']);
    }
    papers
}

impl Act {
    /// Reads what somebody does.
    ///
    /// # Errors
    /// Says what it cannot understand.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (head, tail) = match text.split_once(": ") {
            Some((head, tail)) => (head.trim(), tail.trim()),
            None => (text.trim().trim_end_matches(':'), ""),
        };
        let why = || tail.to_owned();
        let desk = match head {
            "nộp hồ sơ" => Some(Self::File(papers(tail))),
            "tiếp nhận" if tail.is_empty() => Some(Self::Accept),
            "tiếp nhận" => Some(Self::Receive(papers(tail))),
            "không tiếp nhận" => Some(Self::RefuseIntake(why())),
            "rút hồ sơ" => Some(Self::Withdraw(why())),
            "dừng" => Some(Self::Stop(why())),
            "tiếp tục" => Some(Self::Resume(why())),
            "chờ" => Some(Self::Wait),
            "hết" => Some(Self::End),
            _ => None,
        };
        if let Some(act) = desk {
            return Ok(act);
        }
        let first = |word: &str| head.strip_prefix(word).map(str::trim);
        let name = |text: &str| {
            text.parse::<EvidenceName>()
                .map_err(|error| error.to_string())
        };
        let agency = |text: &str| {
            text.parse::<AgencyCode>()
                .map_err(|error| error.to_string())
        };
        if let Some(list) = first("yêu cầu bổ sung ") {
            return Ok(Self::AskSupplement(names(list), why()));
        }
        if let Some(number) = first("bổ sung lần ") {
            let number = number.parse().map_err(|_| format!("no number: {number}"))?;
            return Ok(Self::AnswerSupplement(number, papers(tail)));
        }
        if let Some(which) = first("đồng ý ") {
            return Ok(Self::Consent(name(which)?));
        }
        if let Some(which) = first("không đồng ý ") {
            return Ok(Self::RefuseConsent(name(which)?, why()));
        }
        if let Some(which) = first("nộp tiền ") {
            let amount = tail.replace('.', "").replace(" đồng", "");
            let amount = amount.parse().map_err(|_| format!("no sum: {tail}"))?;
            return Ok(Self::Pay(which.to_owned(), amount));
        }
        if let Some(which) = first("trả kết quả ") {
            return Ok(Self::HandOut(name(which)?));
        }
        if let Some(which) = first("báo sai ") {
            return Ok(Self::ReportFault(name(which)?, why()));
        }
        if let Some(who) = first("vắng ") {
            return Ok(Self::Away(agency(who)?));
        }
        if let Some(who) = first("trở lại ") {
            return Ok(Self::Back(agency(who)?));
        }
        Self::parse_step(head, tail)
    }

    fn parse_step(head: &str, tail: &str) -> Result<Self, String> {
        let why = || tail.to_owned();
        let (step, does) = head
            .split_once(' ')
            .ok_or_else(|| format!("not understood: {head}"))?;
        let step: StepId = step.parse().map_err(|_| format!("no step: {step}"))?;
        let after = |word: &str| does.strip_prefix(word).map(str::trim);
        let name = |text: &str| {
            text.parse::<EvidenceName>()
                .map_err(|error| error.to_string())
        };
        let limit = |text: &str| text.parse::<Limit>().map_err(|error| error.to_string());
        Ok(match does {
            "xong" => Self::Complete(step, papers(tail)),
            "từ chối" => Self::Refuse(step, why()),
            "không thuộc thẩm quyền" => Self::Decline(step, why()),
            "xem lại" => Self::Review(step, tail == "làm lại"),
            "cho ý kiến" => Self::Opine(step, why()),
            "tra cứu" => Self::LookedUp(
                step,
                match tail {
                    "có" => LookUpOutcome::Found,
                    "không có" => LookUpOutcome::NotFound,
                    "không khớp" => LookUpOutcome::Mismatch,
                    "không dùng được" => LookUpOutcome::PoorQuality,
                    "không trả lời được" => LookUpOutcome::Unavailable,
                    other => return Err(format!("no answer to a look-up: {other}")),
                },
            ),
            _ => {
                if let Some(which) = after("trả lại ") {
                    Self::Return(step, name(which)?, why())
                } else if let Some(which) = after("đính chính ") {
                    Self::Correct(step, papers(which), why())
                } else if let Some(which) = after("giữ nguyên ") {
                    Self::Uphold(step, name(which)?, why())
                } else if let Some(which) = after("yêu cầu bổ sung ") {
                    Self::StepAsks(step, names(which), why())
                } else if let Some(rest) = after("lấy ý kiến ") {
                    let (who, time) = rest
                        .split_once(" trong ")
                        .ok_or("lấy ý kiến AI trong LIMIT")?;
                    let who = who.parse().map_err(|_| format!("no agency: {who}"))?;
                    Self::Consult(step, who, limit(time)?, why())
                } else if let Some(time) = after("gia hạn ") {
                    Self::Extend(step, limit(time)?, why())
                } else {
                    return Err(format!("not understood: {does}"));
                }
            }
        })
    }
}
