//! Finding the files that the laws apply to.

use std::{fs, io, path::Path};

use super::Source;

/// What is made by tools or kept by them.
const SKIPPED: &[&str] = &["target", ".git"];

/// Every file with a law to keep, in the order of their paths.
pub(super) fn under(top: &Path) -> io::Result<Vec<Source>> {
    let mut found = Vec::new();
    let mut folders = vec![top.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let name = entry.file_name();
            let is_skipped = SKIPPED.iter().any(|skipped| name == *skipped);
            if entry.file_type()?.is_dir() {
                folders.extend((!is_skipped).then(|| entry.path()));
            } else if is_source(&entry.path()) {
                found.push(read(top, &entry.path())?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| ["rs", "toml", "sh"].iter().any(|e| extension == *e))
}

fn read(top: &Path, path: &Path) -> io::Result<Source> {
    let parts = path.strip_prefix(top).unwrap_or(path).components();
    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
    // A source file that is not even UTF-8 shows up as not ASCII.
    let text = String::from_utf8_lossy(&fs::read(path)?).into_owned();
    Ok(Source { path: parts.join("/"), text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_found_in_every_folder_but_those_of_tools() -> io::Result<()> {
        let top = tempfile::tempdir()?;
        for folder in ["src/inner", "target/debug"] {
            fs::create_dir_all(top.path().join(folder))?;
        }
        for file in ["src/inner/b.rs", "src/a.rs", "target/debug/c.rs", "d.txt", "Cargo.toml"] {
            fs::write(top.path().join(file), "x")?;
        }
        let paths: Vec<_> = under(top.path())?.into_iter().map(|source| source.path).collect();
        assert_eq!(paths, ["Cargo.toml", "src/a.rs", "src/inner/b.rs"]);
        Ok(())
    }
}
