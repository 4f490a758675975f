//! Certificates: whom to trust, and how to show who we are.

use std::fmt;

use redis::{Client, ClientTlsConfig, ConnectionInfo, RedisError, TlsCertificates};
use rustls::{
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};

use crate::error::{Error, Result};

/// What a connection by TLS needs besides the address.
#[derive(Clone, Default)]
pub(super) struct Certificates {
    /// Who vouches for servers, as PEM; if nobody is named, those that the system trusts.
    roots: Option<Vec<u8>>,
    /// Our own certificate with its key, as PEM.
    own: Option<(Vec<u8>, Vec<u8>)>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates").finish_non_exhaustive()
    }
}

impl Certificates {
    pub(super) fn trust(&mut self, roots: Vec<u8>) -> Result<()> {
        check_certificates(&roots, "the certificates to trust")?;
        self.roots = Some(roots);
        Ok(())
    }

    pub(super) fn show(&mut self, certificate: Vec<u8>, key: Vec<u8>) -> Result<()> {
        check_certificates(&certificate, "the certificate to show")?;
        let wrong = |_| Error::Invalid("the key is not a private key in the form PEM".to_owned());
        PrivateKeyDer::from_pem_slice(&key).map_err(wrong)?;
        self.own = Some((certificate, key));
        Ok(())
    }

    pub(super) fn client(&self, info: ConnectionInfo) -> Result<Client, RedisError> {
        if CryptoProvider::get_default().is_none() {
            // Where there are several the library wants one to be named. If somebody is faster,
            // theirs is as good.
            drop(ring::default_provider().install_default());
        }
        let own = self.own.clone();
        let client_tls =
            own.map(|(client_cert, client_key)| ClientTlsConfig { client_cert, client_key });
        Client::build_with_tls(info, TlsCertificates { client_tls, root_cert: self.roots.clone() })
    }
}

fn check_certificates(pem: &[u8], what: &str) -> Result<()> {
    let mut certificates = CertificateDer::pem_slice_iter(pem).peekable();
    let is_empty = certificates.peek().is_none();
    if is_empty || certificates.any(|certificate| certificate.is_err()) {
        return Err(Error::Invalid(format!("{what} are not certificates in the form PEM")));
    }
    Ok(())
}
