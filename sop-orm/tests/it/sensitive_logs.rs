//! Secrets that go through everything, and are in no event, no error and no `Debug` form.

use std::fmt::Debug;

use sop_orm::{Error, Hooks, IndexBuilding, Invalid, RetryPolicy, Scope, Stale, prelude::*};

use crate::listener::Listener;

const SECRET: &str = "hush-4711";

/// All but its number is nobody's business.
#[derive(SopStore)]
#[sop(store = "vaults", hooks, debug, new(derive(Debug, Clone)), merge_record = fields)]
struct Vault {
    #[sop(key, sensitive)]
    name: String,
    #[sop(unique(by_pin), sensitive)]
    pin: String,
    #[sop(sensitive, validate = no_spaces)]
    note: String,
    #[sop(index(by_bank))]
    bank: u32,
    #[sop(merge = add, default)]
    visits: i64,
    #[sop(version)]
    version: u32,
}

/// The same store with a unique index that its records do not fit into.
mod indexed {
    use super::*;

    #[derive(SopStore)]
    #[sop(store = "vaults", debug, unique(by_note(note)))]
    pub(super) struct Vault {
        #[sop(key, sensitive)]
        pub(super) name: String,
        #[sop(sensitive)]
        pub(super) pin: String,
        #[sop(sensitive)]
        pub(super) note: String,
        pub(super) bank: u32,
        pub(super) visits: i64,
        pub(super) version: u32,
    }
}

fn no_spaces(note: &str) -> Result<(), &'static str> {
    if note.contains(' ') { Err("has a space in it") } else { Ok(()) }
}

impl Hooks for Vault {
    fn before_update(&mut self, _: &Self) -> Result<(), Invalid> {
        assert_ne!(self.note, format!("{SECRET}-panic"), "assertions tell both sides");
        Ok(())
    }

    fn after_delete(&self, scope: &mut Scope<'_>) -> Result<()> {
        scope.update::<Self>(format!("{SECRET}-missing"), |vault| vault.bank = 0)
    }
}

fn vault(name: &str, pin: &str) -> NewVault {
    let secret = |text: &str| format!("{SECRET}-{text}");
    NewVault { name: secret(name), pin: secret(pin), note: secret("note"), bank: 1 }
}

/// Everything that was said, and what a program might print.
struct Heard {
    listener: Listener,
    lines: Vec<String>,
}

impl Heard {
    fn print(&mut self, shown: &impl Debug) {
        self.lines.push(format!("{shown:?}"));
    }

    /// An error in each of its forms.
    fn error(&mut self, error: &Error) {
        self.lines.push(format!("{error} {error:?}"));
        match error {
            Error::Conflict(inner) => self.print(inner),
            Error::Duplicate(inner) => self.print(inner),
            Error::Invalid(inner) => self.print(inner),
            Error::Stale(inner) => self.print(inner),
            Error::IndexFailed { fault, .. } => self.print(fault),
            Error::HookPanicked { message, .. } => self.print(message),
            _ => {}
        }
    }

    /// Demands that the secret is nowhere: as text, as digits, or as a list of bytes.
    fn is_silent(&self) {
        let bytes = SECRET.as_bytes();
        let digits = bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let list = format!("{bytes:?}");
        let forms = [SECRET, digits.as_str(), list.trim_matches(['[', ']'])];
        let said = self.listener.said();
        assert!(said.len() > 10, "somebody listens: {said:#?}");
        for line in said.iter().chain(&self.lines) {
            assert!(forms.iter().all(|form| !line.contains(form)), "{line}");
        }
    }
}

async fn errors_of_one_session(db: &Db, heard: &mut Heard) -> Result<()> {
    let s = db.session();
    let vaults = s.of::<Vault>();
    let name = |name: &str| format!("{SECRET}-{name}");
    heard.print(&vault("a", "a"));
    heard.print(&*vaults.insert(vault("a", "a")).await?);
    heard.print(&vaults.insert_or_ignore(vault("a", "b")).await?);
    heard.error(&vaults.insert(vault("a", "b")).await.expect_err("the key is taken"));
    heard.error(&vaults.insert(vault("b", "a")).await.expect_err("the pin is taken"));
    heard.error(&vaults.require(name("x")).await.expect_err("there is none"));
    heard.error(&vaults.edit(name("x")).await.expect_err("there is none"));
    let edit = vaults.edit(name("a")).await?;
    heard.print(&edit);
    heard.error(&vaults.edit(name("a")).await.expect_err("it is being edited"));
    drop(edit);
    let stale = vaults.edit_at(name("a"), 9).await.expect_err("it has another version");
    assert!(matches!(&stale, Error::Stale(Stale { key, .. }) if key == "[sensitive]"));
    heard.error(&stale);
    let spaced = NewVault { note: format!("{SECRET} spaced"), ..vault("c", "c") };
    heard.error(&vaults.insert(spaced).await.expect_err("a rule is broken"));
    heard.error(&vaults.delete(name("a")).await.expect_err("the hook finds nothing"));
    let long = NewVault { name: SECRET.repeat(10_000), ..vault("d", "d") };
    heard.error(&vaults.insert(long).await.expect_err("the key is too long"));

    let by_pin = || vaults.query(vault::ByPin).starts_with(SECRET);
    heard.print(&by_pin());
    heard.print(&by_pin().explain().await?);
    heard.print(&by_pin().and(vaults.by_bank().prefix(1)).explain_analyze().await?);
    let page = by_pin().page(1, None).await?;
    heard.print(&page);
    vaults.insert(vault("e", "e")).await?;
    heard.print(&by_pin().page(1, None).await?);
    heard.print(&vaults.by_pin(name("a")).await?);
    heard.print(&vaults.by_key().range(SECRET..).all().await?);
    heard.print(&s.commit().await?);
    heard.error(&s.commit().await.expect_err("it has ended"));

    let s = db.session();
    s.of::<Vault>().edit(name("a")).await?.note = name("panic");
    heard.error(&s.commit().await.expect_err("the hook panics"));
    heard.error(&s.of::<Vault>().require(name("a")).await.expect_err("it has ended"));
    Ok(())
}

