use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(has_many(insert = user::ByFriend, by_name = user::ByFriend))]
#[sop(has_many(friends = user::ByFriend, friends = user::ByFriend))]
#[sop(has_many(user::ByFriend))]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
    #[sop(index(by_name))]
    name: String,
    #[sop(belongs_to)]
    friend: Option<Id<User>>,
}

fn main() {}
