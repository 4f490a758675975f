//! Keys of other types, primary keys and unique indexes that are led by references, link records.

use std::collections::BTreeSet;

use super::*;

#[derive(SopStore, Debug, PartialEq)]
#[sop(has_many(members = membership::ByGroup, places = seat::ByKey, maps = map::ByGroups))]
struct Group {
    #[sop(key)]
    name: String,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(has_many(groups = membership::ByKey, profile = profile::ByKey, badge = badge::ByPerson))]
struct Person {
    #[sop(key(auto = increment))]
    number: u64,
    name: String,
}

/// Which persons are in which groups.
#[derive(SopStore, Debug, PartialEq)]
#[sop(key(person, group))]
struct Membership {
    #[sop(belongs_to(Person, on_delete = cascade))]
    person: u64,
    #[sop(belongs_to(Group, on_delete = cascade))]
    group: String,
    since: u32,
}

#[derive(SopStore, Debug, PartialEq)]
struct Profile {
    #[sop(key, belongs_to(Person, on_delete = cascade))]
    person: u64,
    text: String,
}

#[derive(SopStore, Debug, PartialEq)]
struct Badge {
    #[sop(key)]
    number: u32,
    #[sop(unique(by_person), belongs_to(Person))]
    person: Option<u64>,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(key(group, row))]
struct Seat {
    #[sop(belongs_to(Group))]
    group: String,
    row: u8,
}

#[derive(SopStore, Debug, PartialEq)]
struct Map {
    #[sop(key)]
    name: String,
    #[sop(belongs_to_many(Group, on_delete = restrict))]
    groups: BTreeSet<String>,
}

async fn people() -> Result<Db> {
    let types = Db::builder().store::<Group>().store::<Person>().store::<Membership>();
    let types = types.store::<Profile>().store::<Badge>().store::<Seat>().store::<Map>();
    let db = types.ephemeral().await?;
    let s = db.session();
    let names = ["Ann", "Bob", "Eve"].map(|name| NewPerson { name: name.to_owned() });
    s.of::<Person>().insert_many(names).await?;
    for (name, members) in [("choir", &[1, 2][..]), ("chess", &[2, 3]), ("choir/2", &[3])] {
        s.of::<Group>().insert(Group { name: name.to_owned() }).await?;
        let group = || name.to_owned();
        let links =
            members.iter().map(|&person| Membership { person, group: group(), since: 2020 });
        s.of::<Membership>().insert_many(links).await?;
    }
    s.commit().await?;
    Ok(db)
}

#[tokio::test]
async fn links_lead_both_ways_and_go_with_either_end() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let bobs = s.of::<Person>().groups(2).select(membership::fields::group).all().await?;
    assert_eq!(bobs, ["chess", "choir"]);
    let singers = s.of::<Group>().members("choir").all().await?;
    let persons = s.of::<Membership>().preload_parents(membership::ByKey, &singers).await?;
    let names: Vec<_> = singers.iter().filter_map(|link| persons.of(link)).collect();
    assert_eq!(names.iter().map(|person| &*person.name).collect::<Vec<_>>(), ["Ann", "Bob"]);
    s.of::<Group>().delete("choir").await?;
    assert_eq!(s.of::<Person>().groups(2).count().await?, 1);
    s.of::<Person>().delete(3).await?;
    assert_eq!(s.of::<Membership>().by_key().count().await?, 1);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_primary_key_may_refer() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    s.of::<Profile>().insert(Profile { person: 1, text: "sings".to_owned() }).await?;
    s.of::<Seat>().insert(Seat { group: "choir".to_owned(), row: 1 }).await?;
    s.commit().await?;
    let s = db.session();
    let profile = s.of::<Person>().profile(1).first().await?;
    assert_eq!(profile.map(|profile| profile.text.clone()).as_deref(), Some("sings"));
    assert!(s.of::<Group>().delete("choir").await.is_err(), "there is a place in it");
    assert!(s.of::<Group>().delete("choir/2").await?, "which is not in the one of a longer name");
    s.of::<Person>().delete(1).await?;
    assert!(!s.of::<Profile>().exists(1).await?);
    s.of::<Profile>().insert(Profile { person: 7, text: String::new() }).await?;
    assert!(matches!(s.commit().await, Err(Error::BrokenReference(_))));
    assert_whole(&db).await
}

