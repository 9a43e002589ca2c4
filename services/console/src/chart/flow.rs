//! The flow of open steps: desks on the left, steps in the middle, departments on the right, each line as
//! wide as what is open along it.

use super::{at, shortened};
use crate::{frame::grouped, language::Language, words::states};
use contract::v1::Flow;
use std::collections::{BTreeMap, BTreeSet};

const WIDTH: f64 = 960.0;
const BAR: f64 = 12.0;
const GAP: f64 = 22.0;
/// Room above the first bar.
const TOP: f64 = 28.0;
const COLUMNS: [f64; 3] = [226.0, 474.0, 722.0];
/// The height of everything that is open, at least and at most.
const FLOW_MIN: f64 = 90.0;
const FLOW_MAX: f64 = 320.0;
const THIN: f64 = 1.5;
/// Bars of a column: of more, the narrowest are one together.
const BARS_MAX: usize = 14;
/// What that one is known by; it stands below all others.
const OTHERS: &str = "\u{10ffff}";
const LABEL_CHARS: usize = 28;
/// Characters of numbers for which there is room beside a whole label.
const NUMBERS_CHARS: usize = 2;

/// A column's bar.
pub(crate) struct Node {
    pub(crate) label: String,
    pub(crate) title: String,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) height: String,
    pub(crate) label_x: String,
    pub(crate) label_y: String,
    pub(crate) anchor: &'static str,
    pub(crate) open: u64,
    pub(crate) overdue: u64,
    pub(crate) href: String,
}

/// A line between two bars.
pub(crate) struct Band {
    pub(crate) path: String,
    pub(crate) width: String,
    pub(crate) title: String,
    pub(crate) is_overdue: bool,
}

/// The whole picture.
pub(crate) struct Picture {
    pub(crate) height: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) bands: Vec<Band>,
    /// The same as rows: desk, step, department, open, overdue.
    pub(crate) rows: Vec<Row>,
}

pub(crate) struct Row {
    pub(crate) desk: String,
    pub(crate) step: String,
    pub(crate) department: String,
    pub(crate) open: u64,
    pub(crate) overdue: u64,
    pub(crate) href: String,
}

/// What a column's bars are known by.
type Key = (usize, String);

struct Bar {
    label: String,
    open: u64,
    overdue: u64,
    href: String,
    y: f64,
    height: f64,
    /// How far lines have filled it, from the left and towards the right.
    filled: [f64; 2],
}

fn query(pairs: &[(&str, &str)]) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs);
    format!("/dossiers?{}", query.finish())
}

/// Draws it, with all flows that are not told one by one; none when nothing is open.
pub(crate) fn draw(flows: &[Flow], others: Option<&Flow>, language: Language) -> Option<Picture> {
    let flows = flows.iter().chain(others);
    let flows: Vec<&Flow> = flows.filter(|flow| flow.open > 0).collect();
    let total: u64 = flows.iter().map(|flow| flow.open).sum();
    if total == 0 {
        return None;
    }
    let scale = (total as f64 * 14.0).clamp(FLOW_MIN, FLOW_MAX) / total as f64;
    let shown = widest(&flows);
    let (bars, links) = gather(&flows, &shown, language);
    let (mut bars, height) = place(bars, scale);

    let mut bands = Vec::new();
    for ((left, right), (open, overdue)) in &links {
        for (amount, is_overdue) in [(open - overdue, false), (*overdue, true)] {
            if amount > 0 {
                bands.push(band(
                    &mut bars, left, right, amount, is_overdue, scale, language,
                ));
            }
        }
    }
    let told = flows.iter().filter(|flow| !is_others(flow));
    let rows = told.map(|flow| Row {
        desk: name_of(&flow.desk_name, &flow.desk_agency_code),
        step: step_of(flow, language),
        department: name_of(&flow.agency_name, &flow.agency_code),
        open: flow.open,
        overdue: flow.overdue,
        href: query(&[
            ("desk", &flow.desk_agency_code),
            ("step", &flow.step_id),
            ("agency", &flow.agency_code),
            ("open", "1"),
        ]),
    });
    let mut rows: Vec<Row> = rows.collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.open));
    let nodes = bars
        .into_iter()
        .map(|((column, _), bar)| node(column, bar, language));
    Some(Picture {
        height: at(height),
        nodes: nodes.collect(),
        bands,
        rows,
    })
}

