//! The page itself: one HTML file with its style, its script and the data.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::data::{data, json_in_script};
use crate::{Collection, ExploreError};

/// What the page says made it; by this a page of ours is known again.
pub const GENERATOR: &str = "culturemert explore";

/// The script, in the order of what uses what.
const SCRIPT: &str = concat!(
    "\"use strict\";\n(() => {\n",
    include_str!("page/dom.js"),
    include_str!("page/collection.js"),
    include_str!("page/grid.js"),
    include_str!("page/draw.js"),
    include_str!("page/panel.js"),
    include_str!("page/list.js"),
    include_str!("page/filters.js"),
    include_str!("page/input.js"),
    include_str!("page/start.js"),
    "})();\n"
);

const STYLE: &str = include_str!("page/page.css");
const BODY: &str = include_str!("page/page.html");

/// The whole page. What it may load is named in its policy: excerpts from its own folder, the one script by its hash, and nothing else.
pub fn page(collection: &Collection) -> Result<String, ExploreError> {
    collection.check()?;
    let policy = format!(
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{}'; media-src 'self' file:; base-uri 'none'; form-action 'none'",
        STANDARD.encode(digest(SCRIPT))
    );
    let json = json_in_script(&data(collection));
    let title = escaped(&collection.title);
    let version = env!("CARGO_PKG_VERSION");
    let colours = study::report::COLOURS;
    Ok(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"{policy}\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"generator\" content=\"{GENERATOR} {version}\">\n\
         <title>{title}</title>\n<style>\n{colours}{STYLE}</style>\n</head>\n<body>\n{BODY}\
         <script type=\"application/json\" id=\"data\">{json}</script>\n<script>{SCRIPT}</script>\n</body>\n</html>\n"
    ))
}

fn digest(text: &str) -> Vec<u8> {
    let hex = files::hash_bytes(text.as_bytes()).to_string();
    let digits = hex.as_bytes().chunks_exact(2);
    digits
        .map(|pair| {
            let value = |digit: u8| char::from(digit).to_digit(16).unwrap_or(0) as u8;
            value(pair[0]) * 16 + value(pair[1])
        })
        .collect()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
