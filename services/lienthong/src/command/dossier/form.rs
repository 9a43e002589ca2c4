//! Saves the forms of the law as PDF.

use super::DeskArgs;
use crate::screen::{json, tell};
use anyhow::Context as _;
use clap::{Args, builder::PossibleValuesParser};
use contract::v1::GetFormRequest;
use jiff::{civil::Date, tz::TimeZone};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// The forms of one dossier.
const FORMS: [&str; 7] = [
    "receipt-slip",
    "supplement-request",
    "refusal-notice",
    "apology-extension-letter",
    "stop-notice",
    "control-slip",
    "transfer-slip",
];

/// Save one of a dossier's forms as PDF.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier form H99.01.01-20261122-0000001 receipt-slip \\\n      --out receipt.pdf"
)]
pub(crate) struct FormCommand {
    /// The dossier's code.
    code: String,
    /// Which form.
    #[arg(value_parser = PossibleValuesParser::new(FORMS))]
    form: String,
    /// For a supplement request: which; the newest when left out.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    supplement: u32,
    /// The file; in this folder, named as the broker names it, when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    desk: DeskArgs,
}

impl FormCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let request = GetFormRequest {
            dossier_code: self.code,
            form: self.form,
            supplement_number: self.supplement,
            ..Default::default()
        };
        save(&self.desk, request, self.out, json).await
    }
}

/// Save the tracking register of a span of days as PDF (sổ theo dõi hồ sơ, form 07).
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier register --from 2026-11-01 --until 2026-12-01 \\\n      --out register.pdf"
)]
pub(crate) struct RegisterCommand {
    /// The first day.
    #[arg(long, value_name = "DATE")]
    from: Date,
    /// The day after the last one.
    #[arg(long, value_name = "DATE")]
    until: Date,
    /// The file; in this folder, named as the broker names it, when left out.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    desk: DeskArgs,
}

impl RegisterCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let request = GetFormRequest {
            form: "tracking-register".into(),
            from: Some(midnight(self.from)?),
            until: Some(midnight(self.until)?),
            ..Default::default()
        };
        save(&self.desk, request, self.out, json).await
    }
}

async fn save(
    desk: &DeskArgs,
    request: GetFormRequest,
    out: Option<PathBuf>,
    json: bool,
) -> anyhow::Result<()> {
    let form = desk.window()?.line.form(request).await?;
    // A name that the broker chose stays in this folder.
    let named = Path::new(&form.file_name).file_name();
    let out = match (out, named) {
        (Some(out), _) => out,
        (None, Some(named)) => named.into(),
        (None, None) => "form.pdf".into(),
    };
    fs::write(&out, &form.pdf).with_context(|| format!("cannot write {}", out.display()))?;
    if json {
        return json::print(&json!({ "saved": out, "bytes": form.pdf.len() }));
    }
    tell!("saved {}", out.display());
    Ok(())
}

/// When a day begins in Việt Nam.
fn midnight(day: Date) -> anyhow::Result<prost_types::Timestamp> {
    // Also without the zone's rules on this machine: +07 all year since 1975.
    let zone = TimeZone::fixed(jiff::tz::offset(7));
    let at = day.to_zoned(zone)?.timestamp();
    Ok(prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_begins_when_it_does_in_viet_nam() {
        let at = midnight("2026-11-22".parse().unwrap()).unwrap();
        assert_eq!(at.seconds, 1_795_280_400);
    }
}
