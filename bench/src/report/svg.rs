//! A few shapes, written as SVG.

use std::fmt;

/// A drawing of a fixed size, in pixels.
#[derive(Debug)]
pub(super) struct Drawing {
    width: f64,
    height: f64,
    elements: Vec<String>,
}

/// Which side of a text its place is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

impl Drawing {
    /// An empty one.
    pub(super) fn new(width: f64, height: f64) -> Self {
        Self { width, height, elements: Vec::new() }
    }

    /// Writes a text on a base line.
    pub(super) fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        let text = escaped(text);
        self.elements
            .push(format!("<text x='{x:.1}' y='{y:.1}' text-anchor='{anchor}'>{text}</text>\n"));
    }

    /// Fills a rectangle.
    pub(super) fn bar(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.elements.push(format!(
            "<rect x='{x:.1}' y='{y:.1}' width='{width:.1}' height='{height:.1}' \
             fill='{colour}'/>\n"
        ));
    }

    /// Draws a line through points, and a dot at each of them.
    pub(super) fn line(&mut self, points: &[(f64, f64)], colour: &str) {
        let path: Vec<String> = points.iter().map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        self.elements.push(format!(
            "<polyline points='{}' fill='none' stroke='{colour}' stroke-width='2'/>\n",
            path.join(" ")
        ));
        for (x, y) in points {
            self.elements
                .push(format!("<circle cx='{x:.1}' cy='{y:.1}' r='3' fill='{colour}'/>\n"));
        }
    }

    /// Draws a thin grey line.
    pub(super) fn rule(&mut self, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
        self.elements.push(format!(
            "<line x1='{x1:.1}' y1='{y1:.1}' x2='{x2:.1}' y2='{y2:.1}' stroke='#ccc'/>\n"
        ));
    }
}

impl fmt::Display for Drawing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { width, height, elements } = self;
        write!(
            f,
            "<svg xmlns='http://www.w3.org/2000/svg' width='{width:.0}' height='{height:.0}' \
             viewBox='0 0 {width:.0} {height:.0}' font-family='sans-serif' font-size='11'>\n\
             <rect width='100%' height='100%' fill='#fff'/>\n{}</svg>\n",
            elements.concat()
        )
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drawing_is_one_element_with_its_text_escaped() {
        let mut drawing = Drawing::new(10.0, 20.0);
        drawing.text((1.0, 2.0), Anchor::End, "a < b & c");
        let svg = drawing.to_string();
        assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
        assert!(svg.contains("<text x='1.0' y='2.0' text-anchor='end'>a &lt; b &amp; c</text>"));
    }
}
