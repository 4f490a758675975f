//! Connections by TLS: both sides know with whom they talk, or do not talk.

use std::{fs, process::Command};

use sop_core::{Error, Health, RedisCoordination, Trouble, Turn};
use sop_tests::{
    Outcome,
    redis::{Member, RedisServer, coordination},
};

/// A server that talks by TLS alone, under the name `127.0.0.1`, to those who show its certificate.
fn server() -> Outcome<RedisServer> {
    RedisServer::prepared(|folder, port| {
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args([
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=test",
                "-keyout",
                "key",
                "-out",
                "certificate",
            ])
            .args(["-addext", "subjectAltName=IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"])
            .current_dir(folder)
            .output()?;
        if !made.status.success() {
            return Err(String::from_utf8(made.stderr)?.into());
        }
        let port = port.to_string();
        let settings = ["--port", "0", "--tls-port", &port, "--save", ""];
        let files = ["--tls-cert-file", "certificate", "--tls-key-file", "key"];
        let trust = ["--tls-ca-cert-file", "certificate", "--tls-auth-clients", "yes"];
        Ok([&settings[..], &files, &trust].concat().into_iter().map(str::to_owned).collect())
    })
}

/// By TLS, with the certificate of the server, under the name or address given.
fn by(server: &RedisServer, host: &str) -> Outcome<RedisCoordination> {
    let certificate = fs::read(server.folder().join("certificate"))?;
    let key = fs::read(server.folder().join("key"))?;
    let by = coordination(&format!("rediss://{host}:{}", server.port()))?;
    Ok(by.trust(&certificate)?.show_certificate(&certificate, &key)?)
}

fn assert_refused(by: &RedisCoordination) {
    let member = Member::join(by);
    member
        .until("it is refused", |it| matches!(it.health(), Health::Open(Trouble::Unreachable(_))));
}

#[test]
fn members_coordinate_by_tls() -> Outcome {
    let server = server()?;
    let by = by(&server, "127.0.0.1")?;
    let [author, reader] = [(); 2].map(|()| Member::healthy(&by));
    let slot = vec![7; sop_core::limit::CARRIED_LEN_MAX];
    author.announce(1, Some(&slot));
    reader.until("it heard", |it| it.newest() == Some(1));
    assert_eq!(reader.take_carried(1).as_deref(), Some(&slot[..]));
    reader.until("it has a turn", |it| it.turn() == Turn::Mine);
    Ok(())
}

#[test]
fn who_is_not_who_it_should_be_is_not_talked_to() -> Outcome {
    let server = server()?;
    let address = format!("rediss://127.0.0.1:{}", server.port());
    let certificate = fs::read(server.folder().join("certificate"))?;
    // The system does not vouch for this server, and it is not called so.
    assert_refused(&coordination(&address)?);
    assert_refused(&by(&server, "localhost")?);
    // The server wants to know who we are, and wants TLS.
    assert_refused(&coordination(&address)?.trust(&certificate)?);
    assert_refused(&coordination(&address.replace("rediss", "redis"))?);
    Ok(())
}

#[test]
fn what_is_no_certificate_is_refused_at_once() -> Outcome {
    let by = coordination("rediss://localhost")?;
    let broken = b"-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n";
    for pem in [&b""[..], b"certificate", broken] {
        assert!(matches!(by.clone().trust(pem), Err(Error::Invalid(_))));
        assert!(matches!(by.clone().show_certificate(pem, pem), Err(Error::Invalid(_))));
    }
    Ok(())
}
