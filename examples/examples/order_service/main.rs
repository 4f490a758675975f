//! An order service: orders here, payments in PostgreSQL, each of both or of none, also if the service is
//! killed at any moment.
//!
//! ```text
//! apt-get install postgresql
//! cargo run --release -p sop-examples --features postgres --example order_service
//! ```
//!
//! It starts a PostgreSQL server of its own, then, again and again, the service as a process of its
//! own, which takes orders without a pause until it is killed. After each kill it recovers
//! and compares: the sum of all orders and that of all payments have to be the same, and orders that
//! were acknowledged have to be there. `-- --kills 10` kills it ten times instead of a hundred.

mod service;

use std::{
    env,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use indicatif::ProgressBar;
use service::Service;
use sop_examples::postgres_server::PostgresServer;
use tokio_postgres::{Config, NoTls};

/// What tells the process that is to be killed from the one that kills it.
const WORKER: &str = "worker";

const KILLS: u64 = 100;

/// Orders that are acknowledged before a kill, at most; at least none.
const ORDERS_MAX: u64 = 30;

/// Random time after the last of them, at most.
const PAUSE_MAX: Duration = Duration::from_millis(20);

#[tokio::main]
async fn main() -> Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [WORKER, folder, socket] => work(folder.as_ref(), socket.as_ref()).await,
        ["--kills", kills] => kill_again_and_again(kills.parse()?).await,
        [] => kill_again_and_again(KILLS).await,
        _ => anyhow::bail!("use: order_service [--kills NUMBER]"),
    }
}

fn config(socket: &Path) -> Config {
    let mut config = Config::new();
    config.host_path(socket).user("postgres").dbname("postgres");
    config
}

/// Takes orders, several at a time, until the process is killed.
async fn work(folder: &Path, socket: &Path) -> Result<()> {
    let service = Service::open(folder, config(socket)).await?;
    let (one, other) = (take_orders(&service), take_orders(&service));
    tokio::try_join!(one, other)?;
    Ok(())
}

async fn take_orders(service: &Service) -> Result<()> {
    loop {
        let amount = fastrand::i64(1..1_000);
        service.order(amount).await?;
        #[expect(clippy::print_stdout, reason = "by this the order is acknowledged")]
        {
            println!("{amount}");
        }
    }
}

async fn kill_again_and_again(kills: u64) -> Result<()> {
    let server = PostgresServer::start()?;
    let folder = tempfile::tempdir()?;
    let database = folder.path().join("orders");
    {
        let (client, connection) = server.config().connect(NoTls).await?;
        tokio::spawn(connection);
        client
            .batch_execute("CREATE TABLE payments (order_id uuid, amount bigint NOT NULL)")
            .await?;
    }
    let progress = ProgressBar::new(kills);
    let (mut acknowledged, mut sum) = (0, 0);
    for kill in 0..kills {
        let mut worker = start(&database, server.folder())?;
        let says = worker.stdout.take().context("its output is piped")?;
        let mut lines = BufReader::new(says).lines();
        for _ in 0..fastrand::u64(..=ORDERS_MAX) {
            let line = lines.next().context("it ended by itself")??;
            acknowledged += line.parse::<i64>()?;
        }
        tokio::time::sleep(PAUSE_MAX.mul_f64(fastrand::f64())).await;
        worker.kill()?;
        worker.wait()?;
        // What it had said before it was killed.
        for line in lines.map_while(Result::ok) {
            acknowledged += line.parse::<i64>().unwrap_or_default();
        }
        let service = Service::open(&database, server.config()).await?;
        let (ordered, paid) = service.sums().await?;
        ensure!(ordered == paid, "kill {kill}: {ordered} ordered and {paid} paid");
        ensure!(
            ordered >= acknowledged,
            "kill {kill}: {acknowledged} acknowledged, {ordered} there"
        );
        ensure!(service.is_settled().await?, "kill {kill}: something is in doubt");
        sum = ordered;
        progress.inc(1);
    }
    progress.finish();
    #[expect(clippy::print_stdout, reason = "the example says what it found")]
    {
        println!("killed {kills} times: {sum} ordered and {sum} paid, {acknowledged} acknowledged");
    }
    Ok(())
}

fn start(database: &Path, socket: &Path) -> Result<Child> {
    let mut command = Command::new(env::current_exe()?);
    command.arg(WORKER).arg(database).arg(socket);
    Ok(command.stdout(Stdio::piped()).spawn()?)
}
