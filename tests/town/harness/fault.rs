//! The faults: what strikes, whom, and until when.

use super::{
    member::Role,
    province::{OFFICES, Province},
};
use crate::town::{chance::Chance, ground::BROKER};
use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    time::{Duration, Instant},
};

/// Longer than every timeout of the province.
const FROZEN: Duration = Duration::from_millis(5_500);
/// How old a copy is at least, so that codes of the copy's second are not minted again.
const COPY_AGE_MIN: Duration = Duration::from_secs(2);

/// How likely each fault is, of all that stand here together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Menu {
    pub(super) kill: u64,
    pub(super) freeze: u64,
    pub(super) line: u64,
    pub(super) disk_takes_nothing: u64,
    pub(super) disk_lost: u64,
    pub(super) restored: u64,
    pub(super) everything: u64,
    pub(super) error_after_commit: u64,
}

/// Everything, most of it kills.
pub(super) const EVERYTHING: Menu = Menu {
    kill: 60,
    freeze: 6,
    line: 16,
    disk_takes_nothing: 5,
    disk_lost: 3,
    restored: 5,
    everything: 2,
    error_after_commit: 3,
};

/// After so long everybody has given a restored broker what its copy lacked.
const GIVEN_BACK: Duration = Duration::from_secs(15);

/// Something that lasts.
struct Lasting {
    until: Instant,
    what: What,
}