fn name_of(name: &str, code: &str) -> String {
    if name.is_empty() { code } else { name }.to_owned()
}

fn step_of(flow: &Flow, language: Language) -> String {
    if let Some(errand) = errand(flow) {
        return states::errand(errand, language).to_owned();
    }
    name_of(&language.text(&flow.step_title), &flow.step_id)
}

/// What the broker asks on a dossier's behalf is one bar of its sort, however many there are.
fn errand(flow: &Flow) -> Option<&'static str> {
    let mut sorts = ["slip_", "look_up_", "consult_"].into_iter();
    sorts.find(|sort| flow.step_id.starts_with(sort))
}

type Bars = BTreeMap<Key, Bar>;
type Links = BTreeMap<(Key, Key), (u64, u64)>;

/// Whether these are all that are not told one by one.
fn is_others(flow: &Flow) -> bool {
    flow.desk_agency_code.is_empty()
}

/// What a flow's bars are known by.
fn keys(flow: &Flow) -> [Key; 3] {
    if is_others(flow) {
        return [0, 1, 2].map(|column| (column, OTHERS.to_owned()));
    }
    let step = match errand(flow) {
        Some(errand) => errand.to_owned(),
        None => format!("{}\u{0}{}", flow.procedure_code, flow.step_id),
    };
    [
        (0, flow.desk_agency_code.clone()),
        (1, step),
        (2, flow.agency_code.clone()),
    ]
}

/// The bars that are drawn by themselves: the widest of each column, where there are too many for all.
fn widest(flows: &[&Flow]) -> BTreeSet<Key> {
    let mut sums = BTreeMap::<Key, u64>::new();
    for flow in flows.iter().filter(|flow| !is_others(flow)) {
        for key in keys(flow) {
            *sums.entry(key).or_default() += flow.open;
        }
    }
    let mut columns: [Vec<(u64, Key)>; 3] = Default::default();
    for (key, open) in sums {
        columns[key.0].push((open, key));
    }
    let drawn = columns.into_iter().flat_map(|mut column| {
        if column.len() > BARS_MAX {
            column.sort_by(|(open, key), (other, with)| other.cmp(open).then(key.cmp(with)));
            column.truncate(BARS_MAX - 1);
        }
        column.into_iter().map(|(_, key)| key)
    });
    drawn.collect()
}

fn gather(flows: &[&Flow], shown: &BTreeSet<Key>, language: Language) -> (Bars, Links) {
    let mut bars = Bars::new();
    let mut links = Links::new();
    for flow in flows {
        let mut keys = keys(flow);
        let mut labels = [
            name_of(&flow.desk_name, &flow.desk_agency_code),
            step_of(flow, language),
            name_of(&flow.agency_name, &flow.agency_code),
        ];
        let mut hrefs = [
            query(&[("desk", &flow.desk_agency_code), ("open", "1")]),
            query(&[("step", &flow.step_id), ("open", "1")]),
            query(&[("agency", &flow.agency_code), ("open", "1")]),
        ];
        for (column, key) in keys.iter_mut().enumerate() {
            if !shown.contains(key) {
                key.1 = OTHERS.to_owned();
                labels[column] = language.of("các nơi khác", "others").to_owned();
                hrefs[column] = match column {
                    2 => "/departments".to_owned(),
                    _ => query(&[("open", "1")]),
                };
            }
        }
        for ((key, label), href) in keys.iter().zip(labels).zip(hrefs) {
            let bar = bars.entry(key.clone()).or_insert_with(|| Bar {
                label,
                href,
                open: 0,
                overdue: 0,
                y: 0.0,
                height: 0.0,
                filled: [0.0; 2],
            });
            bar.open += flow.open;
            bar.overdue += flow.overdue;
        }
        let [desk, step, department] = keys;
        for pair in [(desk, step.clone()), (step, department)] {
            let link = links.entry(pair).or_default();
            link.0 += flow.open;
            link.1 += flow.overdue.min(flow.open);
        }
    }
    (bars, links)
}

