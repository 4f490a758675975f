//! Every link of a tree once, before what it names is read.

use super::{Tree, walk::Places};
use crate::{
    error::Result,
    node::{Link, Source},
};

/// What a link names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    Node,
    /// A value too long for a leaf.
    Value,
}

/// Tells of every link of a tree, parents before children, in key order. `act` says whether what it
/// names is to be read, which only nodes are.
pub(crate) fn each_link(
    source: Source<'_>,
    tree: &Tree,
    act: &mut dyn FnMut(Link, Named) -> Result<bool>,
) -> Result<()> {
    match tree.top() {
        Some((root, level)) => below(&mut Places::new(source), root, level, act),
        None => Ok(()),
    }
}

fn below(
    places: &mut Places<'_>,
    link: Link,
    level: usize,
    act: &mut dyn FnMut(Link, Named) -> Result<bool>,
) -> Result<()> {
    if !act(link, Named::Node)? {
        return Ok(());
    }
    let node = places.node(link, level)?;
    for link in node.view().links() {
        if level > 0 {
            below(places, link, level - 1, act)?;
        } else {
            act(link, Named::Value)?;
        }
    }
    Ok(())
}
