//! The system at the other end of a connection, as its verified certificate names it.

use super::{DenyList, Identity, IdentityError, parse};
use crate::fault::Fault;
use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use sha2::{Digest as _, Sha256};
use tonic::Code;

/// A system whose certificate was verified when it connected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Which system it is.
    pub identity: Identity,
    /// The certificate's serial number, lower-case hex without leading zero bytes.
    pub serial: String,
    /// SHA-256 of the certificate's DER, lower-case hex.
    pub fingerprint: String,
    /// The last second in which the certificate is valid.
    pub not_after: Timestamp,
}

/// The system may speak no longer; whatever it has open is to be closed.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum PeerRefused {
    /// Issue the system a new certificate.
    #[error("the certificate {serial} of {identity} expired at {not_after}; issue a new one")]
    Expired {
        /// Whose certificate.
        identity: Identity,
        /// Its serial number, hex.
        serial: String,
        /// When it expired.
        not_after: Timestamp,
    },
    /// Find out why the certificate was denied; issue a new one if the system may go on.
    #[error("the certificate {serial} of {identity} is on the deny-list; ask the operator")]
    Denied {
        /// Whose certificate.
        identity: Identity,
        /// Its serial number, hex.
        serial: String,
    },
}

impl Peer {
    /// Reads a certificate that TLS has verified.
    ///
    /// # Errors
    /// The certificate names no identity.
    pub fn from_certificate(der: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        let certificate = parse(der)?;
        let not_after = Timestamp::from_second(certificate.validity().not_after.timestamp())
            .map_err(|error| IdentityError::Certificate(error.to_string()))?;
        let serial = certificate.raw_serial();
        let leading = serial.iter().take_while(|byte| **byte == 0).count();
        Ok(Self {
            identity: Identity::from_x509(&certificate)?,
            serial: hex::encode(&serial[leading..]),
            fingerprint: hex::encode(Sha256::digest(der)),
            not_after,
        })
    }

    /// Whether the system may still speak; asked for each batch on an open stream.
    ///
    /// # Errors
    /// Its certificate has expired, or was denied since it connected.
    pub fn check(&self, now: Timestamp, denied: &DenyList) -> Result<(), PeerRefused> {
        if now > self.not_after {
            return Err(PeerRefused::Expired {
                identity: self.identity.clone(),
                serial: self.serial.clone(),
                not_after: self.not_after,
            });
        }
        if denied.denies(self) {
            return Err(PeerRefused::Denied {
                identity: self.identity.clone(),
                serial: self.serial.clone(),
            });
        }
        Ok(())
    }
}

impl From<PeerRefused> for Fault {
    fn from(refused: PeerRefused) -> Self {
        let en = refused.to_string();
        match refused {
            PeerRefused::Expired { not_after, .. } => Fault::new(
                Code::Unauthenticated,
                "CERTIFICATE_EXPIRED",
                en,
                format!("chứng thư của hệ thống đã hết hạn lúc {not_after}; hãy cấp chứng thư mới"),
            ),
            PeerRefused::Denied { .. } => Fault::new(
                Code::Unauthenticated,
                "CERTIFICATE_DENIED",
                en,
                "chứng thư của hệ thống đã bị thu hồi; hãy hỏi đơn vị vận hành",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::Role,
        pki::{Authority, Validity},
    };
    use jiff::ToSpan as _;
    use rustls::pki_types::pem::PemObject as _;

    fn certificate() -> (CertificateDer<'static>, Validity) {
        let authority = Authority::create("hue.example", Validity::days(10)).unwrap();
        let identity = Identity::new("hue.example", Role::Department, "police").unwrap();
        let validity = Validity::days(1);
        let issued = authority.issue(&identity, validity).unwrap();
        (
            CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap(),
            validity,
        )
    }

    #[test]
    fn a_peer_is_what_its_certificate_says() {
        let (der, validity) = certificate();
        let peer = Peer::from_certificate(&der).unwrap();
        assert_eq!(
            peer.identity.uri(),
            "spiffe://hue.example/department/police"
        );
        assert_eq!(peer.fingerprint.len(), 64);
        assert!(!peer.serial.is_empty() && peer.serial.len() <= 32);
        assert_eq!(peer.not_after.as_second(), validity.not_after.as_second());
    }

    #[test]
    fn an_expired_or_denied_peer_is_refused_with_its_reason() {
        let peer = Peer::from_certificate(&certificate().0).unwrap();
        let now = Timestamp::now();
        assert_eq!(peer.check(now, &DenyList::none()), Ok(()));

        let later = now.checked_add(48.hours()).unwrap();
        let refused = peer.check(later, &DenyList::none()).unwrap_err();
        assert_eq!(Fault::from(refused).reason(), "CERTIFICATE_EXPIRED");

        for name in [&peer.serial, &peer.fingerprint] {
            let denied = DenyList::of([name.as_str()]).unwrap();
            let refused = peer.check(now, &denied).unwrap_err();
            assert_eq!(Fault::from(refused).reason(), "CERTIFICATE_DENIED");
        }
    }
}
