//! The version of the tables.

use redb::{Database, TableDefinition};
use redb_store::{OpenError, RedbStore};

use crate::place::Place;

#[test]
fn a_newer_version_is_refused_and_left_alone() {
    let place = Place::new();
    drop(RedbStore::open(place.file("grants"), 100).unwrap());
    let schema: TableDefinition<'_, (), u64> = TableDefinition::new("schema");
    let later = Database::open(place.file("grants")).unwrap();
    let write = later.begin_write().unwrap();
    write.open_table(schema).unwrap().insert((), 2).unwrap();
    write.commit().unwrap();
    drop(later);
    for _ in 0..2 {
        let refused = RedbStore::open(place.file("grants"), 100).unwrap_err();
        assert!(matches!(refused, OpenError::Newer(2)), "{refused}");
        assert!(refused.to_string().contains("use a newer one"), "{refused}");
    }
}
