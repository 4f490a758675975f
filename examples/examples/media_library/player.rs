//! A client that asks as a browser does, and checks what it gets.

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};
use sop_orm::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::library::Item;

/// An answer: what is before the empty line, and what is behind it.
struct Answer {
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn status(&self) -> &str {
        self.head.lines().next().and_then(|line| line.split_once(' ')).map_or("", |line| line.1)
    }

    fn field(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|field| field.0 == name)?
            .1
            .into()
    }
}

async fn ask(address: SocketAddr, name: &str, fields: &str) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!("GET /{name} HTTP/1.1\r\nHost: {address}\r\n{fields}\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

async fn listen(mut stream: TcpStream) -> Result<Answer> {
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await?;
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").context("no answer")?;
    let body = bytes.split_off(end + 4);
    Ok(Answer { head: String::from_utf8(bytes)?, body })
}

/// Asks for all of it and for parts.
pub(crate) async fn play(address: SocketAddr, name: &str, file: &[u8]) -> Result<()> {
    let get = async |fields: &str| listen(ask(address, name, fields).await?).await;

    let whole = get("").await?;
    ensure!(whole.status() == "200 OK" && whole.body == file);
    let tag = whole.field("ETag").context("no tag")?.to_owned();
    println!("all of it: {} bytes, tag {tag}", whole.body.len());

    let begin = get("Range: bytes=0-99\r\n").await?;
    ensure!(begin.status() == "206 Partial Content" && begin.body == file[..100]);
    println!("the begin: {}", begin.field("Content-Range").context("no range")?);

    let end = get("Range: bytes=-1000\r\n").await?;
    ensure!(end.body == file[file.len() - 1_000..]);
    println!("the end: {}", end.field("Content-Range").context("no range")?);

    let beyond = get("Range: bytes=99999999-\r\n").await?;
    ensure!(beyond.body.is_empty());
    println!("beyond the end: {}", beyond.status());

    let again = get(&format!("If-None-Match: {tag}\r\n")).await?;
    println!("what I have already: {}", again.status());
    let changed = get("Range: bytes=0-99\r\nIf-Range: \"another\"\r\n").await?;
    ensure!(again.body.is_empty() && changed.body == file);
    println!("a part of what is another one now: {}", changed.status());
    Ok(())
}

/// Who has begun to listen hears all of it.
pub(crate) async fn play_while_it_is_deleted(db: &Db, from: SocketAddr, name: &str) -> Result<()> {
    let mut slow = ask(from, name, "").await?;
    let mut first = [0; 12];
    slow.read_exact(&mut first).await?;
    db.run(async |s| s.of::<Item>().delete(name).await).await?;

    let late = listen(ask(from, name, "").await?).await?;
    let rest = listen(slow).await?;
    let len: usize = rest.field("Content-Length").context("no length")?.parse()?;
    ensure!(late.status() == "404 Not Found" && rest.body.len() == len);
    println!("deleted meanwhile: {len} bytes for who had begun, {} for others", late.status());
    Ok(())
}
