//! The document of a run: conditions, tables and plots, and nothing that was not measured.

use super::{chart, conditions_of, distinct, table};
use crate::{
    Result,
    frame::{self, Record},
};
use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

const NAME: &str = "benchmarks";

const HEAD: &str = "\
# Benchmarks

Everything below was written by `sop-bench report` from the values of the runs whose conditions it
names. What the workloads are, and what each engine's settings sync, is told in
[bench/README.md](../bench/README.md).
";

/// Writes `benchmarks.md` with its plots into a folder, and returns the document's path.
pub(crate) fn write(files: &[PathBuf], folder: &Path) -> Result<PathBuf> {
    let (mut records, mut conditions) = (Vec::new(), String::new());
    for file in files {
        records.extend(frame::parse(&fs::read_to_string(file)?)?);
        // A file without conditions still has figures; the document then shows none.
        conditions += &fs::read_to_string(conditions_of(file)).unwrap_or_default();
    }
    fs::create_dir_all(folder.join(NAME))?;
    let mut text = format!("{HEAD}\n{conditions}");
    for suite in distinct(records.iter().map(|record| record.suite.as_str())) {
        let ours = |record: &&Record| record.suite == suite;
        let records: Vec<Record> = records.iter().filter(ours).cloned().collect();
        text += &section(suite, &records, folder)?;
    }
    let path = folder.join(NAME).with_extension("md");
    fs::write(&path, format!("{}\n", text.trim_end()))?;
    Ok(path)
}

fn section(suite: &str, records: &[Record], folder: &Path) -> Result<String> {
    let mut text = format!("## Suite `{suite}`\n\n{}\n\n", table::LEGEND);
    for table in table::all(records) {
        writeln!(text, "### {} of `{suite}`\n\n{}", table.title, table.markdown())?;
    }
    for (name, drawing) in chart::all(suite, records) {
        fs::write(folder.join(NAME).join(&name), drawing.to_string())?;
        writeln!(text, "![{suite}]({NAME}/{name})\n")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_conditions_tables_and_plots_of_each_suite() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("run.json");
        let line = |suite: &str| {
            let (suite, engine) = (suite.to_owned(), "sop".to_owned());
            let record = Record { suite, engine, threads: 1, value: 5.0, ..Record::default() };
            serde_json::to_string(&record).unwrap()
        };
        fs::write(&path, format!("{}\n{}\n", line("one"), line("two"))).unwrap();
        fs::write(conditions_of(&path), "- a quiet machine\n\n").unwrap();
        let document = write(&[path], folder.path()).unwrap();
        let text = fs::read_to_string(document).unwrap();
        assert!(text.contains("- a quiet machine\n"));
        for suite in ["one", "two"] {
            assert!(text.contains(&format!("## Suite `{suite}`")));
            assert!(text.contains(&format!("(benchmarks/{suite}.svg)")));
            assert!(folder.path().join(format!("benchmarks/{suite}.svg")).exists());
        }
    }
}
