//! Sensitive fields of embedded types, wherever these are embedded.

use std::collections::BTreeMap;

use sop_orm::{Hooks, Invalid, prelude::*};

const SECRET: &str = "hush-4711";

#[derive(SopEmbed, Clone, PartialEq)]
#[sop(debug, key)]
struct Login {
    name: String,
    #[sop(sensitive)]
    pin: String,
}

#[derive(SopEmbed, Clone, PartialEq)]
#[sop(debug)]
struct Twice(u8, #[sop(sensitive)] String);

#[derive(SopEmbed, Clone, PartialEq)]
#[sop(debug)]
enum Payment {
    #[sop(tag = 0)]
    Cash,
    #[sop(tag = 1)]
    Card {
        bank: u32,
        #[sop(sensitive)]
        number: String,
    },
    #[sop(tag = 2)]
    Cheque(Twice, #[sop(sensitive)] Option<String>),
}

/// Whose own fields say nothing of being sensitive.
#[derive(SopEmbed, Clone, Debug, PartialEq)]
struct Wrapped<T> {
    inner: Vec<Option<T>>,
}

/// With columns of each kind that hold a secret, though no field is marked.
#[derive(SopStore, Debug)]
#[sop(store = "visits", hooks, new(derive(Debug)))]
#[sop(unique(by_pin(pin: String = login.pin)))]
#[sop(index(by_shout(shout: String = Self::shout)))]
struct Visit {
    #[sop(key(auto = increment))]
    number: u32,
    #[sop(unique(by_login))]
    login: Login,
    payments: Wrapped<Payment>,
    more: BTreeMap<u8, Login>,
    #[sop(index(by_place))]
    place: u32,
}

/// Whose key holds a secret.
#[derive(SopStore, Debug)]
#[sop(store = "keyed")]
struct Keyed {
    #[sop(key)]
    login: Login,
    place: u32,
}

impl Visit {
    fn shout(&self) -> String {
        self.login.pin.to_uppercase()
    }
}

impl Hooks for Visit {
    fn before_update(&mut self, _: &Self) -> std::result::Result<(), Invalid> {
        assert_ne!(self.login.pin, format!("{SECRET}-panic"), "assertions tell both sides");
        Ok(())
    }
}

fn login(pin: &str) -> Login {
    Login { name: "ann".to_owned(), pin: format!("{SECRET}{pin}") }
}

fn visit(pin: &str) -> NewVisit {
    let secret = || SECRET.to_owned();
    let inner = vec![
        None,
        Some(Payment::Cash),
        Some(Payment::Card { bank: 7, number: secret() }),
        Some(Payment::Cheque(Twice(9, secret()), Some(secret()))),
    ];
    let more = BTreeMap::from([(1, login(pin))]);
    NewVisit { login: login(pin), payments: Wrapped { inner }, more, place: 1 }
}

/// Demands that the secret is not there: as text of either case, as digits, or as a list of bytes.
fn silent(shown: &str) {
    let digit = |byte| format!("{byte:02x}");
    let digits = |text: &str| text.bytes().map(digit).collect::<Vec<_>>().concat();
    let list = format!("{:?}", SECRET.as_bytes());
    let loud = SECRET.to_uppercase();
    let forms = [SECRET, &loud, &digits(SECRET), &digits(&loud), list.trim_matches(['[', ']'])];
    assert!(forms.iter().all(|form| !shown.contains(form)), "{shown}");
}

#[test]
fn a_sensitive_field_inside_is_not_in_the_debug_form_of_the_outer_record() {
    let new = visit("");
    let visit = Visit {
        number: 1,
        login: new.login.clone(),
        payments: new.payments.clone(),
        more: BTreeMap::new(),
        place: 1,
    };
    assert_eq!(
        format!("{visit:?}"),
        "Visit { number: 1, login: Login { name: \"ann\", pin: [sensitive] }, payments: Wrapped { \
         inner: [None, Some(Cash), Some(Card { bank: 7, number: [sensitive] }), \
         Some(Cheque(Twice(9, [sensitive]), [sensitive]))] }, more: {}, place: 1 }"
    );
    silent(&format!("{new:?} {new:#?} {visit:#?}"));
}

#[tokio::test]
async fn columns_that_hold_a_sensitive_field_are_not_in_errors_and_explanations() -> Result<()> {
    let db = Db::builder().store::<Visit>().store::<Keyed>().ephemeral().await?;
    let s = db.session();
    let visits = s.of::<Visit>();
    visits.insert(visit("")).await?;
    let taken = visits.insert(visit("")).await.unwrap_err();
    let Error::Duplicate(duplicate) = &taken else { panic!("expected a duplicate: {taken}") };
    silent(&format!("{taken} {taken:?} {duplicate:?}"));
    for explained in [
        visits.query(visit::ByPin).prefix(SECRET).explain().await?,
        visits.query(visit::ByLogin).prefix(login("")).explain_analyze().await?,
        visits.by_shout().starts_with(&SECRET.to_uppercase()).explain().await?,
    ] {
        let text = format!("{explained} {explained:?}");
        assert!(text.contains("[sensitive]"), "{text}");
        silent(&text);
    }
    assert!(visits.by_place().prefix(1).explain().await?.to_string().contains('1'));

    let missing = s.of::<Keyed>().require(login("")).await.unwrap_err();
    assert!(missing.to_string().contains("[sensitive]"), "{missing}");
    silent(&format!("{missing} {missing:?}"));
    Ok(())
}

#[tokio::test]
async fn conflicts_and_panics_do_not_tell_a_sensitive_field_inside() -> Result<()> {
    let db = Db::builder().store::<Visit>().store::<Keyed>().ephemeral().await?;
    let (one, other) = (db.session(), db.session());
    assert!(one.of::<Visit>().by_pin(login("").pin).await?.is_none());
    one.of::<Keyed>().insert(Keyed { login: login("a"), place: 1 }).await?;
    other.of::<Visit>().insert(visit("")).await?;
    other.commit().await?;
    let error = one.commit().await.unwrap_err();
    let Error::Conflict(conflict) = &error else { panic!("expected a conflict: {error}") };
    assert_eq!(conflict.index.as_deref(), Some("by_pin"));
    assert!(conflict.key.is_empty(), "{conflict:?}");
    silent(&format!("{error} {error:?} {conflict:?}"));

    let s = db.session();
    s.of::<Visit>().edit(1).await?.login.pin = format!("{SECRET}-panic");
    let error = s.commit().await.unwrap_err();
    let Error::HookPanicked { message, .. } = &error else { panic!("expected a panic: {error}") };
    silent(&format!("{error} {error:?} {message}"));
    Ok(())
}
