//! Addresses of servers: text to data, with an error that says what to write.
//!
//! ```text
//! redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]                 one server
//! redis+sentinel://[USER:PASSWORD@]HOST[:PORT],..[/SERVICE[/DATABASE]]   sentinels that know it
//! redis+cluster://[USER:PASSWORD@]HOST[:PORT],..                 some nodes of a Redis Cluster
//! ```
//!
//! With `rediss` in the place of `redis` connections are by TLS. A password without a user is
//! `:PASSWORD@`. What has a meaning in addresses is written as `%` and two hexadecimal digits in a
//! name or a password. A host of IPv6 is in brackets.

use std::fmt;

use percent_encoding::percent_decode_str;

use crate::error::{Error, Result};

/// The forms, for those who wrote something else.
const FORMS: &str = "write redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE], \
    redis+sentinel://[USER:PASSWORD@]HOST[:PORT],../SERVICE[/DATABASE] or \
    redis+cluster://[USER:PASSWORD@]HOST[:PORT],.., and rediss for TLS";

const PORT: u16 = 6_379;
const SENTINEL_PORT: u16 = 26_379;

/// Hosts that one address may name.
const HOSTS_MAX: usize = 64;

/// Where a server listens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) host: String,
    pub(super) port: u16,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

/// A name and a password, which are never shown.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct Login {
    pub(super) user: Option<String>,
    pub(super) password: Option<String>,
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// What the servers of an address are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Servers {
    /// The one to talk to.
    One,
    /// Sentinels, which know where the one of this service is.
    Sentinels(String),
    /// Nodes of a Redis Cluster, which know which of them has which keys.
    Cluster,
}

/// Where to find the server to talk to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) servers: Servers,
    pub(super) tls: bool,
    pub(super) login: Login,
    /// At least one.
    pub(super) places: Vec<Place>,
    pub(super) database: i64,
}

impl Address {
    /// Reads an address. Fails with [`Error::Invalid`], which does not repeat what it was given, as
    /// there may be a password in it.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no `://`"))?;
        let (protocol, kind) = scheme.split_once('+').unwrap_or((scheme, ""));
        let tls = match protocol {
            "redis" => false,
            "rediss" => true,
            _ => return Err(wrong("it begins with neither `redis` nor `rediss`")),
        };
        if rest.contains(['?', '#']) {
            return Err(wrong("it has a `?` or a `#`, which stand for nothing here"));
        }
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (login, hosts) = match authority.rsplit_once('@') {
            Some((login, hosts)) => (self::login(login)?, hosts),
            None => (Login::default(), authority),
        };
        let (servers, database, port) = match kind {
            "" => (Servers::One, path, PORT),
            "cluster" if path.is_empty() => (Servers::Cluster, "", PORT),
            "cluster" => return Err(wrong("a cluster has one database, so that none is named")),
            "sentinel" => {
                let (service, database) = path.split_once('/').unwrap_or((path, ""));
                if service.is_empty() {
                    return Err(wrong("sentinels have to be told the name of the service"));
                }
                (Servers::Sentinels(decoded(service)?), database, SENTINEL_PORT)
            }
            _ => return Err(wrong("behind the `+` is neither `sentinel` nor `cluster`")),
        };
        let places = hosts.split(',').take(HOSTS_MAX + 1).map(|host| place(host, port));
        let places = places.collect::<Result<Vec<_>>>()?;
        let most = if servers == Servers::One { 1 } else { HOSTS_MAX };
        if places.len() > most {
            return Err(wrong("it names too many hosts; several are sentinels or a cluster"));
        }
        Ok(Self { servers, tls, login, places, database: number(database)? })
    }

    /// The scheme of the same kind of servers.
    fn scheme(&self) -> &'static str {
        match (&self.servers, self.tls) {
            (Servers::One, false) => "redis",
            (Servers::One, true) => "rediss",
            (Servers::Sentinels(_), false) => "redis+sentinel",
            (Servers::Sentinels(_), true) => "rediss+sentinel",
            (Servers::Cluster, false) => "redis+cluster",
            (Servers::Cluster, true) => "rediss+cluster",
        }
    }
}

/// Without name and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://", self.scheme())?;
        for (index, place) in self.places.iter().enumerate() {
            write!(f, "{}{place}", if index == 0 { "" } else { "," })?;
        }
        if let Servers::Sentinels(service) = &self.servers {
            write!(f, "/{service}")?;
        }
        if self.database == 0 { Ok(()) } else { write!(f, "/{}", self.database) }
    }
}

fn wrong(reason: &str) -> Error {
    Error::Invalid(format!("the address of a Redis server is wrong: {reason}; {FORMS}"))
}

