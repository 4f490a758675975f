//! What others have told, read from the entries of a stream that anybody may have written.

use std::collections::BTreeMap;

use redis::Value;

use super::{
    keys::Ticket,
    questions::strange,
    seal::{Announcement, Sealer},
};
use crate::{
    coordinate::Trouble,
    limit::{CARRIED_LEN_MAX, COUNT_MAX},
};

/// One entry: where it is in the stream, and its fields, of which the last of a name counts.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: Vec<u8>,
    fields: BTreeMap<Vec<u8>, Vec<u8>>,
}

/// What an entry says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct News<'a> {
    /// What was announced by somebody who knows the secret.
    pub(super) announcement: Option<Announcement<'a>>,
    /// Somebody announced who does not.
    pub(super) is_forged: bool,
    /// Whose turn it is from now on.
    pub(super) turn: Option<Ticket>,
    pub(super) waiting: Option<u32>,
}

impl Entry {
    pub(super) fn read(&self, sealer: &Sealer) -> News<'_> {
        let claimed = self.announcement();
        let seal = self.field(b"seal").unwrap_or_default();
        let announcement = claimed.filter(|announcement| sealer.is_genuine(announcement, seal));
        News {
            is_forged: announcement.is_none() && self.field(b"position").is_some(),
            announcement,
            turn: self.field(b"turn").and_then(|ticket| ticket.try_into().ok()),
            waiting: self.field(b"waiting").and_then(number).and_then(|n| n.try_into().ok()),
        }
    }

    fn announcement(&self) -> Option<Announcement<'_>> {
        let position = number(self.field(b"position")?)?;
        let slot = self.field(b"slot");
        if position > COUNT_MAX || slot.is_some_and(|slot| slot.len() > CARRIED_LEN_MAX) {
            return None;
        }
        let member = self.field(b"member")?.try_into().ok()?;
        Some(Announcement { member, position, slot })
    }

    fn field(&self, name: &[u8]) -> Option<&[u8]> {
        self.fields.get(name).map(Vec::as_slice)
    }
}

fn number(text: &[u8]) -> Option<u64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// The entries of one stream, as a range of it is answered.
pub(super) fn entries(answer: Value) -> Result<Vec<Entry>, Trouble> {
    let Value::Array(items) = answer else { return Err(strange()) };
    items.into_iter().map(|item| entry(item).ok_or_else(strange)).collect()
}

/// The entries of one stream, as its reader is answered: nothing if nothing came.
pub(super) fn entries_read(answer: Value) -> Result<Vec<Entry>, Trouble> {
    let Value::Array(streams) = answer else {
        return if answer == Value::Nil { Ok(Vec::new()) } else { Err(strange()) };
    };
    let [Value::Array(stream)]: [Value; 1] = streams.try_into().map_err(|_| strange())? else {
        return Err(strange());
    };
    let [_key, range]: [Value; 2] = stream.try_into().map_err(|_| strange())?;
    entries(range)
}

fn entry(item: Value) -> Option<Entry> {
    let Value::Array(parts) = item else { return None };
    let [Value::BulkString(id), Value::Array(pairs)]: [Value; 2] = parts.try_into().ok()? else {
        return None;
    };
    let texts = pairs.into_iter().map(|part| match part {
        Value::BulkString(bytes) => Some(bytes),
        _ => None,
    });
    let mut texts = texts.collect::<Option<Vec<_>>>()?.into_iter();
    let mut fields = BTreeMap::new();
    while let (Some(name), Some(value)) = (texts.next(), texts.next()) {
        fields.insert(name, value);
    }
    Some(Entry { id, fields })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinate::Realm;

    fn text(text: &[u8]) -> Value {
        Value::BulkString(text.to_vec())
    }

    fn item(fields: &[(&[u8], &[u8])]) -> Value {
        let fields = fields.iter().flat_map(|(name, value)| [text(name), text(value)]);
        Value::Array(vec![text(b"1-0"), Value::Array(fields.collect())])
    }

    fn sealer() -> Sealer {
        Sealer::new(&Realm { database: [1; 16], incarnation: [2; 16], secret: [3; 32] })
    }

    fn read(fields: &[(&[u8], &[u8])]) -> Entry {
        entries(Value::Array(vec![item(fields)])).unwrap().remove(0)
    }

    #[test]
    fn what_was_sealed_is_read() {
        let told = Announcement { member: [7; 16], position: 12, slot: Some(b"slot") };
        let seal = sealer().seal(&told);
        let entry = read(&[
            (b"member", &[7; 16]),
            (b"position", b"12"),
            (b"seal", &seal),
            (b"slot", b"slot"),
            (b"turn", &[8; 24]),
            (b"waiting", b"3"),
            (b"what later versions say", b""),
        ]);
        assert_eq!(entry.id, b"1-0");
        let turn = Some([8; 24]);
        let news = News { announcement: Some(told), is_forged: false, turn, waiting: Some(3) };
        assert_eq!(entry.read(&sealer()), news);
    }

    #[test]
    fn what_is_not_sealed_or_out_of_bounds_is_forged() {
        let forged = |fields: &[(&[u8], &[u8])]| {
            let entry = read(fields);
            let news = entry.read(&sealer());
            assert_eq!(news.announcement, None);
            news.is_forged
        };
        let long = vec![0; CARRIED_LEN_MAX + 1];
        let told = Announcement { member: [7; 16], position: 12, slot: Some(&long) };
        let seal = sealer().seal(&told);
        let member: (&[u8], &[u8]) = (b"member", &[7; 16]);
        assert!(forged(&[member, (b"position", b"12"), (b"seal", &seal), (b"slot", &long)]));
        assert!(forged(&[member, (b"position", b"12"), (b"seal", &[0; 32])]));
        assert!(forged(&[member, (b"position", b"12")]));
        assert!(forged(&[member, (b"position", b"-1"), (b"seal", &seal)]));
        assert!(forged(&[(b"position", b"99999999999999999999")]));
        let far = (COUNT_MAX + 1).to_string();
        let told = Announcement { member: [7; 16], position: COUNT_MAX + 1, slot: None };
        let seal = sealer().seal(&told);
        assert!(forged(&[member, (b"position", far.as_bytes()), (b"seal", &seal)]));
        assert!(!forged(&[(b"turn", b"nobody"), (b"waiting", b"-4")]), "it announces nothing");
    }

    #[test]
    fn answers_of_other_forms_are_refused() {
        assert_eq!(entries_read(Value::Nil), Ok(Vec::new()));
        let range = Value::Array(vec![item(&[])]);
        let read = Value::Array(vec![Value::Array(vec![text(b"key"), range.clone()])]);
        assert_eq!(entries_read(read).map(|entries| entries.len()), Ok(1));
        for strange in [
            Value::Int(1),
            Value::Array(vec![]),
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![Value::Array(vec![range])]),
        ] {
            assert!(entries_read(strange).is_err());
        }
        for strange in [
            Value::Nil,
            Value::Array(vec![Value::Nil]),
            Value::Array(vec![Value::Array(vec![text(b"1-0")])]),
            Value::Array(vec![Value::Array(vec![Value::Int(1), Value::Array(vec![])])]),
            Value::Array(vec![Value::Array(vec![text(b"1"), Value::Array(vec![Value::Int(1)])])]),
        ] {
            assert!(entries(strange).is_err());
        }
    }
}
