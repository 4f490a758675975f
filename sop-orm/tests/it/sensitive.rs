//! What must not be seen by who reads errors and logs.

use sop_orm::prelude::*;

#[derive(SopStore, Debug)]
struct Card {
    #[sop(key, sensitive)]
    number: String,
    #[sop(unique(by_pin), sensitive)]
    pin: String,
    #[sop(index(by_bank))]
    bank: u32,
}

#[derive(SopStore, Debug)]
struct Account {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_email), sensitive)]
    email: String,
}

const SECRET: &str = "4711";

/// Whether the secret is in the error in any form: as text, or as the digits of its bytes.
fn shows_secret(error: &Error) -> bool {
    let texts = match error {
        Error::Conflict(conflict) => format!("{error} {error:?} {conflict:?}"),
        Error::Duplicate(duplicate) => format!("{error} {error:?} {duplicate:?}"),
        _ => format!("{error} {error:?}"),
    };
    let forms = [SECRET.to_owned(), "34373131".to_owned(), format!("{:?}", SECRET.as_bytes())];
    forms.iter().any(|form| texts.contains(form.trim_matches(['[', ']'])))
}

fn card(number: &str, pin: &str) -> Card {
    Card { number: number.to_owned(), pin: pin.to_owned(), bank: 1 }
}

#[tokio::test]
async fn sensitive_keys_are_not_in_errors() -> Result<()> {
    let db = Db::builder().store::<Card>().ephemeral().await?;
    let s = db.session();
    let cards = s.of::<Card>();
    let missing = cards.require(SECRET).await.unwrap_err();
    assert!(missing.to_string().contains("[sensitive]") && !shows_secret(&missing), "{missing}");
    let missing = cards.edit(SECRET).await.unwrap_err();
    assert!(matches!(missing, Error::NotFound { .. }) && !shows_secret(&missing), "{missing}");
    cards.insert(card(SECRET, "1")).await?;
    let taken = cards.insert(card(SECRET, "2")).await.unwrap_err();
    assert!(matches!(taken, Error::Duplicate(_)) && !shows_secret(&taken), "{taken}");
    let edit = cards.edit(SECRET).await?;
    let second = cards.edit(SECRET).await.unwrap_err();
    assert!(matches!(second, Error::AlreadyEditing { .. }) && !shows_secret(&second), "{second}");
    drop(edit);
    s.commit().await?;

    let (one, other) = (db.session(), db.session());
    let by_bank = other.of::<Card>().by_bank();
    one.of::<Card>().edit(SECRET).await?.bank = 2;
    by_bank.prefix(1).all().await?;
    other.of::<Card>().edit(SECRET).await?.bank = 3;
    one.commit().await?;
    let error = other.commit().await.unwrap_err();
    let Error::Conflict(conflict) = &error else { panic!("expected a conflict: {error}") };
    assert!(conflict.key.is_empty() && !shows_secret(&error), "{conflict:?}");
    Ok(())
}

#[tokio::test]
async fn sensitive_columns_are_not_in_conflicts() -> Result<()> {
    let db = Db::builder().store::<Account>().ephemeral().await?;
    let (one, other) = (db.session(), db.session());
    // This one only asks for the value that the other one adds.
    assert!(one.of::<Account>().by_email(SECRET).await?.is_none());
    one.of::<Account>().insert(Account { number: 1, email: "other".to_owned() }).await?;
    other.of::<Account>().insert(Account { number: 2, email: SECRET.to_owned() }).await?;
    other.commit().await?;
    let error = one.commit().await.unwrap_err();
    let Error::Conflict(conflict) = &error else { panic!("expected a conflict: {error}") };
    assert_eq!(conflict.index.as_deref(), Some("by_email"));
    assert!(conflict.key.is_empty() && !shows_secret(&error), "{conflict:?}");
    Ok(())
}

#[tokio::test]
async fn sensitive_columns_are_not_in_explanations() -> Result<()> {
    let db = Db::builder().store::<Card>().store::<Account>().ephemeral().await?;
    let s = db.session();
    let cards = s.of::<Card>();
    let queries = [
        cards.by_key().prefix(SECRET).explain().await?,
        cards.by_key().range(SECRET..).explain_analyze().await?,
        cards.by_key().starts_with(SECRET).or(cards.by_bank().prefix(1)).explain().await?,
        cards.query(card::ByPin).prefix(SECRET).and(cards.by_bank().range(..7)).explain().await?,
        s.of::<Account>().query(account::ByEmail).range(..SECRET).explain().await?,
    ];
    for explained in queries {
        let text = format!("{explained} {explained:?}");
        assert!(text.contains("[sensitive]") && !text.contains(SECRET), "{text}");
        assert!(!text.contains("34373131"), "{text}");
    }
    let shown = format!("{:?}", cards.by_key().prefix(SECRET));
    assert!(shown.contains("[sensitive]") && !shown.contains(SECRET), "{shown}");
    Ok(())
}
