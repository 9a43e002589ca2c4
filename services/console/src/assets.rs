//! The page's scripts, styles and picture: in the binary, each under a name that changes with it.

use axum::{
    extract::Path,
    response::{IntoResponse as _, Response},
};
use http::{HeaderValue, StatusCode, header};
use sha2::{Digest as _, Sha256};
use std::sync::LazyLock;

/// An asset that is asked for by the name of its content never changes.
const FOREVER: &str = "public, max-age=31536000, immutable";
/// Hex digits of the digest in a name.
const DIGEST_CHARS: usize = 16;

struct Asset {
    stem: &'static str,
    ending: &'static str,
    media_type: &'static str,
    bytes: &'static [u8],
}

const ASSETS: [Asset; 6] = [
    script("htmx", include_bytes!("../assets/vendor/htmx.min.js")),
    script(
        "htmx-sse",
        include_bytes!("../assets/vendor/htmx-sse.min.js"),
    ),
    script(
        "idiomorph",
        include_bytes!("../assets/vendor/idiomorph-ext.min.js"),
    ),
    script("console", include_bytes!("../assets/console.js")),
    Asset {
        stem: "console",
        ending: "css",
        media_type: "text/css; charset=utf-8",
        bytes: include_bytes!("../assets/console.css"),
    },
    Asset {
        stem: "mark",
        ending: "svg",
        media_type: "image/svg+xml",
        bytes: include_bytes!("../assets/mark.svg"),
    },
];

const fn script(stem: &'static str, bytes: &'static [u8]) -> Asset {
    Asset {
        stem,
        ending: "js",
        media_type: "text/javascript; charset=utf-8",
        bytes,
    }
}

/// The names under which the assets are served now.
pub(crate) struct Names {
    pub(crate) htmx: String,
    pub(crate) htmx_sse: String,
    pub(crate) idiomorph: String,
    pub(crate) script: String,
    pub(crate) style: String,
    pub(crate) mark: String,
}

pub(crate) static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let [htmx, htmx_sse, idiomorph, script, style, mark] = ASSETS.map(|asset| name(&asset));
    Names {
        htmx,
        htmx_sse,
        idiomorph,
        script,
        style,
        mark,
    }
});

fn name(asset: &Asset) -> String {
    let digest = hex::encode(Sha256::digest(asset.bytes));
    format!(
        "{}.{}.{}",
        asset.stem,
        &digest[..DIGEST_CHARS],
        asset.ending
    )
}

static SERVED: LazyLock<[(String, Asset); 6]> =
    LazyLock::new(|| ASSETS.map(|asset| (name(&asset), asset)));

/// `GET /assets/NAME`
pub(crate) async fn asset(Path(wanted): Path<String>) -> Response {
    let Some((_, asset)) = SERVED.iter().find(|(name, _)| *name == wanted) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static(asset.media_type),
        ),
        (header::CACHE_CONTROL, HeaderValue::from_static(FOREVER)),
    ];
    (headers, asset.bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_asset_is_served_by_the_name_of_its_content_and_no_other_is() {
        for name in [&NAMES.htmx, &NAMES.style, &NAMES.mark, &NAMES.script] {
            let response = asset(Path(name.clone())).await;
            assert_eq!(response.status(), StatusCode::OK, "{name}");
        }
        for name in ["console.js", "../Cargo.toml", ""] {
            let response = asset(Path(name.into())).await;
            assert_eq!(response.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}
