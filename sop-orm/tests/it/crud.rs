//! Records come and go.

use sop_orm::prelude::*;

use crate::model::*;

#[tokio::test]
async fn t() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let (users, articles) = (s.of::<User>(), s.of::<Article>());
    let (ann, hello) = tokio::join!(users.by_email("ann@x.io"), articles.by_slug(7, "hello"));
    let (ann, _hello) = (ann?.unwrap(), hello?);
    let recent =
        articles.feed().range((ann.id, Timestamp::hours_ago(24))..).limit(50).all().await?;
    let live = articles.by_status().prefix(Status::Live).count().await?;
    let a = articles.by_title().starts_with("x").desc().first().await?;
    let a = articles.by_tag().prefix("x").desc().first().await?;
    let a = articles.by_tag().prefix(&String::new()).desc().first().await?;
    let a = articles.by_tag().prefix((starts_with("a"),)).desc().first().await?;
    let a = s.of::<Order>().by_total().range(1..5).all().await?;
    let a = s.of::<Order>().get(1).await?;
    let a = s.of::<Reading>().get(("x", Timestamp::now())).await?;
    let a = s.of::<Reading>().by_key().prefix("x").all().await?;
    let a = s.of::<Reading>().by_value().range(1.0..).all().await?;
    Ok(())
}

pub async fn retag(db: &Db, old: &str, new: &str) -> Result<usize> {
    tx!(db, |s| {
        let st = s.of::<Article>();
        let (mut rows, mut n) = (st.by_tag().prefix(old).stream(), 0);
        while let Some(a) = rows.try_next().await? {
            let mut a = st.edit(a.id).await?;
            a.tags.remove(old);
            a.tags.insert(new.to_owned());
            n += 1;
        }
        Ok(n)
    })
}

pub struct Articles<'s>(pub &'s Session);
impl Articles<'_> {
    pub async fn publish(&self, id: Id<Article>) -> Result<()> {
        let mut a = self.0.of::<Article>().edit(id).await?;
        a.status = Status::Live;
        a.published_at = Some(Timestamp::now());
        self.0.of::<User>().edit(a.author_id).await?.articles += 1;
        Ok(())
    }
}

pub async fn spawn(db: &Db, x: String, y: String) {
    let (d, id) = (db.clone(), Id::<Article>::new());
    tokio::spawn(async move { d.run(async move |s| Articles(s).publish(id).await).await });
    let d = db.clone();
    tokio::spawn(async move { retag(&d, &x, &y).await });
}
