//! Units of work can be spawned, with captures that are owned or borrowed.
use sop_orm::prelude::*;

#[derive(SopStore)]
struct Counter {
    #[sop(key)]
    name: String,
    value: i64,
}

async fn add(db: &Db, name: &str, by: i64) -> Result<i64> {
    tx!(db, |s| {
        let mut counter = s.of::<Counter>().edit(name).await?;
        counter.value += by;
        if counter.value < 0 {
            return Err(Error::Invalid("negative".into()));
        }
        Ok(counter.value)
    })
}

fn spawn<F: Future<Output: Send> + Send + 'static>(_: F) {}

fn all(db: Db, name: String) {
    let (other, text) = (db.clone(), name.clone());
    spawn(async move { add(&other, &text, 1).await });
    spawn(async move {
        db.run(async move |s| {
            s.of::<Counter>().edit(&name).await?.value += 1;
            let mut rows = s.of::<Counter>().by_key().filter(|c| c.value > 1).stream();
            while let Some(counter) = rows.try_next().await? {
                s.of::<Counter>().delete(&counter.name).await?;
            }
            Ok(())
        })
        .await
    });
}

fn main() {
    let _ = all;
}
