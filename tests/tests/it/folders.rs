//! Folders that are in use, read-only, foreign, missing, or of another format.

use std::{
    fs,
    io::{BufRead, BufReader},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    path::Path,
    process::{Child, Command, Stdio},
};

use sop_core::{Database, Error, Kind, Mode, Options, StoreOptions};
use sop_tests::{Home, Outcome, on_every_disk, write};
use tempfile::TempDir;

on_every_disk!(
    a_second_handle_of_a_folder_in_use_is_refused,
    a_missing_database_is_not_created_if_that_is_not_wanted,
);

fn options(create: bool) -> Options {
    let mut options = Options::default();
    options.create = create;
    options
}

fn a_second_handle_of_a_folder_in_use_is_refused(home: &Home) -> Outcome {
    let db = home.open()?;
    let refused = home.open().map(drop);
    assert!(matches!(&refused, Err(Error::InUse { path }) if path == home.path()), "{refused:?}");
    write(&db, |t| t.create_store("s", &StoreOptions::default())?.add("k", "v"))?;
    drop(db);
    assert_eq!(home.open()?.snapshot()?.store("s")?.len()?, 1);
    Ok(())
}

fn a_missing_database_is_not_created_if_that_is_not_wanted(home: &Home) -> Outcome {
    for _ in 0..2 {
        let refused = home.open_with(options(false)).map(drop);
        assert!(
            matches!(refused, Err(Error::NotADatabase { .. } | Error::Io { .. })),
            "{refused:?}"
        );
    }
    drop(home.open()?);
    home.open_with(options(false))?;
    Ok(())
}

#[test]
fn an_open_that_creates_nothing_leaves_nothing_behind() -> Outcome {
    let folder = TempDir::new()?;
    let missing = folder.path().join("db");
    let empty = TempDir::new()?;
    for path in [&missing, &empty.path().to_path_buf()] {
        let refused = Database::builder().options(options(false)).open(path);
        assert!(refused.is_err());
    }
    assert!(!missing.exists());
    assert_eq!(fs::read_dir(empty.path())?.count(), 0);
    Ok(())
}

#[test]
fn an_empty_folder_becomes_a_database_and_missing_parents_are_made() -> Outcome {
    let folder = TempDir::new()?;
    let paths = [folder.path().to_path_buf(), TempDir::new()?.keep().join("a/b/c")];
    for path in paths {
        let db = Database::open(&path)?;
        assert!(db.recovery().created);
        assert_eq!(db.path(), path);
        drop(db);
        assert!(!Database::open(&path)?.recovery().created);
    }
    Ok(())
}

#[test]
fn a_folder_is_readable_by_its_owner_only() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default())?.add("k", "v"))?;
    db.close()?;
    let mut unseen = vec![home.path().to_path_buf()];
    while let Some(path) = unseen.pop() {
        let metadata = fs::metadata(&path)?;
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{}", path.display());
        if metadata.is_dir() {
            for entry in fs::read_dir(&path)? {
                unseen.push(entry?.path());
            }
        }
    }
    Ok(())
}

#[test]
fn another_name_of_a_folder_in_use_is_no_way_in() -> Outcome {
    let home = Home::on_disk();
    let _db = home.open()?;
    let link = home.path().with_file_name("link");
    symlink(home.path(), &link)?;
    let refused = Database::open(&link).map(drop);
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    let dotted = home.path().join("../db/.");
    let refused = Database::open(&dotted).map(drop);
    assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    Ok(())
}

#[test]
fn a_second_process_is_refused_until_the_first_one_is_gone() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    let (mut refused, line) = open_in_another_process(home.path())?;
    assert!(line.starts_with("Busy: ") && line.contains("in use"), "{line:?}");
    refused.kill()?;
    refused.wait()?;
    drop(db);

    let (mut holder, line) = open_in_another_process(home.path())?;
    assert_eq!(line, "open");
    assert!(matches!(home.open(), Err(Error::InUse { .. })));
    // A killed process leaves no lock behind.
    holder.kill()?;
    holder.wait()?;
    home.open()?;
    Ok(())
}

