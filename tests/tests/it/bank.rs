//! Money moves, none is made or lost, and everybody who looks sees all of it.

use std::sync::atomic::{AtomicUsize, Ordering};

use sop_core::{Database, Result, Store, StoreOptions, StoreView, TransactionOptions};
use sop_tests::{
    Home, Outcome, Seed, assert_nothing_held, assert_sound, on_every_disk, retry, together, write,
};

on_every_disk!(the_sum_of_all_accounts_is_constant_in_every_read);

const ACCOUNTS: u32 = 200;
const OPENING_BALANCE: i64 = 1_000;
const WRITERS: usize = 4;
const READERS: usize = 2;
const TRANSFERS_PER_WRITER: usize = 1_000;

fn account(number: u32) -> [u8; 4] {
    number.to_be_bytes()
}

fn amount(bytes: &[u8]) -> i64 {
    i64::from_be_bytes(bytes.try_into().expect("a balance has eight bytes"))
}

fn balance(store: StoreView<'_>, number: u32) -> Result<i64> {
    let found = store.find(account(number))?;
    Ok(found.map(|bytes| amount(&bytes)).expect("accounts are never removed"))
}

fn transfer(store: Store<'_>, from: u32, to: u32, money: i64) -> Result<()> {
    for (number, change) in [(from, -money), (to, money)] {
        let new = balance(*store, number)? + change;
        store.update(account(number), new.to_be_bytes())?;
    }
    Ok(())
}

fn sum(store: StoreView<'_>) -> Result<i64> {
    store.iter()?.map(|entry| entry.map(|(_, value)| amount(&value))).sum()
}

fn the_sum_of_all_accounts_is_constant_in_every_read(home: &Home) -> Outcome {
    let total = OPENING_BALANCE * i64::from(ACCOUNTS);
    let db = home.open()?;
    write(&db, |transaction| {
        let store = transaction.create_store("accounts", &StoreOptions::default())?;
        (0..ACCOUNTS).try_for_each(|n| store.add(account(n), OPENING_BALANCE.to_be_bytes()))
    })?;
    let seed = Seed::new(11);
    let writing = AtomicUsize::new(WRITERS);
    together(WRITERS + READERS, |number| {
        if number < WRITERS {
            let result = move_money(&db, &mut seed.stream(number as u64));
            writing.fetch_sub(1, Ordering::SeqCst);
            return result;
        }
        while writing.load(Ordering::SeqCst) > 0 {
            let transaction = db.begin()?;
            assert_eq!(sum(*transaction.store("accounts")?)?, total, "in a transaction");
            transaction.commit()?;
            assert_eq!(sum(db.snapshot()?.store("accounts")?)?, total, "in a snapshot");
        }
        Ok(())
    })?;
    assert_eq!(sum(db.snapshot()?.store("accounts")?)?, total);
    assert_nothing_held(&db);
    assert_sound(&db);
    drop(db);
    assert_eq!(sum(home.open()?.snapshot()?.store("accounts")?)?, total, "after reopening");
    Ok(())
}

fn move_money(db: &Database, random: &mut fastrand::Rng) -> Outcome {
    for _ in 0..TRANSFERS_PER_WRITER {
        let (from, to) = (random.u32(..ACCOUNTS), random.u32(..ACCOUNTS));
        let money = random.i64(1..100);
        retry(db, TransactionOptions::default(), |transaction| {
            transfer(transaction.store("accounts")?, from, to, money)
        })?;
    }
    Ok(())
}
