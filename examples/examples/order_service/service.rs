//! The service: what a program would have of all this.

use std::{path::Path, sync::Arc, time::Duration};

use anyhow::Result;
use sop_examples::adapters::postgres::Postgres;
use sop_orm::{TransactionManager, prelude::*};
use tokio_postgres::{Config, NoTls};

/// Somebody wants something.
#[derive(Debug, SopStore)]
pub(crate) struct Order {
    #[sop(key(auto = uuid7))]
    id: Id<Order>,
    amount: i64,
}

/// Takes orders and has them paid.
pub(crate) struct Service {
    db: Db,
    manager: TransactionManager,
    postgres: Arc<Postgres>,
    config: Config,
}

impl Service {
    /// Opens the database, and ends what an earlier life of the service has left behind.
    pub(crate) async fn open(folder: &Path, config: Config) -> Result<Self> {
        let db = Db::builder().store::<Order>().open(folder).await?;
        let postgres = Arc::new(Postgres::new("payments", config.clone()));
        let manager = db.managed_by(TransactionManager::builder())?;
        let manager = manager.participant(postgres.clone())?.build();
        // Nobody else uses the database, so whatever is undecided stays so. The server may have been
        // asked to prepare something just before the end of that life, so it is asked again.
        manager.recover(Duration::ZERO).await;
        Ok(Self { db, manager, postgres, config })
    }

    /// Takes an order, which is paid in the same transaction.
    pub(crate) async fn order(&self, amount: i64) -> Result<()> {
        let mut global = self.db.global_session(&self.manager)?;
        let order = global.home().of::<Order>().insert(NewOrder { amount }).await?;
        let branch = self.postgres.begin(global.gtid()).await?;
        global.enlist_participant("payments")?;
        let pay = "INSERT INTO payments VALUES ($1::text::uuid, $2)";
        branch.execute(pay, &[&order.id.to_string(), &amount]).await?;
        // The connection belongs to the transaction now.
        drop(branch);
        global.commit().await?;
        Ok(())
    }

    /// What was ordered, and what was paid.
    pub(crate) async fn sums(&self) -> Result<(i64, i64)> {
        // What was still on its way to the server when the service was killed has arrived by now, or is
        // waited for here.
        while !self.is_settled().await? {
            self.manager.recover(Duration::ZERO).await;
        }
        let s = self.db.session();
        let orders = s.of::<Order>().by_key().all().await?;
        let ordered = orders.iter().map(|order| order.amount).sum();
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(connection);
        let paid = "SELECT coalesce(sum(amount), 0)::bigint FROM payments";
        Ok((ordered, client.query_one(paid, &[]).await?.get(0)))
    }

    /// Whether nothing waits, here or there.
    pub(crate) async fn is_settled(&self) -> Result<bool> {
        let (client, connection) = self.config.connect(NoTls).await?;
        tokio::spawn(connection);
        // Connections of a service that was killed end when the server notices.
        let open = "SELECT (SELECT count(*) FROM pg_prepared_xacts) + (SELECT count(*) FROM pg_stat_activity \
                    WHERE backend_type = 'client backend' AND xact_start IS NOT NULL \
                    AND pid <> pg_backend_pid())";
        let open: i64 = client.query_one(open, &[]).await?.get(0);
        Ok(open == 0 && self.db.in_doubt()?.is_empty())
    }
}