/// Starts a process that opens the folder and holds it, and returns what it says.
fn open_in_another_process(folder: &Path) -> Outcome<(Child, String)> {
    spawn(Command::new(env!("CARGO_BIN_EXE_open_and_hold")).arg(folder))
}

fn spawn(command: &mut Command) -> Outcome<(Child, String)> {
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = process.stdout.take().ok_or("the output is not ours")?;
    let mut line = String::new();
    BufReader::new(output).read_line(&mut line)?;
    Ok((process, line.trim_end().to_owned()))
}

/// Readers that need no log do not disturb each other, but a writer would disturb them.
#[test]
fn readers_without_checks_share_a_folder_and_keep_writers_out() -> Outcome {
    let home = Home::on_disk();
    home.open()?.close()?;
    let mut reading = Options::default();
    reading.mode = Mode::NoCheck;
    let (one, two) = (home.open_with(reading.clone())?, home.open_with(reading.clone())?);
    assert!(matches!(home.open(), Err(Error::InUse { .. })));
    drop(one);
    assert!(matches!(home.open(), Err(Error::InUse { .. })));
    drop(two);
    let _writer = home.open()?;
    assert!(matches!(home.open_with(reading), Err(Error::InUse { .. })));
    Ok(())
}

#[test]
fn a_file_in_the_place_of_the_folder_is_refused_and_stays_as_it_is() -> Outcome {
    let folder = TempDir::new()?;
    let path = folder.path().join("db");
    fs::write(&path, "some text")?;
    let refused = Database::open(&path).map(drop);
    let Err(error) = refused else { panic!("{refused:?}") };
    assert!(matches!(error.kind(), Kind::Corrupt | Kind::Io), "{error}");
    assert!(error.to_string().contains("db"), "{error}");
    assert_eq!(fs::read(&path)?, b"some text");
    Ok(())
}

#[test]
fn paths_that_cannot_be_are_errors() {
    for path in ["", "\0", "/proc/nowhere/db", "/dev/null/db"] {
        let error = Database::open(path).map(drop).expect_err("there can be no such folder");
        assert!(
            matches!(error.kind(), Kind::Io | Kind::Invalid | Kind::Corrupt),
            "{path:?}: {error}"
        );
    }
    let endless = "x/".repeat(5_000);
    let error = Database::open(endless).map(drop).expect_err("the name is too long");
    assert_eq!(error.kind(), Kind::Io);
}

/// The superuser may write everywhere, so the folder is opened by somebody else then.
#[test]
fn a_folder_without_the_right_to_write_is_an_error_and_loses_nothing() -> Outcome {
    let home = Home::on_disk();
    let db = home.open()?;
    write(&db, |t| t.create_store("s", &StoreOptions::default())?.add("k", "v"))?;
    db.close()?;
    let allow = |mode: u32| set_mode(home.path(), mode);
    let line = if fs::metadata(home.path())?.uid() == 0 {
        let parent = home.path().parent().ok_or("it is in a temporary folder")?;
        set_mode(parent, 0o755)?;
        let program = parent.join("open_and_hold");
        fs::copy(env!("CARGO_BIN_EXE_open_and_hold"), &program)?;
        allow(0o755)?;
        let (mut process, line) = spawn(as_nobody(Command::new(&program)).arg(home.path()))?;
        process.kill()?;
        process.wait()?;
        line
    } else {
        allow(0o500)?;
        Database::open(home.path())
            .map(drop)
            .map_err(|e| format!("{:?}: {e}", e.kind()))
            .err()
            .unwrap_or_default()
    };
    allow(0o700)?;
    assert!(line.starts_with("Io: "), "{line:?}");
    assert!(line.contains("denied"), "{line:?}");
    assert_eq!(home.open()?.snapshot()?.store("s")?.len()?, 1);
    Ok(())
}

fn as_nobody(mut command: Command) -> Command {
    use std::os::unix::process::CommandExt;
    command.uid(65_534).gid(65_534);
    command
}

fn set_mode(path: &Path, mode: u32) -> Outcome {
    Ok(fs::set_permissions(path, fs::Permissions::from_mode(mode))?)
}