async fn races(db: &Db, heard: &mut Heard) -> Result<()> {
    let name = |name: &str| format!("{SECRET}-{name}");
    // Merged.
    let (one, other) = (db.session(), db.session());
    one.of::<Vault>().edit(name("a")).await?.visits += 1;
    other.of::<Vault>().edit(name("a")).await?.visits += 1;
    one.commit().await?;
    let report = other.commit().await?;
    assert_eq!(report.merges.len(), 1);
    heard.print(&report);
    // In conflict at the record, at an entry, in a range, and as duplicates.
    let (one, other) = (db.session(), db.session());
    one.of::<Vault>().edit(name("a")).await?.note = name("one");
    other.of::<Vault>().edit(name("a")).await?.note = name("other");
    one.commit().await?;
    heard.error(&other.commit().await.expect_err("both changed the note"));
    let (one, other) = (db.session(), db.session());
    one.of::<Vault>().by_pin(name("f")).await?;
    one.of::<Vault>().query(vault::ByPin).starts_with(SECRET).count().await?;
    one.of::<Vault>().edit(name("e")).await?.bank += 1;
    other.of::<Vault>().insert(vault("f", "f")).await?;
    other.commit().await?;
    heard.error(&one.commit().await.expect_err("what it read has changed"));
    let (one, other) = (db.session(), db.session());
    one.of::<Vault>().insert(vault("g", "same")).await?;
    other.of::<Vault>().insert(vault("h", "same")).await?;
    one.commit().await?;
    heard.error(&other.commit().await.expect_err("the pin is taken"));
    // Again and again, until it is given up.
    let never = RetryPolicy::default().attempts(2);
    let gave_up = db.run_with(never, async |s| {
        s.of::<Vault>().edit(name("a")).await?.note = name("loser");
        db.run(async |s| {
            s.of::<Vault>().edit(name("a")).await?.note.push('+');
            Ok(())
        })
        .await
    });
    heard.error(&gave_up.await.expect_err("somebody is always faster"));
    Ok(())
}

#[tokio::test]
async fn secrets_are_in_no_event_no_error_and_no_debug_form() -> Result<()> {
    let listener = Listener::new("sop");
    let guard = tracing::subscriber::set_default(listener.clone());
    let mut heard = Heard { listener, lines: Vec::new() };
    let folder = tempfile::tempdir().expect("a folder");
    let db = Db::builder().store::<Vault>().open(folder.path()).await?;
    let mut watch = db.watch::<Vault>()?;
    errors_of_one_session(&db, &mut heard).await?;
    races(&db, &mut heard).await?;
    while let Some(event) = watch.next_ready()? {
        heard.print(&event);
    }
    heard.print(&db.check_indexes().await?);
    let s = db.session();
    s.of::<Vault>().by_key().update(|vault| vault.note = SECRET.to_owned()).await?;
    s.commit().await?;
    drop((s, watch));
    db.close().await?;

    let builder = Db::builder().store::<indexed::Vault>();
    let builder = builder.fill_at_once(0).index_building(IndexBuilding::ByHand);
    let db = builder.open(folder.path()).await?;
    heard.error(&db.indexes_ready().await.expect_err("the notes are equal"));
    let s = db.session();
    let by_note = s.of::<indexed::Vault>().by_note(SECRET).await;
    heard.error(&by_note.expect_err("the index is not complete"));
    heard.print(&db.index_progress());
    drop(guard);
    heard.is_silent();
    let all = heard.lines.join("\n");
    assert!(all.contains("Vault {") && all.contains("NewVault {"), "{all}");
    assert!(all.contains("bank: 1") && all.contains("note: [sensitive]"), "{all}");
    Ok(())
}