/// Puts each column's bars below each other, the columns centred.
fn place(mut bars: Bars, scale: f64) -> (Bars, f64) {
    let mut heights = [0.0_f64; 3];
    for ((column, _), bar) in &mut bars {
        bar.height = (bar.open as f64 * scale).max(THIN);
        heights[*column] += bar.height + GAP;
    }
    let tallest = heights.iter().copied().fold(0.0, f64::max);
    let mut next = heights.map(|height| TOP + (tallest - height) / 2.0);
    for ((column, _), bar) in &mut bars {
        bar.y = next[*column];
        next[*column] += bar.height + GAP;
    }
    (bars, tallest + TOP)
}

fn band(
    bars: &mut Bars,
    left: &Key,
    right: &Key,
    amount: u64,
    is_overdue: bool,
    scale: f64,
    language: Language,
) -> Band {
    let width = (amount as f64 * scale).max(THIN);
    let mut end = |key: &Key, side: usize| {
        let Some(bar) = bars.get_mut(key) else {
            return (0.0, String::new());
        };
        let y = bar.y + bar.filled[side] + width / 2.0;
        bar.filled[side] += width;
        (y, bar.label.clone())
    };
    let ((from, from_label), (to, to_label)) = (end(left, 1), end(right, 0));
    let (x0, x1) = (COLUMNS[left.0] + BAR, COLUMNS[right.0]);
    let middle = (x0 + x1) / 2.0;
    let state = match is_overdue {
        true => language.of("quá hạn", "past the limit"),
        false => language.of("đang mở", "open"),
    };
    Band {
        path: format!(
            "M{} {}C{middle} {} {middle} {} {} {}",
            at(x0),
            at(from),
            at(from),
            at(to),
            at(x1),
            at(to)
        ),
        width: at(width),
        title: format!(
            "{from_label} → {to_label}: {} {state}",
            grouped(amount, language)
        ),
        is_overdue,
    }
}

fn node(column: usize, bar: Bar, language: Language) -> Node {
    let x = COLUMNS[column];
    let (label_x, label_y, anchor) = match column {
        0 => (x - 8.0, bar.y + bar.height / 2.0 + 4.0, "end"),
        1 => (x + BAR / 2.0, bar.y - 6.0, "middle"),
        _ => (x + BAR + 8.0, bar.y + bar.height / 2.0 + 4.0, "start"),
    };
    Node {
        label: shortened(&bar.label, label_chars(column, &bar, language)),
        title: bar.label,
        x: at(x),
        y: at(bar.y),
        height: at(bar.height),
        label_x: at(label_x),
        label_y: at(label_y),
        anchor,
        open: bar.open,
        overdue: bar.overdue,
        href: bar.href,
    }
}

/// How much of a name there is room for beside the numbers that follow it.
fn label_chars(column: usize, bar: &Bar, language: Language) -> usize {
    let late = match bar.overdue {
        0 => String::new(),
        overdue => format!(" ! {}", grouped(overdue, language)),
    };
    let open = grouped(bar.open, language);
    let numbers = format!("{open}{late}").chars().count();
    let room = match column {
        1 => LABEL_CHARS + 8,
        _ => LABEL_CHARS,
    };
    (room + NUMBERS_CHARS).saturating_sub(numbers.max(NUMBERS_CHARS))
}

