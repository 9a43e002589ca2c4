//! Confirms that a citizen has paid.

use super::act::ActArgs;
use anyhow::bail;
use clap::Args;
use contract::v1::ObligationStatus;
use desk::form::Deed;
use std::path::Path;

/// Confirm a payment, with the payment platform's reference.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier pay H99.01.01-20261122-0000001 --reference PP-1\n  lienthong dossier pay H99.01.01-20261122-0000001 NV-1 --amount 30000000 \\\n      --reference PP-1"
)]
pub(crate) struct PayCommand {
    #[command(flatten)]
    act: ActArgs,
    /// The obligation; the only open one when left out.
    obligation: Option<String>,
    /// Whole đồng; what is owed when left out.
    #[arg(long, value_name = "VND")]
    amount: Option<i64>,
    /// The payment platform's reference.
    #[arg(long)]
    reference: String,
}

impl PayCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let (obligation, amount_vnd) = match (self.obligation, self.amount) {
            (Some(obligation), Some(amount)) => (obligation, amount),
            (obligation, amount) => {
                let line = self.act.desk.window()?.line;
                let dossier = line.track(&self.act.code).await?;
                let owed = only(&dossier.obligations, obligation.as_deref())?;
                (
                    owed.obligation_id.clone(),
                    amount.unwrap_or(owed.amount_vnd),
                )
            }
        };
        let done = format!("{obligation} is paid (đã nộp)");
        let deed = Deed::ConfirmPayment {
            obligation,
            amount_vnd,
            reference: self.reference,
            paid_at: None,
        };
        self.act
            .bring(deed, vec![], Path::new(""), json, &done)
            .await
    }
}

/// What is owed and not paid: the one of this name, or the only one.
fn only<'a>(
    obligations: &'a [ObligationStatus],
    name: Option<&str>,
) -> anyhow::Result<&'a ObligationStatus> {
    let open: Vec<_> = obligations
        .iter()
        .filter(|one| one.payment_reference.is_empty())
        .filter(|one| name.is_none_or(|name| one.obligation_id == name))
        .collect();
    match (open.as_slice(), name) {
        ([one], _) => Ok(one),
        ([], Some(name)) => bail!("nothing is owed under {name}"),
        ([], None) => bail!("nothing is owed"),
        (several, _) => bail!(
            "name the obligation: {}",
            several
                .iter()
                .map(|one| one.obligation_id.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_paid_is_found_by_name_or_because_nothing_else_is_owed() {
        let owed = |name: &str, reference: &str| ObligationStatus {
            obligation_id: name.into(),
            payment_reference: reference.into(),
            ..Default::default()
        };
        let all = [owed("a", "paid"), owed("b", ""), owed("c", "")];
        assert_eq!(only(&all[..2], None).unwrap().obligation_id, "b");
        assert_eq!(only(&all, Some("c")).unwrap().obligation_id, "c");
        assert_eq!(
            only(&all, None).unwrap_err().to_string(),
            "name the obligation: b, c"
        );
        assert!(only(&all[..1], None).is_err());
        assert!(only(&all, Some("a")).is_err());
    }
}
