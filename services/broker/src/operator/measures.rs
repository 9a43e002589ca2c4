//! Measures: the indicators that the law names, as far as they can be computed from what is recorded.

use super::rows::Names;
use crate::{
    ledger::tally::{self, HELD_BOUNDS_S, WAITING_BOUNDS_S},
    store::Tally,
};
use contract::v1;
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
};

/// Histograms of waiting and of holding, one for each desk or department.
pub(super) fn distributions(tallies: &[Tally], names: &Names) -> Vec<v1::Distribution> {
    let of = |name: &'static str, bounds: &[u64]| {
        let mut found: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for one in tallies.iter().filter(|one| one.name == name) {
            let counts = found
                .entry(one.agency.as_str())
                .or_insert_with(|| vec![0; bounds.len() + 1]);
            if let Some(count) = counts.get_mut(usize::from(one.bucket)) {
                *count += one.count;
            }
        }
        let bounds = bounds.to_vec();
        found
            .into_iter()
            .map(move |(agency, counts)| v1::Distribution {
                name: name.to_owned(),
                agency_code: agency.to_owned(),
                agency_name: names.agency(agency),
                bounds_seconds: bounds.clone(),
                counts,
            })
    };
    let waiting: Vec<_> = of(tally::WAITING, &WAITING_BOUNDS_S).collect();
    let held = of(tally::HELD, &HELD_BOUNDS_S);
    waiting.into_iter().chain(held).collect()
}

/// Of each name those of the agencies that did most, at most so many; in the order in which they were.
pub(super) fn most(distributions: Vec<v1::Distribution>, at_most: usize) -> Vec<v1::Distribution> {
    let mut ranked: Vec<_> = distributions.into_iter().enumerate().collect();
    ranked.sort_by_key(|(_, one)| Reverse(one.counts.iter().sum::<u64>()));
    let mut taken: BTreeMap<String, usize> = BTreeMap::new();
    ranked.retain(|(_, one)| {
        let taken = taken.entry(one.name.clone()).or_default();
        *taken += 1;
        *taken <= at_most
    });
    ranked.sort_by_key(|(place, _)| *place);
    ranked.into_iter().map(|(_, one)| one).collect()
}

/// The sums of a time, by what and by whom.
struct Sums<'t>(BTreeMap<(&'t str, &'t str, u8), u64>);

impl<'t> Sums<'t> {
    fn of(tallies: &'t [Tally]) -> Self {
        let mut sums = BTreeMap::new();
        for one in tallies {
            let name = one.name.as_str();
            for agency in [one.agency.as_str(), ""] {
                *sums.entry((name, agency, one.bucket)).or_default() += one.count;
            }
        }
        Self(sums)
    }

    /// Over all buckets.
    fn sum(&self, name: &str, agency: &str) -> u64 {
        let of_it = self.0.range((name, agency, 0)..=(name, agency, u8::MAX));
        of_it.map(|(_, count)| count).sum()
    }

    fn bucket(&self, name: &str, agency: &str, bucket: u8) -> u64 {
        let found = self.0.get(&(name, agency, bucket));
        found.copied().unwrap_or_default()
    }

    /// How many fall in the buckets up to this bound, in seconds.
    fn up_to(&self, name: &str, agency: &str, bounds: &[u64], bound: u64) -> u64 {
        let buckets = (0_u8..).zip(bounds).filter(|(_, its)| **its <= bound);
        buckets
            .map(|(bucket, _)| self.bucket(name, agency, bucket))
            .sum()
    }

    /// All, and everybody of whom any of these is counted.
    fn agencies(&self, names: &[&str]) -> BTreeSet<&'t str> {
        let of_names = self.0.keys().filter(|(name, _, _)| names.contains(name));
        of_names.map(|(_, agency, _)| *agency).chain([""]).collect()
    }
}

/// One line of the law.
struct Line {
    number: u32,
    name: &'static str,
    vi: &'static str,
    en: &'static str,
    basis_vi: &'static str,
    basis_en: &'static str,
}

impl Line {
    fn indicator(&self, names: &Names, agency: &str, of: u64, fulfil: u64) -> v1::Indicator {
        v1::Indicator {
            number: self.number,
            name: self.name.to_owned(),
            title: Some(v1::Text {
                vi: self.vi.to_owned(),
                en: self.en.to_owned(),
            }),
            agency_code: agency.to_owned(),
            agency_name: match agency {
                "" => String::new(),
                code => names.agency(code),
            },
            of,
            fulfil,
            points: 0,
            basis: Some(v1::Text {
                vi: self.basis_vi.to_owned(),
                en: self.basis_en.to_owned(),
            }),
            is_computed: true,
        }
    }
}

