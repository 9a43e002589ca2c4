//! All calendars: the national one, and those that territories make of it.

use super::{Calendar, CalendarError, facts::File};
use crate::{
    name::{Digest, TerritoryCode},
    procedure::Complaint,
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// The calendars in force, and the older ones that dossiers were reckoned by.
#[derive(Debug, Clone)]
pub struct Calendars {
    national: Arc<Calendar>,
    local: BTreeMap<TerritoryCode, Arc<Calendar>>,
    kept: BTreeMap<Digest, Arc<Calendar>>,
}

impl Calendars {
    /// Reads files, each with its name for messages: one national calendar, and for territories
    /// their changes to it. Changes to the calendar of another territory name that one in `over`.
    ///
    /// # Errors
    /// Names every file and place that is wrong, and its mend.
    pub fn new(files: Vec<(String, String)>) -> Result<Self, CalendarError> {
        let mut reading = Reading::default();
        for (file, toml) in files {
            reading.take(file, &toml);
        }
        reading.resolve();
        let Reading {
            national,
            local,
            mut faults,
            ..
        } = reading;
        match (national, faults.len()) {
            (Some(national), 0) => Ok(Self {
                national,
                local,
                kept: BTreeMap::new(),
            }),
            (None, 0) => Err(CalendarError::NoNational),
            (_, 1) => Err(faults.remove(0)),
            _ => Err(CalendarError::Several(faults)),
        }
    }

    /// The calendar of the first of these territories that has one of its own, innermost first; else
    /// the national one.
    pub fn of<'a>(
        &self,
        territories: impl IntoIterator<Item = &'a TerritoryCode>,
    ) -> &Arc<Calendar> {
        territories
            .into_iter()
            .find_map(|territory| self.local.get(territory))
            .unwrap_or(&self.national)
    }

    /// Keeps a calendar that is in force no more and that dossiers name.
    pub fn keep(&mut self, calendar: Calendar) {
        self.kept
            .entry(calendar.digest)
            .or_insert_with(|| Arc::new(calendar));
    }

    /// A calendar by its digest, in force or kept.
    pub fn version(&self, digest: &Digest) -> Option<&Arc<Calendar>> {
        self.current()
            .find(|calendar| calendar.digest == *digest)
            .or_else(|| self.kept.get(digest))
    }

    /// The calendars in force, the national one first.
    pub fn current(&self) -> impl Iterator<Item = &Arc<Calendar>> {
        std::iter::once(&self.national).chain(self.local.values())
    }
}

/// Files on their way to becoming calendars.
#[derive(Default)]
struct Reading {
    /// Which file has taken which territory; none for the national calendar.
    taken: BTreeMap<Option<TerritoryCode>, String>,
    national: Option<Arc<Calendar>>,
    local: BTreeMap<TerritoryCode, Arc<Calendar>>,
    /// Changes that wait for the calendar above them.
    waiting: Vec<(String, TerritoryCode, File)>,
    faults: Vec<CalendarError>,
}

impl Reading {
    fn unsound(&mut self, file: String, place: &str, wrong: String, mend: &str) {
        self.faults.push(CalendarError::Unsound {
            file,
            complaints: vec![Complaint {
                place: place.to_owned(),
                wrong,
                mend: mend.to_owned(),
            }],
        });
    }

    fn take(&mut self, file: String, toml: &str) {
        let read = match File::read(&file, toml) {
            Ok(read) => read,
            Err(fault) => return self.faults.push(fault),
        };
        let territory = read.territory.clone();
        if let Some(other) = self.taken.get(&territory) {
            let whose = territory.map_or("the nation".to_owned(), |code| format!("`{code}`"));
            let wrong = format!("{whose} has a calendar already, in {other}");
            return self.unsound(file, "territory", wrong, "put both into one file");
        }
        self.taken.insert(territory.clone(), file.clone());
        match (territory, read.covers) {
            (Some(territory), None) => self.waiting.push((file, territory, read)),
            (territory, _) => {
                let made = Calendar::complete(&file, read);
                self.made(territory, made);
            }
        }
    }

    fn made(&mut self, territory: Option<TerritoryCode>, made: Result<Calendar, CalendarError>) {
        match (made, territory) {
            (Err(fault), _) => self.faults.push(fault),
            (Ok(calendar), None) => self.national = Some(Arc::new(calendar)),
            (Ok(calendar), Some(territory)) => {
                self.local.insert(territory, Arc::new(calendar));
            }
        }
    }

    /// Makes every calendar whose calendar above is made, until none is left that could be.
    fn resolve(&mut self) {
        loop {
            let before = self.waiting.len();
            for (file, territory, read) in std::mem::take(&mut self.waiting) {
                let above = match &read.over {
                    None => self.national.clone(),
                    Some(over) => self.local.get(over).cloned(),
                };
                match above {
                    Some(above) => {
                        let made = Calendar::changed(&file, read, &above);
                        self.made(Some(territory), made);
                    }
                    None => self.waiting.push((file, territory, read)),
                }
            }
            if self.waiting.len() == before {
                break;
            }
        }
        let left = std::mem::take(&mut self.waiting);
        let over: BTreeMap<_, _> = left
            .iter()
            .map(|(_, territory, read)| (territory.clone(), read.over.clone()))
            .collect();
        for (file, territory, read) in left {
            let Some(above) = read.over else { continue };
            if !self.taken.contains_key(&Some(above.clone())) {
                let wrong = format!("`{above}` has no calendar of its own");
                let mend = "leave it out to change the national calendar, or add a file for it";
                self.unsound(file, "over", wrong, mend);
            } else if goes_round(&territory, &over) {
                let wrong =
                    format!("`{above}` is, directly or not, laid over `{territory}` itself");
                self.unsound(file, "over", wrong, "leave it out of one of the files");
            }
        }
    }
}

/// Whether following `over` from this territory comes back to it.
fn goes_round(
    territory: &TerritoryCode,
    over: &BTreeMap<TerritoryCode, Option<TerritoryCode>>,
) -> bool {
    let mut seen = BTreeSet::new();
    let mut here = territory;
    while let Some(Some(above)) = over.get(here) {
        if above == territory {
            return true;
        }
        if !seen.insert(above) {
            return false;
        }
        here = above;
    }
    false
}