fn login(text: &str) -> Result<Login> {
    let (user, password) = match text.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (text, None),
    };
    // A server takes names without passwords for nothing.
    let password = password.filter(|password| !password.is_empty());
    let Some(password) = password else {
        return Err(wrong("there is no password before the `@`"));
    };
    let user = if user.is_empty() { None } else { Some(decoded(user)?) };
    Ok(Login { user, password: Some(decoded(password)?) })
}

fn place(text: &str, default: u16) -> Result<Place> {
    let (host, port) = match text.strip_prefix('[').map(|inner| inner.split_once(']')) {
        Some(Some((host, port))) => {
            (host, port.strip_prefix(':').or(port.is_empty().then_some("")))
        }
        Some(None) => return Err(wrong("a `[` has no `]`")),
        None => match text.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (text, Some("")),
        },
    };
    let port = match port {
        Some("") if !text.ends_with(':') => default,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
            digits.parse().ok().filter(|port| *port != 0).ok_or_else(port_error)?
        }
        _ => return Err(port_error()),
    };
    if host.is_empty() || !host.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(wrong("a host is missing, or has a character that no host has"));
    }
    Ok(Place { host: host.to_owned(), port })
}

fn port_error() -> Error {
    wrong("a port is not a number from 1 to 65535; a host of IPv6 is written in brackets")
}

fn number(text: &str) -> Result<i64> {
    match text.parse::<u16>() {
        Ok(database) => Ok(database.into()),
        Err(_) if text.is_empty() => Ok(0),
        Err(_) => Err(wrong("the database is not a number from 0 to 65535")),
    }
}

fn decoded(text: &str) -> Result<String> {
    let not_text = |_| wrong("what `%` stands for is not UTF-8");
    Ok(percent_decode_str(text).decode_utf8().map_err(not_text)?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        Address::parse(text).unwrap().to_string()
    }

    #[test]
    fn every_form_is_read() {
        assert_eq!(shown("redis://localhost"), "redis://localhost:6379");
        assert_eq!(shown("rediss://[::1]:7000/3"), "rediss://[::1]:7000/3");
        assert_eq!(shown("redis://[::1]"), "redis://[::1]:6379");
        assert_eq!(
            shown("redis+sentinel://a,b:1/main%20one/2"),
            "redis+sentinel://a:26379,b:1/main one/2"
        );
        assert_eq!(shown("rediss+cluster://a:1,b:2"), "rediss+cluster://a:1,b:2");
    }

    #[test]
    fn names_and_passwords_are_read_and_never_shown() {
        let address = Address::parse("redis://ann:p%40ss%3a@host:1").unwrap();
        assert_eq!(address.login.user.as_deref(), Some("ann"));
        assert_eq!(address.login.password.as_deref(), Some("p@ss:"));
        let alone = Address::parse("redis://:p@ss@host").unwrap();
        assert_eq!((alone.login.user, alone.login.password.as_deref()), (None, Some("p@ss")));
        for text in [format!("{address}"), format!("{address:?}")] {
            assert!(!text.contains("p@ss") && !text.contains("ann"), "{text}");
        }
    }

    #[test]
    fn a_wrong_address_is_refused_with_the_right_forms_and_without_its_password() {
        for text in [
            "",
            "secret",
            "host:6379",
            "http://u:secret@host",
            "redis+ring://u:secret@host",
            "redis://u:secret@",
            "redis://secret@host",
            "redis://u:@host",
            "redis://:secret@host:",
            "redis://:secret@host:0",
            "redis://:secret@host:65536",
            "redis://:secret@host:+1",
            "redis://:secret@::1",
            "redis://:secret@[::1",
            "redis://:secret@[::1]x",
            "redis://:secret@a,b",
            "redis://:secret@host/x",
            "redis://:secret@host/-1",
            "redis://:secret@host#insecure",
            "redis://:secret@host?protocol=resp3",
            "redis://:secret@ho st",
            "redis://:%ffsecret@host",
            "redis+sentinel://:secret@host",
            "redis+sentinel://:secret@host/",
            "redis+cluster://:secret@host/1",
            "redis+cluster://:secret@host,",
        ] {
            let error = Address::parse(text).unwrap_err();
            let message = error.to_string();
            assert!(matches!(error, Error::Invalid(_)), "{text}: {error:?}");
            assert!(message.contains("write redis://"), "{text}: {message}");
            assert!(!message.contains("secret"), "{message}");
        }
        let many = format!("redis+cluster://{}", vec!["host"; 10_000].join(","));
        assert!(Address::parse(&many).is_err());
    }
}
