//! A folder is shared or it is not: whoever takes it for the other is told so, whoever has it open.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
};

use sop_core::{Database, Error, Mode, Options};
use sop_tests::{Home, Outcome, crew::open, full};

use super::crew;

/// Opens a folder alone, in a process of its own, and says what came of it.
fn alone(folder: &Path) -> Outcome<(Child, String, ChildStdout)> {
    let mut process = Command::new(env!("CARGO_BIN_EXE_open_and_hold"))
        .arg(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut output = BufReader::new(process.stdout.take().ok_or("the output is not ours")?);
    let mut line = String::new();
    output.read_line(&mut line)?;
    Ok((process, line, output.into_inner()))
}

#[test]
fn a_folder_that_others_share_is_not_opened_alone() -> Outcome {
    let mut crew = crew("", 163)?;
    let folder = crew.folder().0;
    let (mut process, line, _) = alone(&folder)?;
    process.kill()?;
    process.wait()?;
    assert!(line.starts_with("Invalid: ") && line.contains("`Mode::Shared`"), "{line:?}");
    let read_only = Options::default().mode(Mode::NoCheck);
    let refused = Database::builder().options(read_only).open(&folder).map(drop);
    assert!(matches!(refused, Err(Error::WrongMode { shared: true, .. })), "{refused:?}");
    crew.until_all_commit(1)?;
    crew.judge().map(drop)
}

#[test]
fn a_folder_that_one_process_has_alone_is_not_opened_by_a_second_one_in_any_way() -> Outcome {
    let home = Home::on_disk();
    let (mut holder, line, _output) = alone(home.path())?;
    assert_eq!(line, "open\n");
    let (mut refused, line, _) = alone(home.path())?;
    assert!(line.starts_with("Busy: ") && line.contains("in use"), "{line:?}");
    let shared = open(home.path(), "").map(drop);
    assert!(matches!(shared, Err(Error::WrongMode { shared: false, .. })), "{shared:?}");
    for process in [&mut holder, &mut refused] {
        process.kill()?;
        process.wait()?;
    }
    full::add(&home.open()?, 1)?;
    Ok(())
}

#[test]
fn a_wrong_address_of_redis_is_refused_when_the_folder_is_opened() {
    let home = Home::on_disk();
    let refused = open(home.path(), "localhost:6379/secret").map(drop);
    let said = refused.as_ref().map_err(ToString::to_string);
    assert!(said.is_err_and(|said| said.contains("redis://") && !said.contains("secret")));
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    assert!(!home.path().exists());
}