#[tokio::test]
async fn a_unique_index_may_lead_to_the_only_child() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    for (number, person) in [(1, Some(2)), (2, None), (3, None)] {
        s.of::<Badge>().insert(Badge { number, person }).await?;
    }
    s.commit().await?;
    let s = db.session();
    assert_eq!(s.of::<Person>().badge(2).keys().all().await?, [1]);
    assert!(s.of::<Person>().delete(2).await.is_err());
    assert!(s.of::<Person>().delete(1).await?);
    s.of::<Badge>().edit(1).await?.person = None;
    assert!(s.of::<Person>().delete(2).await?);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn a_set_of_keys_may_hold_its_parents() -> Result<()> {
    let db = people().await?;
    let s = db.session();
    let groups = ["choir", "chess"].map(str::to_owned).into();
    s.of::<Map>().insert(Map { name: "town".to_owned(), groups }).await?;
    let town = s.of::<Map>().require("town").await?;
    let shown = s.of::<Map>().preload_parents(map::ByGroups, [&town]).await?;
    let names: Vec<_> = shown.all_of(&town).map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["chess", "choir"]);
    assert!(s.of::<Group>().delete("chess").await.is_err());
    s.of::<Map>().edit("town").await?.groups.remove("chess");
    assert!(s.of::<Group>().delete("chess").await?);
    s.commit().await?;
    assert_whole(&db).await
}

#[tokio::test]
async fn children_are_a_query_like_any_other() -> Result<()> {
    let (db, ann, _) = ann_and_hello().await?;
    let s = db.session();
    for title in ["A", "B", "C", "D"] {
        article(&s, ann, title).await?;
    }
    let users = s.of::<User>();
    let titles = users.articles(ann).select(article::fields::title).limit(2).all().await?;
    assert_eq!(titles, ["Hello", "D"], "in the order of the index");
    let page = users.articles(ann).page(3, None).await?;
    let rest = users.articles(ann).page(3, page.next).await?;
    assert_eq!((page.items.len(), rest.items.len()), (3, 2));
    let filtered =
        users.articles(ann).filter(|article| article.title.as_str() < "C").count().await?;
    assert_eq!(filtered, 2);
    let both = users.articles(ann).and(s.of::<Article>().by_editor().prefix(ann));
    assert_eq!(both.count().await?, 0);
    let shown = users.articles(ann).explain().await?.to_string();
    assert!(shown.contains("feed[author = "), "{shown}");
    assert_eq!(users.children(article::Feed, Id::new()).count().await?, 0);
    Ok(())
}

#[tokio::test]
async fn the_errors_keep_what_is_sensitive_to_themselves() -> Result<()> {
    #[derive(SopStore, Debug)]
    struct Secret {
        #[sop(key, sensitive)]
        word: String,
    }
    #[derive(SopStore, Debug)]
    struct Holder {
        #[sop(key)]
        number: u32,
        #[sop(belongs_to(Secret), sensitive)]
        word: String,
    }
    let db = Db::builder().store::<Secret>().store::<Holder>().ephemeral().await?;
    let s = db.session();
    s.of::<Secret>().insert(Secret { word: "4711".to_owned() }).await?;
    s.of::<Holder>().insert(Holder { number: 1, word: "4711".to_owned() }).await?;
    let refused = s.of::<Secret>().delete("4711").await.unwrap_err().to_string();
    s.of::<Holder>().insert(Holder { number: 2, word: "4712".to_owned() }).await?;
    let broken = s.commit().await.unwrap_err().to_string();
    for text in [refused, broken] {
        let shown = ["471", "343731"].iter().any(|secret| text.contains(secret));
        assert!(text.contains("[sensitive]") && !shown, "{text}");
    }
    Ok(())
}
