//! Members of a shared folder coordinate by way of real Redis servers, whatever these do.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod failures;
#[cfg(test)]
mod news;
#[cfg(test)]
mod rights;
#[cfg(test)]
mod sentinels;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod turns;
