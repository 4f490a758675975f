//! What is generated is as visible as the struct, wherever that stands.
#![deny(warnings, unreachable_pub, private_interfaces)]

mod outer {
    pub(crate) mod inner {
        use sop_orm::SopStore;

        #[derive(SopStore)]
        pub(super) struct ForParent {
            #[sop(key, unique(by_other))]
            pub(super) id: u32,
        }

        #[derive(SopStore)]
        pub(in crate::outer) struct ForOuter {
            #[sop(key)]
            #[sop(index(by_id))]
            pub(in crate::outer) id: u32,
        }

        #[derive(SopStore)]
        pub(crate) struct ForAll {
            #[sop(key, index(by_other))]
            pub(crate) id: u32,
            #[sop(default)]
            hidden: u8,
        }

        #[derive(SopStore)]
        pub(self) struct Own {
            #[sop(key, index(by_other))]
            id: u32,
        }

        pub(crate) fn hidden(record: &ForAll) -> u8 {
            let own = NewOwn { id: 1 };
            record.hidden + u8::from(own.id == 2)
        }
    }

    pub(crate) async fn all(s: &sop_orm::Session) -> sop_orm::Result<u64> {
        use inner::{ForOuter, ForParent, NewForOuter, for_outer, for_parent};
        s.of::<ForOuter>().insert(NewForOuter { id: 1 }).await?;
        let one = s.of::<ForParent>().by_other(7).await?.map_or(0, |record| record.id);
        let _ = (for_outer::ById, s.of::<ForOuter>().by_id());
        Ok(s.of::<ForParent>().query(for_parent::ByOther).count().await? + u64::from(one))
    }
}

async fn new(s: &sop_orm::Session) -> sop_orm::Result<u8> {
    /// A struct of a function.
    #[derive(sop_orm::SopStore)]
    struct Local {
        #[sop(key)]
        id: u32,
    }
    let record = s.of::<outer::inner::ForAll>().insert(outer::inner::NewForAll { id: 1 }).await?;
    let _ = s.of::<Local>().by_key().prefix(1).first().await?.map(|local| local.id);
    let _ = (s.of::<outer::inner::ForAll>().by_other(), outer::inner::for_all::ByOther);
    Ok(outer::inner::hidden(&record))
}

fn main() {
    let _ = (new, outer::all);
}
