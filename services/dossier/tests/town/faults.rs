//! What goes wrong, how often, and until when.

use crate::chance::Chance;
use jiff::SignedDuration;

/// Once in how many times; 0 for never.
#[derive(Debug, Clone)]
pub struct Faults {
    /// A message is lost.
    pub loses: usize,
    /// A message comes twice.
    pub repeats: usize,
    /// A message takes up to a day and a half, past others.
    pub delays: usize,
    /// Somebody dies at a point between two durable acts.
    pub dies: usize,
    /// Hours between crashes out of the blue, somewhere in the town.
    pub crash_every_hours: usize,
    /// Hours between losses of a department's disk.
    pub disk_every_hours: usize,
    /// Hours between restorations of the broker from a copy.
    pub restore_every_hours: usize,
    /// Hours between jumps of the broker's clock.
    pub jump_every_hours: usize,
}

impl Faults {
    pub fn none() -> Self {
        Self {
            loses: 0,
            repeats: 0,
            delays: 0,
            dies: 0,
            crash_every_hours: 0,
            disk_every_hours: 0,
            restore_every_hours: 0,
            jump_every_hours: 0,
        }
    }

    /// What this seed has: each sort of fault in some worlds and not in others, so that what one hides
    /// the other shows.
    pub fn by(chance: &mut Chance) -> Self {
        let mut some = |often: &[usize]| match chance.one_in(3) {
            true => 0,
            false => *chance.pick(often),
        };
        Self {
            loses: some(&[4, 10, 30]),
            repeats: some(&[4, 10, 30]),
            delays: some(&[5, 15, 40]),
            dies: some(&[12, 40, 100]),
            crash_every_hours: some(&[12, 48, 100]),
            disk_every_hours: some(&[60, 150]),
            restore_every_hours: some(&[100, 200]),
            jump_every_hours: some(&[40, 120]),
        }
    }

    /// Those of a year in which much goes wrong, and most goes well.
    pub fn of_a_year() -> Self {
        Self {
            loses: 50,
            repeats: 50,
            delays: 100,
            dies: 300,
            crash_every_hours: 100,
            disk_every_hours: 700,
            restore_every_hours: 2_000,
            jump_every_hours: 500,
        }
    }
}

/// How far a clock jumps.
pub fn jump(chance: &mut Chance) -> SignedDuration {
    match chance.below(3) {
        0 => -chance.hours(3),
        1 => chance.hours(3),
        _ => chance.hours(50),
    }
}
