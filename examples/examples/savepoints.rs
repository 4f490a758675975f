//! Trying something inside of a session, and going back if it does not work out.
//!
//! ```sh
//! cargo run --release -p sop-examples --example savepoints
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::prelude::*;

/// A seat of a theatre.
#[derive(SopStore, Debug)]
#[sop(store = "seats", key(row, number))]
struct Seat {
    row: u32,
    number: u32,
    #[sop(index(by_holder), default)]
    holder: Option<String>,
}

/// Takes seats side by side, all of them or none.
async fn reserve(s: &Session, holder: &str, row: u32, numbers: &[u32]) -> Result<bool> {
    let savepoint = s.savepoint()?;
    for &number in numbers {
        let mut seat = s.of::<Seat>().edit((row, number)).await?;
        if seat.holder.is_some() {
            seat.discard();
            savepoint.rollback()?;
            return Ok(false);
        }
        seat.holder = Some(holder.to_owned());
    }
    Ok(true)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let db = Db::builder().store::<Seat>().ephemeral().await?;
    let rows_and_numbers = (1..=2).flat_map(|row| (1..=4).map(move |number| (row, number)));
    let seats = rows_and_numbers.map(|(row, number)| NewSeat { row, number });
    let s = db.session();
    s.of::<Seat>().insert_many(seats).await?;
    s.of::<Seat>().edit((1, 3)).await?.holder = Some("Ann".to_owned());
    s.commit().await?;

    // One unit of work: the first row fails at the third seat, the second one is free.
    db.run(async |s| {
        for row in 1..=2 {
            let done = reserve(s, "Bob", row, &[1, 2, 3]).await?;
            println!("row {row}: {}", if done { "reserved" } else { "taken, and left as it was" });
            if done {
                return Ok(());
            }
        }
        Err(Error::Invalid("the theatre is full".into()))
    })
    .await?;

    let s = db.session();
    let seats = s.of::<Seat>().by_holder().prefix("Bob").all().await?;
    assert_eq!(
        seats.iter().map(|seat| (seat.row, seat.number)).collect::<Vec<_>>(),
        [(2, 1), (2, 2), (2, 3)]
    );
    Ok(())
}
