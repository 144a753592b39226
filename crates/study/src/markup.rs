//! A tree of elements that is written as HTML and as SVG, with every text and attribute escaped.
//!
//! What comes out is well-formed XML and valid HTML at once: void elements close themselves, all others have an end tag, and
//! characters that XML forbids are left out. Pure.

use std::fmt::{Display, Write};

/// Elements that HTML knows to be empty.
const VOID: [&str; 8] = ["br", "col", "hr", "img", "input", "link", "meta", "wbr"];
/// Elements after which a line ends, so that the page can be read and compared as text.
const BLOCKS: [&str; 22] = [
    "html", "head", "body", "meta", "title", "style", "main", "header", "footer", "nav", "section", "h1",
    "h2", "h3", "p", "li", "tr", "figure", "svg", "g", "details", "div",
];

/// An element with its attributes and children.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Element {
    name: &'static str,
    attributes: Vec<(&'static str, String)>,
    children: Vec<Node>,
}

#[derive(Clone, Debug, PartialEq)]
enum Node {
    Element(Element),
    Text(String),
    /// Our own style sheet, which must hold neither `<` nor `&`.
    Style(&'static str),
}

/// An empty element.
pub(crate) fn el(name: &'static str) -> Element {
    Element { name, attributes: Vec::new(), children: Vec::new() }
}

impl Element {
    pub(crate) fn attr(mut self, name: &'static str, value: impl Display) -> Self {
        self.attributes.push((name, value.to_string()));
        self
    }

    pub(crate) fn class(self, names: impl Display) -> Self {
        self.attr("class", names)
    }

    pub(crate) fn text(mut self, text: impl Into<String>) -> Self {
        self.children.push(Node::Text(text.into()));
        self
    }

    pub(crate) fn child(mut self, child: Self) -> Self {
        self.children.push(Node::Element(child));
        self
    }

    pub(crate) fn children(mut self, children: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(children.into_iter().map(Node::Element));
        self
    }

    pub(crate) fn style(mut self, sheet: &'static str) -> Self {
        assert!(!sheet.contains(['<', '&']), "a style sheet of ours must be plain in XML too");
        self.children.push(Node::Style(sheet));
        self
    }

    /// Puts a child before all others.
    pub(crate) fn first(mut self, child: Self) -> Self {
        self.children.insert(0, Node::Element(child));
        self
    }

    pub(crate) fn render(&self) -> String {
        let mut out = String::new();
        self.write(&mut out);
        out
    }

    fn write(&self, out: &mut String) {
        let _ = write!(out, "<{}", self.name);
        for (name, value) in &self.attributes {
            let _ = write!(out, " {name}=\"");
            escape(value, out);
            out.push('"');
        }
        if VOID.contains(&self.name) {
            out.push_str("/>");
        } else {
            out.push('>');
            for child in &self.children {
                match child {
                    Node::Element(element) => element.write(out),
                    Node::Text(text) => escape(text, out),
                    Node::Style(sheet) => out.push_str(sheet),
                }
            }
            let _ = write!(out, "</{}>", self.name);
        }
        if BLOCKS.contains(&self.name) {
            out.push('\n');
        }
    }
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            // XML 1.0 section 2.2: no other control characters, no non-characters.
            '\t' | '\n' | '\r' => out.push(c),
            '\0'..='\x1f' | '\u{7f}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}' => {}
            _ => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_and_attributes_cannot_break_out() {
        let element = el("p").attr("title", "\"><script>").text("</p><script>alert('&')</script>");
        let expected = "<p title=\"&quot;&gt;&lt;script&gt;\">&lt;/p&gt;&lt;script&gt;alert(&#39;&amp;&#39;)&lt;/script&gt;</p>\n";
        assert_eq!(element.render(), expected);
    }

    #[test]
    fn void_elements_close_themselves_and_others_do_not() {
        assert_eq!(el("br").render(), "<br/>");
        assert_eq!(el("td").render(), "<td></td>");
    }

    proptest! {
        #[test]
        fn any_text_comes_back_through_a_parser(text in any::<String>()) {
            let rendered = el("td").attr("title", &text).text(text.clone()).render();
            let parsed = roxmltree::Document::parse(&rendered).unwrap();
            let allowed: String = text.chars().filter(|&c| !c.is_control() && c != '\u{fffe}' && c != '\u{ffff}').collect();
            let came_back: String = parsed.root_element().text().unwrap_or("").chars().filter(|c| !c.is_control()).collect();
            prop_assert_eq!(came_back, allowed);
        }
    }
}
