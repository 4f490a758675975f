//! Answers requests for what the library holds.

use std::fmt::Display;

use anyhow::{Context, Result, bail};
use sop_orm::prelude::*;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{library::Item, range::Asked};

/// Longer requests are none.
const REQUEST_LEN_MAX: usize = 8 << 10;

/// What a request says, as far as this server listens.
struct Request {
    is_head: bool,
    name: String,
    range: Option<String>,
    /// What the client has already.
    has: Option<String>,
    /// What the range must be of.
    of: Option<String>,
}

/// Until the end of the program. Each connection has one request.
pub(crate) async fn serve(db: Db, listener: TcpListener) -> Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        let db = db.clone();
        // A client that goes away is no reason to stop.
        tokio::spawn(async move { answer(&db, &mut stream).await });
    }
}

async fn answer(db: &Db, stream: &mut TcpStream) -> Result<()> {
    let request = match read(stream).await {
        Ok(request) => request,
        Err(error) => {
            let head = Head::new("400 Bad Request").field("X-Error", error);
            return head.send(stream).await;
        }
    };
    // All that follows is read from one snapshot.
    let s = db.session();
    let media = s.of::<Item>().media(&*request.name);
    let len = match media.len().await {
        Ok(len) => len,
        Err(Error::NotFound { .. }) => return Head::new("404 Not Found").send(stream).await,
        Err(error) => return Err(error.into()),
    };
    let tag = format!("\"{:08x}-{len}\"", media.checksum().await?);
    if request.has.as_deref() == Some(&tag) {
        return Head::new("304 Not Modified").field("ETag", tag).send(stream).await;
    }
    let range = request.range.filter(|_| request.of.is_none_or(|of| of == tag));
    let (head, sent) = match Asked::of(range.as_deref(), len) {
        Asked::Whole => (Head::new("200 OK"), 0..len),
        Asked::Part(part) => {
            let (first, last) = (part.start, part.end - 1);
            let head = Head::new("206 Partial Content");
            (head.field("Content-Range", format_args!("bytes {first}-{last}/{len}")), part)
        }
        Asked::Nothing => {
            let head = Head::new("416 Range Not Satisfiable");
            (head.field("Content-Range", format_args!("bytes */{len}")), 0..0)
        }
    };
    let head = head.field("Content-Length", sent.end - sent.start);
    head.field("Accept-Ranges", "bytes").field("ETag", tag).send(stream).await?;
    if !request.is_head {
        media.download(&mut *stream).range(sent).await?;
    }
    Ok(())
}

/// What goes before the body.
struct Head(String);

impl Head {
    fn new(status: &str) -> Self {
        Self(format!("HTTP/1.1 {status}\r\nConnection: close\r\n"))
    }

    fn field(self, name: &str, value: impl Display) -> Self {
        Self(self.0 + &format!("{name}: {value}\r\n"))
    }

    async fn send(self, stream: &mut TcpStream) -> Result<()> {
        stream.write_all((self.0 + "\r\n").as_bytes()).await?;
        Ok(())
    }
}

async fn read(stream: &mut TcpStream) -> Result<Request> {
    let mut bytes = Vec::new();
    while bytes.len() < REQUEST_LEN_MAX {
        if stream.read_buf(&mut bytes).await? == 0 {
            bail!("the request ends too early");
        }
        if let Some(request) = parse(&bytes)? {
            return Ok(request);
        }
    }
    bail!("the request is longer than {REQUEST_LEN_MAX} bytes");
}

/// The request, if all of it is there.
fn parse(bytes: &[u8]) -> Result<Option<Request>> {
    let mut headers = [httparse::EMPTY_HEADER; 64];
    let mut parsed = httparse::Request::new(&mut headers);
    if parsed.parse(bytes)?.is_partial() {
        return Ok(None);
    }
    let is_head = match parsed.method {
        Some("GET") => false,
        Some("HEAD") => true,
        _ => bail!("only GET and HEAD are answered"),
    };
    let name = parsed.path.and_then(|path| path.strip_prefix('/')).context("no path")?.to_owned();
    let field = |name: &str| {
        let mut fields = parsed.headers.iter();
        let field = fields.find(|field| field.name.eq_ignore_ascii_case(name));
        field.and_then(|field| String::from_utf8(field.value.to_vec()).ok())
    };
    let (range, has, of) = (field("range"), field("if-none-match"), field("if-range"));
    Ok(Some(Request { is_head, name, range, has, of }))
}
