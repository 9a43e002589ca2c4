//! The log of connections that were refused: a line for each reason and address, and no flood.

use super::verifier::told;
use rustls::{CertificateError, Error};
use std::{collections::HashMap, io, net::IpAddr, time::Duration};
use tokio::time::Instant;

/// How long further refusals of a reason from an address are only counted.
pub(super) const QUIET_INTERVAL: Duration = Duration::from_secs(60);
/// Reasons and addresses told apart in one interval; the rest is one count.
const TOLD_APART_MAX: usize = 100;

/// Why a connection is refused: every word that stands in the log.
pub(super) const REASONS: [&str; 17] = [
    "CERTIFICATE_DENIED",
    "CERTIFICATE_EXPIRED",
    "CERTIFICATE_INVALID",
    "CERTIFICATE_NOT_VALID_YET",
    "CERTIFICATE_OF_ANOTHER_AUTHORITY",
    "CONNECTIONS_MAX",
    "CONNECTIONS_PER_ADDRESS_MAX",
    "CONNECTIONS_PER_SYSTEM_MAX",
    "CONNECTION_LOST",
    "HANDSHAKES_MAX",
    "HANDSHAKE_TIMEOUT",
    "IDENTITY_REFUSED",
    "NO_CERTIFICATE",
    "NOT_TLS",
    "NO_SOCKET",
    "REFUSED_BY_PEER",
    "TLS_VERSION_OR_ALGORITHM",
];

/// Tells the first refusal of each reason from each address in an interval, and counts the others.
#[derive(Debug)]
pub(super) struct Refusals {
    since: Instant,
    counts: HashMap<(IpAddr, &'static str), u64>,
    others: u64,
}

impl Refusals {
    pub(super) fn new() -> Self {
        Self {
            since: Instant::now(),
            counts: HashMap::new(),
            others: 0,
        }
    }

    /// Notes that a connection from `address` was refused for the reason word.
    pub(super) fn note(&mut self, address: IpAddr, reason: &'static str, error: &str) {
        self.tell_counts(Instant::now());
        if let Some(count) = self.counts.get_mut(&(address, reason)) {
            *count += 1;
        } else if self.counts.len() < TOLD_APART_MAX {
            self.counts.insert((address, reason), 0);
            tracing::warn!(%address, reason, error, "connection refused");
        } else {
            self.others += 1;
        }
    }

    /// Tells what was only counted, once the interval is over.
    pub(super) fn tell_counts(&mut self, now: Instant) {
        if now.duration_since(self.since) < QUIET_INTERVAL {
            return;
        }
        self.since = now;
        let seconds = QUIET_INTERVAL.as_secs();
        for ((address, reason), count) in self.counts.drain().filter(|(_, count)| *count > 0) {
            tracing::warn!(%address, reason, count, seconds, "more connections refused");
        }
        let count = std::mem::take(&mut self.others);
        if count > 0 {
            tracing::warn!(
                count,
                seconds,
                "more connections refused, from many addresses"
            );
        }
    }
}

/// The reason word of a handshake that failed, and what there is to say about it.
pub(super) fn explain(error: &io::Error) -> (&'static str, String) {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    let reason = match tls {
        Some(Error::NoCertificatesPresented) => "NO_CERTIFICATE",
        Some(Error::InvalidCertificate(certificate)) => match certificate {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "CERTIFICATE_EXPIRED"
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                "CERTIFICATE_NOT_VALID_YET"
            }
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                "CERTIFICATE_OF_ANOTHER_AUTHORITY"
            }
            CertificateError::Revoked => "CERTIFICATE_DENIED",
            CertificateError::Other(_) => "IDENTITY_REFUSED",
            _ => "CERTIFICATE_INVALID",
        },
        Some(Error::PeerIncompatible(_)) => "TLS_VERSION_OR_ALGORITHM",
        Some(Error::AlertReceived(_)) => "REFUSED_BY_PEER",
        Some(_) => "NOT_TLS",
        None => "CONNECTION_LOST",
    };
    (reason, told(error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Lines;
    use std::net::Ipv4Addr;

    #[tokio::test(start_paused = true)]
    async fn a_flood_is_a_line_and_a_count() {
        let lines = Lines::default();
        let log = lines.subscriber();
        let _log = tracing::subscriber::set_default(log);

        let mut refusals = Refusals::new();
        let home = IpAddr::from(Ipv4Addr::LOCALHOST);
        for _ in 0..10_000 {
            refusals.note(home, "NO_CERTIFICATE", "peer sent no certificates");
        }
        refusals.note(home, "NOT_TLS", "rubbish");
        for number in 0..10_000_u32 {
            refusals.note(IpAddr::from(number.to_be_bytes()), "NOT_TLS", "rubbish");
        }
        assert_eq!(lines.text().lines().count(), TOLD_APART_MAX);

        tokio::time::advance(QUIET_INTERVAL).await;
        refusals.tell_counts(Instant::now());
        let text = lines.text();
        assert_eq!(text.lines().count(), TOLD_APART_MAX + 2);
        assert!(text.contains("count=9999"), "{text}");
        assert!(text.contains("from many addresses"), "{text}");
        refusals.note(home, "NO_CERTIFICATE", "peer sent no certificates");
        assert_eq!(lines.text().lines().count(), TOLD_APART_MAX + 3);
    }
}
