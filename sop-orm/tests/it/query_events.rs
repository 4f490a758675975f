//! The events that queries send.

use sop_orm::prelude::*;

use crate::{listener::Listener, model::*};

#[tokio::test]
async fn each_query_says_what_it_did_when_it_has_ended() -> Result<()> {
    let db = database().await?;
    let s = db.session();
    let new = (0..20).map(|total| NewOrder { reference: None, total });
    s.of::<Order>().insert_many(new).await?;
    let listener = Listener::new("sop_orm::query");
    let guard = tracing::subscriber::set_default(listener.clone());
    let large = s.of::<Order>().by_total().range(5..).filter(|order| order.total % 2 == 0);
    assert_eq!(large.limit(3).all().await?.len(), 3);
    s.of::<Order>().by_total().prefix(3).or(s.of::<Order>().by_key()).desc().exists().await?;
    s.of::<Order>().by_total().count().await?;
    drop(guard);
    let said = listener.said();
    assert_eq!(said.len(), 3, "{said:#?}");
    for part in ["total >= 5", "filters=1", "limit=3", "rows_read=6", "returned=3"] {
        assert!(said[0].contains(part), "{part}: {}", said[0]);
    }
    for part in ["reverse=true", "order=\"primary key\"", "returned=1", "rows_read=0"] {
        assert!(said[1].contains(part), "{part}: {}", said[1]);
    }
    assert!(said[2].contains("entries_scanned=0"), "counted, not walked: {}", said[2]);
    Ok(())
}
