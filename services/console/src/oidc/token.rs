//! The token that says who logged in, and the keys by which it is believed.

use jsonwebtoken::{
    Algorithm, DecodingKey, Validation, decode, decode_header,
    errors::Error,
    jwk::{Jwk, JwkSet, PublicKeyUse},
};
use serde::Deserialize;

/// What a provider may sign with: public keys alone.
const ALGORITHMS: [Algorithm; 7] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// What a token says.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub(super) sub: String,
    #[serde(default)]
    pub(super) nonce: String,
    pub(super) azp: Option<String>,
}

/// A provider's keys.
#[derive(Debug, Clone)]
pub(super) struct Keys(pub(super) JwkSet);

impl Keys {
    /// What a token says that is from this issuer, for this client, signed and in force; none when its key
    /// is not among these.
    pub(super) fn check(
        &self,
        token: &str,
        issuer: &str,
        client_id: &str,
    ) -> Result<Option<Claims>, Error> {
        let header = decode_header(token)?;
        let Some(jwk) = self.find(header.kid.as_deref()) else {
            return Ok(None);
        };
        let key = DecodingKey::from_jwk(jwk)?;
        // The token's own word for it is taken only among those that its key may have.
        let mut validation = Validation::new(header.alg);
        let fits = ALGORITHMS.contains(&header.alg);
        validation.algorithms = if fits { vec![header.alg] } else { vec![] };
        validation.set_issuer(&[issuer]);
        validation.set_audience(&[client_id]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        Ok(Some(decode::<Claims>(token, &key, &validation)?.claims))
    }

    fn find(&self, kid: Option<&str>) -> Option<&Jwk> {
        let may_sign = |jwk: &&Jwk| {
            let usage = &jwk.common.public_key_use;
            !matches!(usage, Some(PublicKeyUse::Encryption))
        };
        match kid {
            Some(kid) => self.0.find(kid),
            None => self.0.keys.iter().find(may_sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    #[test]
    fn a_token_that_is_signed_with_a_public_key_as_a_secret_is_refused() {
        let jwk = json!({ "keys": [{
            "kty": "EC", "crv": "P-256", "kid": "k",
            "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
        }]});
        let keys = Keys(serde_json::from_value(jwk).unwrap());
        let claims = json!({ "sub": "a", "iss": "i", "aud": "c", "exp": 9_999_999_999_u64 });
        let header = Header {
            kid: Some("k".into()),
            ..Header::new(Algorithm::HS256)
        };
        let secret = EncodingKey::from_secret(b"0123456789abcdef0123456789abcdef").unwrap();
        let token = encode(&header, &claims, &secret).unwrap();
        assert!(keys.check(&token, "i", "c").is_err());
        assert!(keys.check("a.b.c", "i", "c").is_err());
        let header = Header {
            kid: Some("other".into()),
            ..header
        };
        let token = encode(&header, &claims, &secret).unwrap();
        assert!(keys.check(&token, "i", "c").unwrap().is_none());
    }
}