const TIME: Line = Line {
    number: 1,
    name: "on_time_rate",
    vi: "Thời gian giải quyết hồ sơ đúng hạn",
    en: "Dossiers closed on time",
    basis_vi: "Hồ sơ đã kết thúc không có phần nào quá ngày hẹn trả, trên tổng số hồ sơ đã kết thúc.",
    basis_en: "closed dossiers with no part past its promised date, of all that closed",
};
const AGENCIES_TIME: Line = Line {
    number: 2,
    name: "agency_on_time_rate",
    vi: "Thời gian của từng cơ quan, kể cả cơ quan phối hợp",
    en: "Steps that each agency finished within their limit",
    basis_vi: "Bước đã hoàn thành trong thời hạn của bước, trên tổng số bước cơ quan đã hoàn thành.",
    basis_en: "steps finished within their own limit, of all that the agency finished",
};
const CONTACTS: Line = Line {
    number: 3,
    name: "contacts",
    vi: "Số lần phải liên hệ để hoàn thiện hồ sơ",
    en: "Dossiers completed without the citizen coming again",
    basis_vi: "Không lần nào: 2 điểm; một lần: 1 điểm; nhiều hơn: 0. Lần bổ sung mà công dân mang đến được tính.",
    basis_en: "never: 2 points, once: 1, more: 0; each supplement that the citizen brought counts",
};
const DOORS: Line = Line {
    number: 4,
    name: "agencies_to_contact",
    vi: "Số cơ quan phải liên hệ",
    en: "Dossiers for which only the desk was contacted",
    basis_vi: "Chỉ bộ phận một cửa: 1 điểm mỗi hồ sơ; trong hệ thống này không cơ quan nào khác tiếp xúc công dân.",
    basis_en: "only the desk: 1 point each; in this system no department can reach the citizen",
};
const ONLINE: Line = Line {
    number: 9,
    name: "electronic_share",
    vi: "Tỷ lệ hồ sơ nộp trực tuyến",
    en: "Dossiers that came online",
    basis_vi: "Từ 30 % trở lên và không hồ sơ trực tuyến nào đã kết thúc quá hạn: 2 điểm.",
    basis_en: "30 % or more, and none of them closed late: 2 points",
};
const ONLINE_ON_TIME: Line = Line {
    number: 0,
    name: "online_on_time_rate",
    vi: "Hồ sơ trực tuyến giải quyết đúng hạn",
    en: "Online dossiers closed on time",
    basis_vi: "Nghị định 224/2026/NĐ-CP Điều 19 khoản 2.",
    basis_en: "NĐ 224/2026/NĐ-CP Art 19(2)",
};
const REUSE: Line = Line {
    number: 0,
    name: "reuse_rate",
    vi: "Tỷ lệ giấy tờ được dùng lại thay vì yêu cầu nộp",
    en: "Evidence taken from a holder or the vault instead of the citizen",
    basis_vi: "Giấy tờ lấy từ kho dữ liệu hoặc cơ quan đang giữ, trên tổng số giấy tờ từ công dân và từ hai nguồn đó.",
    basis_en: "evidence from the vault or a holder, of all from these and from citizens",
};
const WAIT_30: Line = Line {
    number: 0,
    name: "waited_30_minutes",
    vi: "Chờ tại quầy không quá 30 phút",
    en: "Citizens who waited at most 30 minutes",
    basis_vi: "Từ khi đến (bộ phận một cửa ghi) đến khi tiếp nhận; mục tiêu 30 phút từ năm 2021.",
    basis_en: "from arriving, as the desk says, until received; the goal since 2021",
};
const WAIT_15: Line = Line {
    number: 0,
    name: "waited_15_minutes",
    vi: "Chờ tại quầy không quá 15 phút",
    en: "Citizens who waited at most 15 minutes",
    basis_vi: "Từ khi đến (bộ phận một cửa ghi) đến khi tiếp nhận; mục tiêu 15 phút từ năm 2023.",
    basis_en: "from arriving, as the desk says, until received; the goal since 2023",
};
/// What the broker cannot know.
const NOT_COMPUTED: [Line; 4] = [
    Line {
        number: 5,
        name: "decided_at_desk",
        vi: "Tổ chức tiếp nhận và giải quyết tại bộ phận một cửa",
        en: "Procedures decided at the desk",
        basis_vi: "Cần danh mục thủ tục được giao giải quyết tại quầy; hệ thống không có.",
        basis_en: "needs the list of procedures that are decided at the desk, which the broker does not have",
    },
    Line {
        number: 6,
        name: "publicity",
        vi: "Công khai thủ tục hành chính",
        en: "Procedures published",
        basis_vi: "Đánh giá trên cổng thông tin, không phải từ hồ sơ.",
        basis_en: "judged on the portal, not by dossiers",
    },
    Line {
        number: 7,
        name: "attitude",
        vi: "Thái độ phục vụ",
        en: "Attitude of officers",
        basis_vi: "Từ phiếu đánh giá của công dân, hệ thống chưa thu thập.",
        basis_en: "from citizens' ratings, which are not collected here",
    },
    Line {
        number: 8,
        name: "feedback",
        vi: "Tiếp thu, giải trình phản ánh, kiến nghị",
        en: "Feedback answered",
        basis_vi: "Từ hệ thống phản ánh, kiến nghị, hệ thống này không có.",
        basis_en: "from the system for feedback, which is another one",
    },
];

