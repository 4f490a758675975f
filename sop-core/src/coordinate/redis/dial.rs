//! Connections to whichever server has the keys.
//!
//! With sentinels, one of them is asked where the server is, each time anew. With a cluster, any node
//! is taken, and if it says that another one has the keys, that one: all keys of a realm are on one
//! node, so that there is nothing more to know of the cluster. Each step is bounded in time.

use std::{sync::Arc, time::Duration};

use redis::{
    Client, Cmd, Connection, ConnectionAddr, ConnectionInfo, IntoConnectionInfo,
    RedisConnectionInfo, RedisError, Value, io::tcp::TcpSettings,
};

use super::{
    address::{Address, Login, Place, Servers},
    trouble,
};
use crate::coordinate::Trouble;

/// How often in a row nodes of a cluster may send us to other nodes.
const REDIRECTS_MAX: usize = 3;

/// How to get a connection.
#[derive(Clone, Debug)]
pub(super) struct Dialer {
    pub(super) address: Address,
    pub(super) sentinel_login: Login,
    #[cfg(feature = "redis-tls")]
    pub(super) certificates: super::tls::Certificates,
    /// How long one answer may take.
    pub(super) patience: Duration,
}

impl Dialer {
    /// A connection to the server, which is at that place if one is given.
    fn dial(&self, place: Option<&Place>) -> Result<Connection, Trouble> {
        let connect = |place: &Place| self.connect(place, &self.address.login, true);
        match (place, &self.address.servers) {
            (Some(place), _) => connect(place),
            (None, Servers::One | Servers::Cluster) => self.first(connect),
            (None, Servers::Sentinels(service)) => {
                self.first(|sentinel| connect(&self.ask_sentinel(sentinel, service)?))
            }
        }
    }

    /// What works with the first of the places that it works with; else the last trouble.
    fn first<T>(&self, mut f: impl FnMut(&Place) -> Result<T, Trouble>) -> Result<T, Trouble> {
        let mut result = Err(Trouble::Unusable("there is no address".to_owned()));
        for place in &self.address.places {
            result = f(place);
            if result.is_ok() {
                break;
            }
        }
        result
    }

    fn ask_sentinel(&self, sentinel: &Place, service: &str) -> Result<Place, Trouble> {
        let mut connection = self.connect(sentinel, &self.sentinel_login, false)?;
        connection.set_read_timeout(Some(self.patience)).map_err(|error| trouble::of(&error))?;
        let mut question = redis::cmd("SENTINEL");
        question.arg("GET-MASTER-ADDR-BY-NAME").arg(service);
        let answer = question.query::<Option<(String, u16)>>(&mut connection);
        match answer.map_err(|error| trouble::of(&error))? {
            Some((host, port)) => Ok(Place { host, port }),
            None => Err(Trouble::Unusable("the sentinel does not know the service".to_owned())),
        }
    }

    fn connect(&self, place: &Place, login: &Login, is_data: bool) -> Result<Connection, Trouble> {
        let mut settings = RedisConnectionInfo::default().set_skip_set_lib_name();
        if is_data {
            settings = settings.set_db(self.address.database);
        }
        if let Some(user) = &login.user {
            settings = settings.set_username(user);
        }
        if let Some(password) = &login.password {
            settings = settings.set_password(password);
        }
        let connect = || {
            let info = self.socket(place).into_connection_info()?;
            let info = info.set_redis_settings(settings);
            let info = info.set_tcp_settings(TcpSettings::default().set_nodelay(true));
            let connection = self.client(info)?.get_connection_with_timeout(self.patience)?;
            connection.set_write_timeout(Some(self.patience))?;
            Ok(connection)
        };
        connect().map_err(|error: RedisError| trouble::of(&error))
    }

    fn socket(&self, place: &Place) -> ConnectionAddr {
        let Place { host, port } = place.clone();
        if self.address.tls {
            ConnectionAddr::TcpTls { host, port, insecure: false, tls_params: None }
        } else {
            ConnectionAddr::Tcp(host, port)
        }
    }

    #[cfg_attr(not(feature = "redis-tls"), expect(clippy::unused_self, reason = "TLS has more"))]
    fn client(&self, info: ConnectionInfo) -> Result<Client, RedisError> {
        #[cfg(feature = "redis-tls")]
        if self.address.tls {
            return self.certificates.client(info);
        }
        Client::open(info)
    }

    /// Where a node of the cluster says that the keys are.
    fn redirect(&self, error: &RedisError) -> Option<Place> {
        if self.address.servers != Servers::Cluster {
            return None;
        }
        let (host, port) = error.redirect_node()?.0.rsplit_once(':')?;
        // A node that does not know its own name means the host that it was reached by.
        let host = if host.is_empty() { &self.address.places.first()?.host } else { host };
        Some(Place { host: host.to_owned(), port: port.parse().ok()? })
    }
}

/// One connection, made when it is needed and dropped when anything about it fails.
#[derive(Debug)]
pub(super) struct Line {
    dialer: Arc<Dialer>,
    connection: Option<Open>,
    /// Where a node of a cluster has sent us.
    place: Option<Place>,
}

/// A connection, of which there is nothing to show.
struct Open(Connection);

impl std::fmt::Debug for Open {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Open")
    }
}

impl Line {
    pub(super) fn new(dialer: Arc<Dialer>) -> Self {
        Self { dialer, connection: None, place: None }
    }

    /// Asks, and waits for the answer; for `longer` than others take, if the answer is to come late.
    pub(super) fn ask(&mut self, question: &Cmd, longer: Duration) -> Result<Value, Trouble> {
        for _ in 0..=REDIRECTS_MAX {
            let error = match self.try_asking(question, longer)? {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            self.place = self.dialer.redirect(&error);
            if self.place.is_none() {
                return Err(trouble::of(&error));
            }
        }
        Err(Trouble::Unusable("the nodes of the cluster do not agree".to_owned()))
    }

    /// An error of the outer kind is one of the connection, of the inner kind one of the question.
    fn try_asking(
        &mut self,
        question: &Cmd,
        longer: Duration,
    ) -> Result<Result<Value, RedisError>, Trouble> {
        let mut connection = match self.connection.take() {
            Some(Open(connection)) => connection,
            // If that place is no good, the cluster is asked anew the next time.
            None => self.dialer.dial(self.place.take().as_ref())?,
        };
        let patience = self.dialer.patience.saturating_add(longer);
        connection.set_read_timeout(Some(patience)).map_err(|error| trouble::of(&error))?;
        let answer = question.query(&mut connection);
        if answer.is_ok() {
            self.connection = Some(Open(connection));
        }
        Ok(answer)
    }
}
