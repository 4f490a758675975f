//! Indexes that are known to Python: a script measures them in a process of its own.
//!
//! The script is given a plan: where the data are, what is to be searched, and how near the last of
//! the exact answers is. It writes its records to the standard output that it inherits.

use super::{NOT_MEASURED, Scope, Truth};
use crate::{Result, engines::Settings};
use serde::Serialize;
use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
};

const SCRIPT: &str = include_str!("../../python/vectors.py");
const REQUIREMENTS: &str = include_str!("../../python/requirements.txt");

/// An index of the script.
#[derive(Debug)]
pub(crate) struct Script {
    /// How the script calls it.
    name: &'static str,
    /// What Python imports.
    module: &'static str,
    /// What `pip` installs.
    package: &'static str,
    options: &'static str,
    durable: &'static str,
}

pub(crate) const FAISS: Script = Script {
    name: "faiss",
    module: "faiss",
    package: "faiss-cpu",
    options: "`IVFFlat` with 512 lists for all rows, dates are a bitmap of ids, nprobe is raised; \
              one `Flat` for each partition, with dates a bitmap",
    durable: "in memory only, nothing is durable: `_volatile`",
};
pub(crate) const LANCEDB: Script = Script {
    name: "lancedb",
    module: "lancedb",
    package: "lancedb",
    options: "`IVF_RQ` with the lists that it makes by default, all of them probed, `BITMAP` of \
              tenants, `BTREE` of dates, both filter before; `refine_factor` is raised, and then it \
              searches without the vector index; `optimize()` after the table was filled and after \
              `churn`",
    durable: "`add()` writes files and does not sync them, a power cut may lose them: `_volatile`; \
              inserted rows are not in an index",
};
pub(crate) const QDRANT: Script = Script {
    name: "qdrant_edge",
    module: "qdrant_edge",
    package: "qdrant-edge-py",
    options: "HNSW with m 16, payload_m 16, ef_construct 128; payload index of tenants as a \
              keyword with `is_tenant` and of dates as an integer; `hnsw_ef` is raised; \
              `optimize()` after the shard was filled and after `churn`",
    durable: "`update()` and `flush()` for each transaction, which syncs what was written; \
              inserted rows are not in the graph until `optimize()`",
};
pub(crate) const HNSWLIB: Script = Script {
    name: "hnswlib",
    module: "hnswlib",
    package: "hnswlib",
    options: "M 16, ef_construction 128, one graph for all rows or one for each partition; dates \
              are a filter function of Python; ef is raised",
    durable: "in memory only, nothing is durable: `_volatile`; removed rows are marked, and \
              updated when they are inserted again",
};

/// What the script needs to know, apart from where to work.
#[derive(Debug, Serialize)]
pub(crate) struct Plan<'a> {
    pub(crate) suite: &'a str,
    pub(crate) engine: &'a str,
    pub(crate) round: u32,
    pub(crate) seed: u64,
    pub(crate) data: &'a Path,
    pub(crate) folder: &'a Path,
    pub(crate) items: usize,
    pub(crate) recall: f64,
    pub(crate) seconds: f64,
    pub(crate) threads: &'a [usize],
    pub(crate) curve: bool,
    pub(crate) searches: Vec<Search>,
    /// Name, rows of a transaction, sessions, and rows that it has.
    pub(crate) inserts: Vec<(&'a str, usize, usize, usize)>,
}

/// A scope with its exact answers, as far as it takes to judge others.
#[derive(Debug, Serialize)]
pub(crate) struct Search {
    #[serde(flatten)]
    scope: Scope,
    /// For each question the product of the last answer, and how many there are.
    last: Vec<(f32, usize)>,
}

impl Search {
    /// Of a scope.
    pub(crate) fn new(scope: &Scope, truth: &Truth<'_>) -> Self {
        Self { scope: scope.clone(), last: truth.last().to_vec() }
    }
}

impl Script {
    /// What it runs with.
    pub(crate) fn settings(&self) -> Settings {
        let start = format!("{}==", self.package);
        let mut lines = REQUIREMENTS.lines();
        let version = lines.find_map(|line| line.strip_prefix(&start)).unwrap_or("of any version");
        Settings {
            name: format!("{} {version} through Python", self.package),
            options: self.options,
            durable: self.durable,
            relaxed: NOT_MEASURED,
        }
    }

    /// Why Python cannot run it, if it cannot.
    pub(crate) fn lacks(&self, python: &Path) -> Option<String> {
        let import = format!("import numpy, {}", self.module);
        let outcome = Command::new(python)
            .args(["-c", &import])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        let python = python.display();
        match outcome {
            Ok(status) if status.success() => None,
            Ok(_) => Some(format!("`{python}` has no `{}`, see bench/README.md", self.package)),
            Err(error) => Some(format!("`{python}` does not run: {error}")),
        }
    }

    /// Runs it by a plan.
    pub(crate) fn run(&self, python: &Path, plan: &Plan<'_>) -> Result<()> {
        let (script, path) = (plan.folder.join("vectors.py"), plan.folder.join("plan.json"));
        fs::write(&script, SCRIPT)?;
        fs::write(&path, serde_json::to_string(plan)?)?;
        let arguments = [script.as_os_str(), self.name.as_ref(), path.as_os_str()];
        let status = Command::new(python).args(arguments).status()?;
        if status.success() { Ok(()) } else { Err(format!("the script: {status}").into()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_has_a_version_that_is_required() {
        for script in [FAISS, LANCEDB, QDRANT, HNSWLIB] {
            let name = script.settings().name;
            assert!(name.bytes().any(|byte| byte.is_ascii_digit()), "{name}");
        }
    }

    #[test]
    fn a_python_that_is_not_there_is_told() {
        let lack = FAISS.lacks(Path::new("/nowhere/python")).unwrap();
        assert!(lack.contains("does not run"), "{lack}");
    }
}