/// Which share of dossiers must come online for the points of indicator 9, in percent.
const ONLINE_PERCENT: u64 = 30;

/// The indicators of these sums, of those agencies that are wanted; of all together under the empty code.
pub(super) fn indicators(
    tallies: &[Tally],
    names: &Names,
    wants: impl Fn(&str) -> bool,
) -> Vec<v1::Indicator> {
    let sums = Sums::of(tallies);
    let mut all = Vec::new();
    let wanted = |names: &[&str]| {
        let agencies = sums.agencies(names).into_iter();
        agencies.filter(|agency| wants(agency))
    };
    for agency in wanted(&[tally::CLOSED, tally::RECEIVED]) {
        let closed = sums.sum(tally::CLOSED, agency);
        let late = sums.sum(tally::CLOSED_LATE, agency);
        let on_time = closed.saturating_sub(late);
        all.push(v1::Indicator {
            points: 2 * on_time,
            ..TIME.indicator(names, agency, closed, on_time)
        });
        let contacts = |bucket| sums.bucket(tally::CONTACTS, agency, bucket);
        let of = contacts(0) + contacts(1) + contacts(2);
        all.push(v1::Indicator {
            points: 2 * contacts(0) + contacts(1),
            ..CONTACTS.indicator(names, agency, of, contacts(0))
        });
        all.push(v1::Indicator {
            points: closed,
            ..DOORS.indicator(names, agency, closed, closed)
        });
        let received = sums.sum(tally::RECEIVED, agency);
        let online = sums.sum(tally::RECEIVED_ONLINE, agency);
        let online_late = sums.sum(tally::CLOSED_ONLINE_LATE, agency);
        let has_points =
            received > 0 && online * 100 >= received * ONLINE_PERCENT && online_late == 0;
        all.push(v1::Indicator {
            points: if has_points { 2 } else { 0 },
            ..ONLINE.indicator(names, agency, received, online)
        });
        let online_closed = sums.sum(tally::CLOSED_ONLINE, agency);
        all.push(ONLINE_ON_TIME.indicator(
            names,
            agency,
            online_closed,
            online_closed.saturating_sub(online_late),
        ));
        let reused = sums.sum(tally::REUSED, agency);
        let given = sums.sum(tally::GIVEN_BY_CITIZEN, agency);
        all.push(REUSE.indicator(names, agency, reused + given, reused));
        let waited = sums.sum(tally::WAITING, agency);
        for (line, bound) in [(&WAIT_30, 1_800), (&WAIT_15, 900)] {
            let within = sums.up_to(tally::WAITING, agency, &WAITING_BOUNDS_S, bound);
            all.push(line.indicator(names, agency, waited, within));
        }
    }
    for agency in wanted(&[tally::HELD]) {
        let held = sums.sum(tally::HELD, agency);
        let on_time = held.saturating_sub(sums.sum(tally::HELD_LATE, agency));
        all.push(v1::Indicator {
            points: 2 * on_time,
            ..AGENCIES_TIME.indicator(names, agency, held, on_time)
        });
    }
    let not_computed = NOT_COMPUTED.iter().filter(|_| wants(""));
    all.extend(not_computed.map(|line| v1::Indicator {
        is_computed: false,
        ..line.indicator(names, "", 0, 0)
    }));
    // Those that the law numbers first; of each, all together first.
    all.sort_by(|one, other| {
        let place = |it: &v1::Indicator| if it.number == 0 { u32::MAX } else { it.number };
        let key = |it: &v1::Indicator| (place(it), it.name.clone(), it.agency_code.clone());
        key(one).cmp(&key(other))
    });
    all
}
