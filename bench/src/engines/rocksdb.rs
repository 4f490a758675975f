//! RocksDB: log-structured merge trees, optimistic transactions.

use super::{Engine, Reader, Settings, Setup, Writer, version};
use crate::{
    Result,
    data::{Key, Value},
};
use rocksdb::{
    BlockBasedOptions, Cache, DBRawIteratorWithThreadMode, ErrorKind, OptimisticTransactionDB,
    OptimisticTransactionOptions, Options, SnapshotWithThreadMode, SstFileWriter, Transaction,
    WriteBatchWithTransaction, WriteOptions,
};
use std::{
    path::{Path, PathBuf},
    thread,
};

type Db = OptimisticTransactionDB;

/// An open database; its one table is the default column family.
pub(crate) struct Rocks {
    database: Db,
    options: Options,
    scratch: PathBuf,
    sync: bool,
}

/// A snapshot.
pub(crate) struct RocksReader<'e>(SnapshotWithThreadMode<'e, Db>);

/// An optimistic transaction.
pub(crate) struct RocksWriter<'e>(Transaction<'e, Db>);

impl Engine for Rocks {
    type Reader<'e> = RocksReader<'e>;
    type Writer<'e> = RocksWriter<'e>;

    fn settings() -> Settings {
        Settings {
            name: format!("RocksDB of the system through rocksdb {}", version("rocksdb")),
            options: "`OptimisticTransactionDB`, block cache as stated, 16 KiB blocks, Bloom \
                      filters of 10 bits, index and filters in the cache, dynamic level sizes, \
                      as many background jobs as processors, compression as by default; blob \
                      files if values are large",
            durable: "`WriteOptions::set_sync(true)`: one fdatasync of the write-ahead log for \
                      all commits that wait together",
            relaxed: "`set_sync(false)`: survives a crash of the process; a power cut may lose \
                      the last commits",
        }
    }

    fn open(folder: &Path, setup: &Setup) -> Result<Self> {
        let options = options(setup)?;
        let database = Db::open(&options, folder)?;
        Ok(Self { database, options, scratch: folder.join("sorted.sst"), sync: true })
    }

    fn set_durable(&mut self, durable: bool) -> Result<()> {
        self.sync = durable;
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(self.database.flush_wal(true)?)
    }

    fn read<T>(&self, work: impl FnOnce(&RocksReader<'_>) -> Result<T>) -> Result<T> {
        work(&RocksReader(self.database.snapshot()))
    }

    fn write(&self, mut work: impl FnMut(&mut RocksWriter<'_>) -> Result<()>) -> Result<()> {
        let mut options = OptimisticTransactionOptions::default();
        options.set_snapshot(true);
        loop {
            let transaction = self.database.transaction_opt(&self.write_options(), &options);
            let mut writer = RocksWriter(transaction);
            work(&mut writer)?;
            match writer.0.commit() {
                Ok(()) => return Ok(()),
                Err(error) if matches!(error.kind(), ErrorKind::Busy | ErrorKind::TryAgain) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn load(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        let mut batch = WriteBatchWithTransaction::<true>::default();
        for (key, value) in entries {
            batch.put(key, value);
        }
        Ok(self.database.write_opt(batch, &self.write_options())?)
    }

    fn load_sorted(&self, entries: impl Iterator<Item = (Key, Value)>) -> Result<()> {
        let mut file = SstFileWriter::create(&self.options);
        file.open(&self.scratch)?;
        for (key, value) in entries {
            file.put(key, value)?;
        }
        file.finish()?;
        Ok(self.database.ingest_external_file(vec![&self.scratch])?)
    }

    fn compact(self, folder: &Path) -> Result<PathBuf> {
        self.database.flush()?;
        self.database.compact_range::<&[u8], &[u8]>(None, None);
        Ok(folder.to_owned())
    }
}

fn options(setup: &Setup) -> Result<Options> {
    let mut table = BlockBasedOptions::default();
    table.set_block_cache(&Cache::new_lru_cache(usize::try_from(setup.cache)?)?);
    table.set_block_size(16 << 10);
    table.set_bloom_filter(10.0, false);
    table.set_cache_index_and_filter_blocks(true);
    table.set_pin_l0_filter_and_index_blocks_in_cache(true);
    table.set_format_version(5);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.set_block_based_table_factory(&table);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_bytes_per_sync(1 << 20);
    let processors = thread::available_parallelism()?.get();
    options.set_max_background_jobs(i32::try_from(processors.max(2))?);
    if setup.large_values {
        options.set_enable_blob_files(true);
        options.set_enable_blob_gc(true);
    }
    Ok(options)
}

impl Rocks {
    fn write_options(&self) -> WriteOptions {
        let mut options = WriteOptions::default();
        options.set_sync(self.sync);
        options
    }
}

/// Shows what is under an iterator and moves it on.
fn walk(
    mut entries: DBRawIteratorWithThreadMode<'_, Db>,
    limit: usize,
    mut entry: impl FnMut(&[u8], &[u8]),
) -> Result<()> {
    for _ in 0..limit {
        let Some((key, value)) = entries.item() else { break };
        entry(key, value);
        entries.next();
    }
    Ok(entries.status()?)
}

impl Reader for RocksReader<'_> {
    /// RocksDB knows an estimate only; to count is to look at every key.
    fn len(&self) -> Result<u64> {
        let mut count = 0;
        self.scan(None, usize::MAX, |_, _| count += 1)?;
        Ok(count)
    }

    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(self.0.get_pinned(key)?.map(|found| value(&found)).is_some())
    }

    fn scan(
        &self,
        from: Option<&[u8]>,
        limit: usize,
        entry: impl FnMut(&[u8], &[u8]),
    ) -> Result<()> {
        let mut entries = self.0.raw_iterator();
        match from {
            Some(key) => entries.seek(key),
            None => entries.seek_to_first(),
        }
        walk(entries, limit, entry)
    }
}

impl Writer for RocksWriter<'_> {
    fn get(&self, key: &[u8], value: impl FnOnce(&[u8])) -> Result<bool> {
        let found = self.0.get_pinned_for_update(key, true)?;
        Ok(found.map(|found| value(&found)).is_some())
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        Ok(self.0.put(key, value)?)
    }

    fn remove(&mut self, key: &[u8]) -> Result<()> {
        Ok(self.0.delete(key)?)
    }
}
