//! Queries: several indexes at once, parts of records, pages, and what a query has cost.
//!
//! ```sh
//! cargo run --release -p sop-examples --example queries
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_city_and_rent(city, rent)))]
struct Flat {
    #[sop(key(auto = increment))]
    number: u64,
    city: String,
    /// Per month.
    rent: u32,
    #[sop(index(by_rooms))]
    rooms: u8,
    #[sop(index(by_feature, each))]
    features: Vec<String>,
    description: String,
}

#[tokio::main]
async fn main() -> Result<()> {
    let db = Db::builder().store::<Flat>().ephemeral().await?;
    db.run(async |session| session.of::<Flat>().insert_many((0..10_000).map(flat)).await).await?;
    let session = db.session();
    let flats = session.of::<Flat>();

    // One index: how many there are, the cheapest, and what the dearest costs.
    let rome = || flats.by_city_and_rent().prefix("Rome");
    println!("{} flats in Rome", rome().count().await?);
    if let Some(cheapest) = rome().first().await? {
        println!("the cheapest costs {} and has {} rooms", cheapest.rent, cheapest.rooms);
    }
    println!("the dearest costs {:?}", rome().max(flat::fields::rent).await?);

    // Several indexes: in Rome, below 700, with a garden, and with four rooms or a lift.
    let garden = flats.by_feature().prefix("garden");
    let cheap = flats.by_city_and_rent().range(("Rome", 0)..("Rome", 700));
    let roomy = flats.by_rooms().prefix(4).or(flats.by_feature().prefix("lift"));
    let wanted = cheap.and(garden).and(roomy);
    println!("{}", wanted.explain().await?);

    // Some fields, without the long description.
    let fields = (flat::fields::number, flat::fields::rent, flat::fields::rooms);
    for (number, rent, rooms) in wanted.select(fields).limit(3).all().await? {
        println!("flat {number}: {rent} for {rooms} rooms");
    }

    // Pages: the cursor may leave the program, and stays good whatever is written meanwhile.
    let page = flats.by_rooms().prefix(4).page(20, None).await?;
    let text = page.next.as_ref().map(ToString::to_string).unwrap_or_default();
    let after = text.parse().map_err(|error| Error::Invalid(format!("{error}").into()))?;
    let next = flats.by_rooms().prefix(4).page(20, Some(after)).await?;
    println!("page of {}, then page of {}", page.items.len(), next.items.len());

    // A filter reads what the index selects: look at what it costs, and whether an index would do.
    let long = flats.by_rooms().filter(|flat| flat.description.ends_with('7')).limit(5);
    println!("{}", long.explain_analyze().await?);

    // Keys alone, and many records by their keys at once.
    let keys = flats.by_feature().prefix("lift").keys().limit(5).all().await?;
    let found = flats.get_many(keys).await?;
    println!("{} of {} found by their keys", found.iter().flatten().count(), found.len());
    Ok(())
}

/// Some flat.
fn flat(number: u32) -> NewFlat {
    let city = if number.is_multiple_of(3) { "Rome" } else { "Oslo" }.to_owned();
    let features = [("garden", 5), ("lift", 7), ("balcony", 2)];
    let features = features.iter().filter(|(_, every)| number.is_multiple_of(*every));
    NewFlat {
        city,
        rent: 400 + number * 37 % 1_500,
        rooms: u8::try_from(number % 6 + 1).unwrap_or(1),
        features: features.map(|(name, _)| (*name).to_owned()).collect(),
        description: format!("Quiet, sunny, number {number}"),
    }
}