/// The width of the picture, in its own units.
pub(crate) fn width() -> String {
    at(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(desk: &str, step: &str, agency: &str, open: u64, overdue: u64) -> Flow {
        Flow {
            desk_agency_code: desk.into(),
            step_id: step.into(),
            agency_code: agency.into(),
            open,
            overdue,
            ..Flow::default()
        }
    }

    #[test]
    fn each_bar_is_as_high_as_what_is_open_through_it() {
        let flows = [flow("d", "a", "x", 3, 1), flow("d", "b", "y", 6, 0)];
        let picture = draw(&flows, None, Language::En).unwrap();
        assert_eq!(picture.nodes.len(), 5);
        let height = |label: &str| {
            let node = picture.nodes.iter().find(|node| node.label == label);
            node.unwrap().height.parse::<f64>().unwrap()
        };
        assert!((height("d") - height("x") - height("y")).abs() < 0.3);
        assert!((height("b") - 2.0 * height("a")).abs() < 0.3);
        assert_eq!(
            picture.bands.len(),
            6,
            "what is overdue has lines of its own"
        );
        assert_eq!(picture.rows[0].open, 6);
    }

    #[test]
    fn errands_of_one_sort_are_one_bar() {
        let flows = [
            flow("d", "slip_1", "x", 1, 0),
            flow("d", "slip_2", "x", 1, 0),
        ];
        let picture = draw(&flows, None, Language::Vi).unwrap();
        assert_eq!(picture.nodes.len(), 3);
        assert_eq!(picture.nodes[1].label, "Phiếu chuyển xử lý");
    }

    #[test]
    fn of_many_bars_the_narrowest_are_one_and_nothing_is_left_out() {
        let flows: Vec<Flow> = (0..100)
            .map(|number| {
                let (desk, agency) = (format!("d{number:02}"), format!("x{:02}", number % 50));
                flow(&desk, "a", &agency, number + 1, u64::from(number == 3))
            })
            .collect();
        let picture = draw(&flows, None, Language::En).unwrap();
        let beyond = flow("", "", "", 950, 9);
        let with_more = draw(&flows, Some(&beyond), Language::En).unwrap();
        let all = |picture: &Picture, x: f64| -> u64 {
            let nodes = picture.nodes.iter().filter(|it| it.x == at(x));
            nodes.map(|it| it.open).sum()
        };
        assert!(COLUMNS.iter().all(|x| all(&with_more, *x) == 6_000));
        assert_eq!(
            (with_more.nodes.len(), with_more.rows.len()),
            (2 * BARS_MAX + 2, 100)
        );
        assert_eq!(picture.nodes.len(), BARS_MAX + 1 + BARS_MAX);
        let others: Vec<_> = picture
            .nodes
            .iter()
            .filter(|it| it.label == "others")
            .collect();
        let [desks, departments] = others[..] else {
            panic!("one of desks and one of departments");
        };
        // The 13 widest desks have 88 to 100, the departments of these 13 are the widest, too.
        let widest: u64 = (88..=100).sum();
        assert_eq!((desks.open, desks.overdue), (5_050 - widest, 1));
        let of_column = |x: f64| picture.nodes.iter().filter(move |it| it.x == at(x));
        for column in COLUMNS {
            assert_eq!(of_column(column).map(|it| it.open).sum::<u64>(), 5_050);
        }
        assert!(of_column(COLUMNS[0]).all(|it| it.label == "others" || it.open >= 88));
        assert!(departments.href.ends_with("/departments"));
        assert_eq!(picture.rows.len(), 100);
    }

    #[test]
    fn nothing_open_is_no_picture() {
        assert!(draw(&[flow("d", "a", "x", 0, 0)], None, Language::Vi).is_none());
        assert!(draw(&[], None, Language::Vi).is_none());
    }

    #[test]
    fn a_long_name_gives_way_to_large_numbers() {
        let long = "Trung tâm Phục vụ hành chính công xã Mẫu Một";
        let shown = |open, overdue| {
            let flow = Flow {
                desk_name: long.into(),
                ..flow("H99.01.01", "a", "G24.99", open, overdue)
            };
            let picture = draw(&[flow], None, Language::Vi).unwrap();
            let node = picture.nodes.iter().find(|node| node.title == long);
            node.unwrap().label.chars().count()
        };
        assert!(shown(7, 0) > shown(200_002, 0));
        assert!(shown(200_002, 0) > shown(200_002, 2_500));
        assert!(shown(200_002, 2_500) + "200.002 ! 2.500".len() <= LABEL_CHARS + NUMBERS_CHARS);
    }
}
