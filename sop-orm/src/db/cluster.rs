//! A folder that many processes share, as it is asked for.

use std::sync::Arc;

use sop_core::{Builder, Coordination, Mode, NoCoordination, Options};

use crate::error::Result;

/// How the processes coordinate, or what is wrong with how they were to. The address is not kept:
/// there may be a password in it.
#[derive(Debug)]
pub(super) struct Asked(sop_core::Result<Arc<dyn Coordination>>);

impl Asked {
    pub(super) fn new(redis: Option<&str>) -> Self {
        Self(redis.map_or_else(|| Ok(Arc::new(NoCoordination) as _), by_redis))
    }

    /// An engine that is opened so.
    pub(super) fn configure(&self, builder: Builder, options: &Options) -> Result<Builder> {
        let coordination = self.0.clone()?;
        Ok(builder.options(options.clone().mode(Mode::Shared)).coordination(coordination))
    }
}

#[cfg(feature = "redis")]
fn by_redis(address: &str) -> sop_core::Result<Arc<dyn Coordination>> {
    Ok(Arc::new(sop_core::RedisCoordination::new(address)?))
}

#[cfg(not(feature = "redis"))]
fn by_redis(_address: &str) -> sop_core::Result<Arc<dyn Coordination>> {
    let reason = "coordination by Redis needs the feature `redis` of sop-orm";
    Err(sop_core::Error::Invalid(reason.into()))
}
