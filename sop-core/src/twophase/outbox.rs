//! Effects that cannot be taken back: kept with a transaction, delivered after it.

use std::{fmt, str::FromStr, time::Duration};

use async_trait::async_trait;

use super::{ParticipantError, asked::Patience};
use crate::{
    codec::hexadecimal,
    database::{Database, Transaction},
    error::{Error, Result},
    transaction::{Durability, StoreOptions, TransactionOptions},
};

/// Messages to somebody who can neither prepare nor roll back, such as Redis, a server of another
/// party, or people who get mail: the *transactional outbox*.
///
/// A message is an entry of a store, written by the transaction that wants it delivered: if that
/// commits, be it one of a [`GlobalTransaction`](super::GlobalTransaction) or any other, the
/// message is delivered at least once, and else never. [`relay`](Self::relay) delivers what waits; whoever opens the
/// database calls it, from time to time and after commits. A message that was delivered just before a
/// crash is delivered again: so its receiver keeps the [ids](Message::id) that it has seen, for as long as
/// that can take.
///
/// Messages are in no order that can be relied on. Any number of processes may relay at once, at
/// the price of more repetitions.
///
/// ```
/// use sop_core::{Database, Message, Outbox, ParticipantError, Receiver, async_trait};
///
/// #[derive(Debug)]
/// struct Printer;
///
/// #[async_trait]
/// impl Receiver for Printer {
///     async fn deliver(&self, message: &Message) -> Result<(), ParticipantError> {
///         println!("{} {}", message.id, String::from_utf8_lossy(&message.payload));
///         Ok(())
///     }
/// }
///
/// # fn main() -> sop_core::Result<()> {
/// # pollster::block_on(async {
/// let db = Database::builder().in_memory()?;
/// let outbox = Outbox::new("printer")?;
/// let tx = db.begin()?;
/// outbox.send(&tx, "order 17 is on its way")?;
/// tx.commit()?;
/// assert_eq!(outbox.relay(&db, &Printer).await?.delivered, 1);
/// assert_eq!(outbox.waiting(&db)?, 0);
/// # Ok(())
/// # })
/// # }
/// ```
#[derive(Debug)]
pub struct Outbox {
    store: String,
    patience: Patience,
}

/// Who gets the messages of an [`Outbox`].
#[async_trait]
pub trait Receiver: Send + Sync + fmt::Debug {
    /// Does what the message says, unless it was done before: a message can come twice, also at the same
    /// time. After any error it comes again.
    async fn deliver(&self, message: &Message) -> Result<(), ParticipantError>;
}

/// What is to be delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// By which it is known when it comes again.
    pub id: MessageId,
    /// What the sender wrote.
    pub payload: Vec<u8>,
}

/// Names a message, and no other one of any database. 48 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId([u8; 24]);

/// What [`Outbox::relay`] has done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Relayed {
    /// Messages that were delivered.
    pub delivered: u64,
    /// Messages that were not. They stay.
    pub failed: u64,
    /// Why not, of the first thousand of them.
    pub reasons: Vec<(MessageId, String)>,
}

/// Messages that are taken off the list in one transaction.
const REMOVED_MAX: usize = 256;

/// Failures that are told of: their number must not grow with the messages that wait.
const REASONS_MAX: usize = 1_000;

impl Outbox {
    /// The outbox of this name; its messages are in the store `outbox/` and the name, which comes into
    /// being with the first. Fails with [`Error::Invalid`] if the name makes that too long.
    pub fn new(name: &str) -> Result<Self> {
        let store = format!("outbox/{name}");
        if store.len() > crate::limit::STORE_NAME_LEN_MAX {
            return Err(Error::Invalid(format!("the name of an outbox of {} bytes", name.len())));
        }
        Ok(Self { store, patience: Patience::default() })
    }

    /// How long the receiver has time for one message; 30 seconds, unless this is called. After three in a
    /// row that took longer, the others are left to the next [`relay`](Self::relay).
    #[must_use]
    pub fn patience(self, patience: Duration) -> Self {
        Self { patience: Patience::new(patience), ..self }
    }

    /// Adds a message to what a transaction does; at most
    /// [`VALUE_LEN_MAX`](crate::limit::VALUE_LEN_MAX) bytes. Never conflicts.
    pub fn send(&self, tx: &Transaction, payload: impl AsRef<[u8]>) -> Result<MessageId> {
        let random = tx.database().clock()?.random();
        let id = MessageId::new(tx.position(), random);
        let store = tx.open_store(&self.store, &StoreOptions::default())?;
        store.blind_upsert(id.0, payload)?;
        Ok(id)
    }

    /// How many messages wait, as far as this process knows.
    pub fn waiting(&self, db: &Database) -> Result<u64> {
        match db.snapshot()?.store(&self.store) {
            Ok(store) => store.len(),
            Err(Error::StoreNotFound { .. }) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Delivers all messages that wait now, each once, older ones first. One that cannot be delivered
    /// keeps no other from being so.
    ///
    /// Fails if the database cannot be read or written; then messages may come again.
    pub async fn relay(&self, db: &Database, receiver: &dyn Receiver) -> Result<Relayed> {
        let mut relayed = Relayed::default();
        let now = db.snapshot()?;
        let store = match now.store(&self.store) {
            Err(Error::StoreNotFound { .. }) => return Ok(relayed),
            store => store?,
        };
        let (round, mut delivered) = (self.patience.round(), Vec::new());
        for entry in store.iter()? {
            let (key, payload) = entry?;
            let Ok(id) = key[..].try_into().map(MessageId) else { continue };
            let message = Message { id, payload: payload.to_vec() };
            match round.ask(&self.store, receiver.deliver(&message)).await {
                Ok(()) => delivered.push(id),
                Err(error) => relayed.failed(id, &error),
            }
            if delivered.len() >= REMOVED_MAX {
                relayed.delivered += self.remove(db, &mut delivered).await?;
            }
        }
        relayed.delivered += self.remove(db, &mut delivered).await?;
        Ok(relayed)
    }

    /// Takes messages off the list; how many. That need not be durable: they would come again.
    async fn remove(&self, db: &Database, delivered: &mut Vec<MessageId>) -> Result<u64> {
        let count = delivered.len() as u64;
        if count == 0 {
            return Ok(0);
        }
        let options = TransactionOptions::default().durability(Durability::Eventual);
        let tx = db.begin_with(options)?;
        let store = tx.store(&self.store)?;
        delivered.drain(..).try_for_each(|id| store.blind_remove(id.0))?;
        tx.commit_async().await?;
        Ok(count)
    }
}

impl Relayed {
    fn failed(&mut self, id: MessageId, error: &ParticipantError) {
        self.failed += 1;
        if self.reasons.len() < REASONS_MAX {
            self.reasons.push((id, error.to_string()));
        }
    }
}

impl MessageId {
    /// As far as transactions begin one after the other, ids are in their order.
    fn new(position: u64, random: [u8; 16]) -> Self {
        let mut bytes = [0; 24];
        bytes[..8].copy_from_slice(&position.to_be_bytes());
        bytes[8..].copy_from_slice(&random);
        Self(bytes)
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hexadecimal::show(&self.0, f)
    }
}

/// The same.
impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for MessageId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let invalid = || Error::Invalid("a message is named by 48 hexadecimal digits".to_owned());
        hexadecimal::read(text).map(Self).ok_or_else(invalid)
    }
}
