//! Whom a handshake lets through: a valid chain, and the identity that is wanted.

use super::{Credentials, provider};
use crate::identity::{DenyList, Identity, IdentityError, Peer};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, RootCertStore,
    SignatureScheme,
    client::{
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        verify_server_cert_signed_by_trust_anchor,
    },
    crypto::{CryptoProvider, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
    server::{
        ParsedCertificate, WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use std::sync::Arc;

/// A valid chain to a certificate that is not whom we speak with.
#[derive(Debug, thiserror::Error)]
pub(super) enum IdentityRefused {
    #[error(transparent)]
    None(#[from] IdentityError),
    #[error("{found} is of another trust domain than `{own}`")]
    TrustDomain { own: String, found: Identity },
    #[error("{found} answered where {expected} was expected; see that the address is right")]
    Other { expected: Identity, found: Identity },
}

/// Checks who connects to us.
#[derive(Debug)]
pub(super) struct ClientVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    trust_domain: String,
    denied: DenyList,
    is_mandatory: bool,
}

impl ClientVerifier {
    pub(super) fn new(own: &Credentials) -> Result<Self, Error> {
        Self::with(own, true)
    }

    /// Lets those in too who show no certificate; one that is shown must be good.
    pub(super) fn optional(own: &Credentials) -> Result<Self, Error> {
        Self::with(own, false)
    }

    fn with(own: &Credentials, is_mandatory: bool) -> Result<Self, Error> {
        let chain = WebPkiClientVerifier::builder_with_provider(own.roots().clone(), provider())
            .build()
            .map_err(|error| Error::General(error.to_string()))?;
        let trust_domain = own.identity().trust_domain.clone();
        Ok(Self {
            chain,
            trust_domain,
            denied: own.denied().clone(),
            is_mandatory,
        })
    }
}

impl ClientCertVerifier for ClientVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.is_mandatory
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let verified = self
            .chain
            .verify_client_cert(end_entity, intermediates, now)?;
        let found = read(end_entity, &self.denied)?;
        if found.trust_domain != self.trust_domain {
            let own = self.trust_domain.clone();
            return Err(refused(IdentityRefused::TrustDomain { own, found }));
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.chain
            .verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}

/// Checks whom we have connected to.
#[derive(Debug)]
pub(super) struct ServerVerifier {
    roots: Arc<RootCertStore>,
    provider: Arc<CryptoProvider>,
    expected: Identity,
    denied: DenyList,
}

impl ServerVerifier {
    pub(super) fn new(own: &Credentials, expected: Identity) -> Self {
        let (roots, denied) = (own.roots().clone(), own.denied().clone());
        Self {
            roots,
            provider: provider(),
            expected,
            denied,
        }
    }
}

impl ServerCertVerifier for ServerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        verify_server_cert_signed_by_trust_anchor(
            &ParsedCertificate::try_from(end_entity)?,
            &self.roots,
            intermediates,
            now,
            self.provider.signature_verification_algorithms.all,
        )?;
        // The identity is compared instead of the host's name: who it is counts, not where it runs.
        let found = read(end_entity, &self.denied)?;
        if found != self.expected {
            let expected = self.expected.clone();
            return Err(refused(IdentityRefused::Other { expected, found }));
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::General("TLS 1.2 is not spoken here".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}

fn read(end_entity: &CertificateDer<'_>, denied: &DenyList) -> Result<Identity, Error> {
    let peer = Peer::from_certificate(end_entity).map_err(|error| refused(error.into()))?;
    if denied.denies(&peer) {
        return Err(CertificateError::Revoked.into());
    }
    Ok(peer.identity)
}

fn refused(reason: IdentityRefused) -> Error {
    CertificateError::Other(OtherError(Arc::new(reason))).into()
}

/// What a failed handshake tells a person, without the wrappings.
pub(super) fn told(error: &std::io::Error) -> String {
    match error.get_ref().and_then(|inner| inner.downcast_ref()) {
        Some(Error::InvalidCertificate(CertificateError::Other(reason))) => reason.0.to_string(),
        _ => error.to_string(),
    }
}
