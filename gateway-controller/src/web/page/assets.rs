//! The page's files, inside the program: nothing is loaded from elsewhere, and there is nothing to install.

use std::sync::Arc;

use axum::Router;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::web::Shared;

/// A file, as it is served.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    pub(super) path: &'static str,
    kind: &'static str,
    pub(super) content: &'static str,
}

macro_rules! assets {
    ($($path:literal $kind:ident $file:literal),+ $(,)?) => {
        &[$(Asset { path: $path, kind: $kind, content: include_str!(concat!("../../../assets/", $file)) }),+]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
const TEXT: &str = "text/plain; charset=utf-8";

/// All files.
pub(super) const ASSETS: &[Asset] = assets![
    "/" HTML "index.html",
    "/style.css" CSS "style.css",
    "/icon.svg" SVG "icon.svg",
    "/app.js" SCRIPT "app.js",
    "/charts.js" SCRIPT "charts.js",
    "/controls.js" SCRIPT "controls.js",
    "/device.js" SCRIPT "device.js",
    "/dom.js" SCRIPT "dom.js",
    "/facts.js" SCRIPT "facts.js",
    "/fleet.js" SCRIPT "fleet.js",
    "/format.js" SCRIPT "format.js",
    "/history.js" SCRIPT "history.js",
    "/link.js" SCRIPT "link.js",
    "/lines.js" SCRIPT "lines.js",
    "/paint.js" SCRIPT "paint.js",
    "/site.js" SCRIPT "site.js",
    "/sites.js" SCRIPT "sites.js",
    "/theme.js" SCRIPT "theme.js",
    "/uplot/uPlot.iife.min.js" SCRIPT "uplot/uPlot.iife.min.js",
    "/uplot/uPlot.min.css" CSS "uplot/uPlot.min.css",
    "/uplot/LICENSE" TEXT "uplot/LICENSE",
];

pub(super) fn routes() -> Router<Arc<Shared>> {
    ASSETS.iter().fold(Router::new(), |router, asset| {
        let tag = tag(asset.content);
        router.route(asset.path, get(move |headers: HeaderMap| std::future::ready(serve(*asset, &tag, &headers))))
    })
}

fn serve(asset: Asset, tag: &str, headers: &HeaderMap) -> Response {
    // After an update of the controller nobody shall see the old page, so browsers ask each time.
    let cached = headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes());
    let head = [(CACHE_CONTROL, "no-cache"), (ETAG, tag)];
    if cached {
        return (StatusCode::NOT_MODIFIED, head).into_response();
    }
    (head, [(CONTENT_TYPE, asset.kind)], asset.content).into_response()
}

/// Tells two contents apart (FNV-1a).
fn tag(content: &str) -> String {
    let hash = content
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    format!("\"{hash:016x}\"")
}
