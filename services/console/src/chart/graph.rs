//! One dossier's procedure as a graph: what comes after what, and where each step stands.

use super::{at, shortened};
use contract::v1::{GraphStep, StepStatus};
use std::collections::{BTreeMap, BTreeSet};

const BOX_WIDTH: f64 = 212.0;
const BOX_HEIGHT: f64 = 64.0;
const ACROSS: f64 = 56.0;
const DOWN: f64 = 20.0;
const MARGIN: f64 = 8.0;
const TITLE_CHARS: usize = 24;

pub(crate) struct Node {
    #[cfg(test)]
    step_id: String,
    pub(crate) title: String,
    pub(crate) whole_title: String,
    pub(crate) agency: String,
    pub(crate) state: i32,
    pub(crate) x: String,
    pub(crate) y: String,
    pub(crate) text_x: String,
    pub(crate) title_y: String,
    pub(crate) agency_y: String,
    pub(crate) state_y: String,
}

pub(crate) struct Edge {
    pub(crate) path: String,
}

pub(crate) struct Graph {
    pub(crate) width: String,
    pub(crate) height: String,
    pub(crate) box_width: String,
    pub(crate) box_height: String,
    pub(crate) nodes: Vec<Node>,
    pub(crate) edges: Vec<Edge>,
}

/// Draws it in layers: each step right of all that come before it. None without steps.
pub(crate) fn draw(
    steps: &[GraphStep],
    statuses: &[StepStatus],
    title_of: impl Fn(&StepStatus) -> String,
) -> Option<Graph> {
    if steps.is_empty() {
        return None;
    }
    let layers = layers(steps);
    let mut places: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let mut heights: Vec<usize> = Vec::new();
    for step in steps {
        let layer = layers[step.step_id.as_str()];
        if heights.len() <= layer {
            heights.resize(layer + 1, 0);
        }
        places.insert(&step.step_id, (layer, heights[layer]));
        heights[layer] += 1;
    }
    let tallest = heights.iter().copied().max().unwrap_or(1);
    let corner = |(layer, row): (usize, usize)| {
        let offset = (tallest - heights[layer]) as f64 * (BOX_HEIGHT + DOWN) / 2.0;
        (
            MARGIN + layer as f64 * (BOX_WIDTH + ACROSS),
            MARGIN + offset + row as f64 * (BOX_HEIGHT + DOWN),
        )
    };
    let nodes = steps.iter().map(|step| {
        let (x, y) = corner(places[step.step_id.as_str()]);
        let status = statuses.iter().find(|one| one.step_id == step.step_id);
        let title = status.map(&title_of).filter(|title| !title.is_empty());
        let title = title.unwrap_or_else(|| step.step_id.clone());
        let agency = status.map_or("", |one| match one.agency_name.as_str() {
            "" => &one.agency_code,
            name => name,
        });
        Node {
            #[cfg(test)]
            step_id: step.step_id.clone(),
            title: shortened(&title, TITLE_CHARS),
            whole_title: title,
            agency: shortened(agency, TITLE_CHARS + 5),
            state: status.map_or(0, |status| status.state),
            x: at(x),
            y: at(y),
            text_x: at(x + 12.0),
            title_y: at(y + 20.0),
            agency_y: at(y + 37.0),
            state_y: at(y + 54.0),
        }
    });
    let nodes = nodes.collect();
    let mut edges = Vec::new();
    for step in steps {
        let (x1, y1) = corner(places[step.step_id.as_str()]);
        for before in direct(step, steps) {
            let Some(place) = places.get(before) else {
                continue;
            };
            let (x0, y0) = corner(*place);
            let (x0, y0, y1) = (x0 + BOX_WIDTH, y0 + BOX_HEIGHT / 2.0, y1 + BOX_HEIGHT / 2.0);
            let (bend, end) = ((x0 + x1) / 2.0, x1 - 6.0);
            edges.push(Edge {
                path: format!(
                    "M{} {}C{} {} {} {} {} {}",
                    at(x0),
                    at(y0),
                    at(bend),
                    at(y0),
                    at(bend),
                    at(y1),
                    at(end),
                    at(y1)
                ),
            });
        }
    }
    Some(Graph {
        width: at(2.0 * MARGIN + heights.len() as f64 * (BOX_WIDTH + ACROSS) - ACROSS),
        height: at(2.0 * MARGIN + tallest as f64 * (BOX_HEIGHT + DOWN) - DOWN),
        box_width: at(BOX_WIDTH),
        box_height: at(BOX_HEIGHT),
        nodes,
        edges,
    })
}

/// How many steps come before each, at the longest. A cycle, which no procedure has, ends it.
fn layers(steps: &[GraphStep]) -> BTreeMap<&str, usize> {
    let mut layers: BTreeMap<&str, usize> = steps
        .iter()
        .map(|step| (step.step_id.as_str(), 0))
        .collect();
    for _ in 0..steps.len() {
        let mut changed = false;
        for step in steps {
            let before = step.after.iter().filter_map(|id| layers.get(id.as_str()));
            let wanted = before.max().map_or(0, |layer| layer + 1);
            let layer = layers.entry(&step.step_id).or_default();
            if wanted > *layer && wanted < steps.len() {
                *layer = wanted;
                changed = true;
            }
        }
        if !changed {
            break;
        }
    }
    layers
}

/// Those that come right before: a line that others say too is left out.
fn direct<'s>(step: &'s GraphStep, steps: &'s [GraphStep]) -> Vec<&'s str> {
    let mut indirect = BTreeSet::new();
    for before in &step.after {
        let mut waiting = vec![before.as_str()];
        let mut seen = BTreeSet::new();
        while let Some(id) = waiting.pop() {
            let found = steps.iter().find(|one| one.step_id == id);
            for earlier in found.into_iter().flat_map(|one| &one.after) {
                if seen.insert(earlier.as_str()) {
                    indirect.insert(earlier.as_str());
                    waiting.push(earlier);
                }
            }
        }
    }
    let before: BTreeSet<&str> = step.after.iter().map(String::as_str).collect();
    before.difference(&indirect).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(id: &str, after: &[&str]) -> GraphStep {
        GraphStep {
            step_id: id.into(),
            after: after.iter().map(|id| (*id).into()).collect(),
            ..GraphStep::default()
        }
    }

    fn drawn(steps: &[GraphStep]) -> Graph {
        draw(steps, &[], |_| String::new()).unwrap()
    }

    #[test]
    fn each_step_stands_right_of_all_that_come_before_it() {
        let steps = [
            step("d", &["b", "c", "a"]),
            step("a", &[]),
            step("b", &["a"]),
            step("c", &["a"]),
        ];
        let graph = drawn(&steps);
        let x = |id: &str| {
            let node = graph.nodes.iter().find(|node| node.step_id == id).unwrap();
            node.x.parse::<f64>().unwrap()
        };
        assert!(x("a") < x("b") && x("b") < x("d"));
        assert!((x("b") - x("c")).abs() < 0.1);
        assert_eq!(graph.edges.len(), 4, "a comes before d through others");
    }

    #[test]
    fn no_steps_are_no_graph_and_a_cycle_comes_to_an_end() {
        assert!(draw(&[], &[], |_| String::new()).is_none());
        assert_eq!(
            drawn(&[step("a", &["b"]), step("b", &["a", "gone"])])
                .nodes
                .len(),
            2
        );
    }
}
