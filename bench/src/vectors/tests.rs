//! What every adapter has to keep, whatever its index.

use super::*;

const CACHE: u64 = 64 << 20;

struct Promises;

impl Work for Promises {
    fn on<V: Vectors>(&self) -> Result<()> {
        for layout in [Layout::Whole, Layout::Partitioned] {
            let folder = tempfile::tempdir()?;
            let store = V::open(folder.path(), layout, CACHE)?;
            keeps_rows_and_finds_them(&store, layout)?;
        }
        Ok(())
    }

    fn script(&self, _: &python::Script) -> Result<()> {
        Ok(())
    }
}

#[test]
fn every_index_in_rust_keeps_its_promises() {
    for peer in Peer::value_variants() {
        peer.run(&Promises).unwrap();
    }
}

/// The one built, the rest inserted; found at the greatest effort, and not once removed.
fn keeps_rows_and_finds_them<V: Vectors>(store: &V, layout: Layout) -> Result<()> {
    let catalogue = samples::catalogue(400);
    let items = catalogue.items();
    store.build(&items[..300])?;
    store.insert(&items[300..399])?;
    store.insert(&items[399..])?;
    assert_eq!(store.len()?, items.len());
    for scope in scopes(catalogue.rows())?.iter().filter(|scope| Layout::of(scope) == layout) {
        let recall = recall(store, &catalogue, scope, |_| true)?;
        assert!(recall > 0.9, "recall {recall} of {}", scope.describe());
    }
    let gone: Vec<u32> = (0..400).filter(|id| id % 3 == 0).collect();
    if store.remove(&gone)? {
        assert_eq!(store.len()?, items.len() - gone.len());
        let scopes = scopes(catalogue.rows())?;
        for scope in scopes.iter().filter(|scope| Layout::of(scope) == layout) {
            let recall = recall(store, &catalogue, scope, |row| row.id % 3 != 0)?;
            assert!(recall > 0.9, "recall {recall} of {}", scope.describe());
        }
    }
    Ok(())
}

fn recall<V: Vectors>(
    store: &V,
    catalogue: &Catalogue,
    scope: &Scope,
    is_there: impl Fn(&Row) -> bool,
) -> Result<f64> {
    let truth = Truth::new(catalogue, |row| is_there(row) && scope.holds(row));
    let prepared = store.prepare(scope)?;
    let effort = V::EFFORTS.last().copied().unwrap_or_default();
    let mut all = Judged::default();
    for (question, query) in catalogue.queries().enumerate() {
        let found = store.search(&prepared, query, effort)?;
        all = all.and(truth.judge(question, &found)?);
    }
    Ok(all.recall())
}

#[test]
fn the_readme_tells_what_every_index_runs_with() {
    let readme = include_str!("../../README.md");
    for peer in Peer::value_variants() {
        let Settings { name, options, durable, .. } = peer.settings();
        for words in [options, durable] {
            assert!(readme.contains(words), "of {name} the readme does not say: {words}");
        }
    }
}