enum What {
    Down(&'static str),
    Frozen(&'static str),
    NoWrites(&'static str),
    Bad(String),
}

/// The faults of one run: those that last, what may still be done, and how often each was done.
pub(super) struct Faults {
    menu: Menu,
    lasting: Vec<Lasting>,
    /// When the copy of the broker's store was made, while it is good.
    copied_at: Option<Instant>,
    pub(super) done: BTreeMap<&'static str, u64>,
    pub(super) kills: u64,
    restored_at: Option<Instant>,
    /// Processes that ended although nobody had ended them, and might.
    pub(super) complaints: Vec<String>,
    /// Agencies of which a disk was lost, once for each time.
    pub(super) lost_disks: Vec<&'static str>,
}

impl Faults {
    pub(super) fn new(menu: Menu) -> Self {
        Self {
            menu,
            lasting: Vec::new(),
            copied_at: None,
            done: BTreeMap::new(),
            kills: 0,
            restored_at: None,
            complaints: Vec::new(),
            lost_disks: Vec::new(),
        }
    }

    /// Ends what has lasted long enough, and starts again who fell.
    pub(super) fn pass(&mut self, province: &mut Province) {
        let now = Instant::now();
        let (over, lasting) = std::mem::take(&mut self.lasting)
            .into_iter()
            .partition(|one| one.until <= now);
        self.lasting = lasting;
        for one in over {
            end(province, one.what);
        }
        self.raise_the_fallen(province);
    }

    /// Ends everything that lasts; everybody runs afterwards.
    pub(super) fn end_all(&mut self, province: &mut Province) {
        for one in std::mem::take(&mut self.lasting) {
            end(province, one.what);
        }
        self.raise_the_fallen(province);
        province.start_all();
    }

    /// As a service manager does: who ended by itself is started again. Only a disk that takes nothing
    /// is a reason to end.
    fn raise_the_fallen(&mut self, province: &mut Province) {
        for at in 0..province.members.len() {
            let member = &mut province.members[at];
            let Some(how) = member.fallen() else { continue };
            let name = member.name;
            let excused = self
                .lasting
                .iter()
                .any(|one| matches!(one.what, What::NoWrites(who) if who == name));
            // The commit that was said to be in doubt may be one of a start, which then ends.
            let excused = excused || how.contains("a fault was asked for");
            match excused {
                true => self.last(Duration::from_millis(300), What::Down(name)),
                false => {
                    self.complaints.push(how);
                    member.start(false);
                }
            }
        }
    }

    pub(super) fn was_restored(&self) -> bool {
        self.restored_at.is_some()
    }

    fn last(&mut self, how_long: Duration, what: What) {
        let until = Instant::now() + how_long;
        self.lasting.push(Lasting { until, what });
    }

    fn is_down(&self, name: &str) -> bool {
        self.lasting
            .iter()
            .any(|one| matches!(one.what, What::Down(who) if who == name))
    }

    /// One fault, drawn by chance.
    pub(super) fn strike(&mut self, province: &mut Province, chance: &mut Chance) -> String {
        type Strike = fn(&mut Faults, &mut Province, &mut Chance) -> String;
        let Menu {
            kill, freeze, line, ..
        } = self.menu;
        let Menu {
            disk_takes_nothing,
            disk_lost,
            restored,
            ..
        } = self.menu;
        let after_commit = match broker::HAS_FAULTS {
            true => self.menu.error_after_commit,
            false => 0,
        };
        let menu: [(&'static str, u64, Strike); 8] = [
            ("kill", kill, Self::kill),
            ("freeze", freeze, Self::freeze),
            ("line", line, Self::spoil_a_line),
            (
                "disk takes nothing",
                disk_takes_nothing,
                Self::refuse_writes,
            ),
            ("disk lost", disk_lost, Self::lose_a_disk),
            ("restored", restored, Self::copy_or_restore),
            (
                "everything at once",
                self.menu.everything,
                Self::restart_everything,
            ),
            (
                "error after the commit",
                after_commit,
                Self::err_after_a_commit,
            ),
        ];
        let mut drawn = chance.below(menu.iter().map(|(_, weight, _)| weight).sum());
        let found = menu.iter().find(|(_, weight, _)| {
            let is_it = drawn < *weight;
            drawn = drawn.saturating_sub(*weight);
            is_it
        });
        let (name, _, strike) = found.expect("the drawn number is below the sum");
        let told = strike(self, province, chance);
        *self.done.entry(*name).or_default() += 1;
        told
    }

    fn kill(&mut self, province: &mut Province, chance: &mut Chance) -> String {
        let name = someone(province, chance);
        if self.is_down(name) {
            return format!("{name} is down");
        }
        province.member(name).kill();
        self.kills += 1;
        let pause = [0, 0, 20, 200, 1_000][chance.below(5) as usize];
        self.last(Duration::from_millis(pause), What::Down(name));
        format!("kill -9 {name}, down for {pause} ms")
    }

    fn freeze(&mut self, province: &mut Province, chance: &mut Chance) -> String {
        let name = someone(province, chance);
        province.member(name).freeze();
        self.last(FROZEN, What::Frozen(name));
        format!("SIGSTOP {name}")
    }

    fn spoil_a_line(&mut self, province: &mut Province, chance: &mut Chance) -> String {
        let (between, line) = &province.lines[chance.below(province.lines.len() as u64) as usize];
        let how = match chance.below(5) {
            0 => {
                line.cut();
                "cut"
            }
            1 => {
                line.leave_hanging();
                "left hanging at one end"
            }
            2 => {
                line.set(|mood| mood.delay = Duration::from_millis(700));
                "slow"
            }
            3 => {
                line.set(|mood| mood.rate = 20_000);
                "narrow"
            }
            _ => {
                line.set(|mood| mood.dead = true);
                "dead"
            }
        };
        let between = between.clone();
        self.last(Duration::from_millis(2_500), What::Bad(between.clone()));
        format!("{between}: {how}")
    }

    fn refuse_writes(&mut self, province: &mut Province, chance: &mut Chance) -> String {
        let name = someone(province, chance);
        province.member(name).refuse_writes(true);
        self.last(Duration::from_millis(2_000), What::NoWrites(name));
        format!("the disk of {name} takes nothing")
    }

    fn lose_a_disk(&mut self, province: &mut Province, chance: &mut Chance) -> String {
        if self.restored_at.is_some_and(|at| at.elapsed() < GIVEN_BACK) {
            return "the broker may not have back yet what a disk would lose".into();
        }
        let at = chance.below(OFFICES.len() as u64) as usize;
        let name = OFFICES[at].name;
        province.member(name).kill();
        self.kills += 1;
        self.lost_disks.push(OFFICES[at].agency);
        let lost = province.path(format!("lost/{}-{name}", self.lost_disks.len()));
        fs::create_dir_all(lost.parent().unwrap()).unwrap();
        // It may have none yet.
        let _ = fs::rename(province.path(name), lost);
        // Two losses of the same thing, the department's and the broker's, are more than can be mended.
        self.copied_at = None;
        if !self.is_down(name) {
            self.last(Duration::from_millis(100), What::Down(name));
        }
        format!("{name} loses its disk")
    }

    fn copy_or_restore(&mut self, province: &mut Province, _: &mut Chance) -> String {
        if self.is_down(BROKER) {
            return "the broker is down".into();
        }
        let (store, copy) = (province.path(BROKER), province.path("copy"));
        match self.copied_at {
            Some(at) if at.elapsed() > COPY_AGE_MIN => {
                province.member(BROKER).kill();
                self.kills += 1;
                put_in_place(&copy, &store);
                province.member(BROKER).start(true);
                self.restored_at = Some(Instant::now());
                self.copied_at = None;
                format!("the broker is restored from a copy {:?} old", at.elapsed())
            }
            Some(_) => "the copy is too young".into(),
            None => {
                province.member(BROKER).kill();
                self.kills += 1;
                put_in_place(&store, &copy);
                province.member(BROKER).start(false);
                self.copied_at = Some(Instant::now());
                "the broker's store is copied".into()
            }
        }
    }

    /// The next commit of the broker's store is done, and said to be in doubt.
    fn err_after_a_commit(&mut self, province: &mut Province, _: &mut Chance) -> String {
        fs::write(province.path("faults/error after the commit"), "").unwrap();
        "the next commit of the broker is said to be in doubt".into()
    }

    fn restart_everything(&mut self, province: &mut Province, _: &mut Chance) -> String {
        for member in &mut province.members {
            if member.runs() {
                member.kill();
                self.kills += 1;
            }
        }
        self.lasting.retain(|one| matches!(one.what, What::Bad(_)));
        province.start_all();
        "everything is killed and started at once".into()
    }
}

fn end(province: &mut Province, what: What) {
    match what {
        What::Down(name) => {
            let member = province.member(name);
            if !member.runs() {
                member.start(false);
            }
        }
        What::Frozen(name) => province.member(name).thaw(),
        What::NoWrites(name) => province.member(name).refuse_writes(false),
        What::Bad(between) => province.line(&between).mend(),
    }
}

/// The broker a third of the time, a desk a sixth, a department otherwise.
fn someone(province: &Province, chance: &mut Chance) -> &'static str {
    let role = match chance.below(6) {
        0 | 1 => Role::Broker,
        2 => Role::Desk,
        _ => Role::Department,
    };
    let all: Vec<_> = province
        .members
        .iter()
        .filter(|member| member.role == role)
        .collect();
    all[chance.below(all.len() as u64) as usize].name
}

fn put_in_place(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    crate::town::copy(from, to);
}
