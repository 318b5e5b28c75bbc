//! Opening the file: new, ours, somebody else's, or corrupt and set aside.

use super::block_rows;
use super::conversion::{hash_names, show_names};
use super::file::JournalFile;
use super::key_file::KeyFileError;
use super::meta;
use super::migration;
use super::names::Names;
use super::options::JournalOptions;
use super::schema::{self, SMALL_TABLES, VERSION, table_of};
use super::segments::{Segments, seal_others};
use super::sharing_rows;
use super::words::WordNumbers;
use super::writer::Journal;
use crate::access::{advice, whose};
use crate::history::{EntryId, SharingFact};
use crate::limits::{JOURNAL_BUSY, JOURNAL_LOCK_PAUSE, JOURNAL_LOCK_TRIES};
use crate::policy::block::{BlockEntry, BlockId};
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::mem;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::thread;

/// Says whose file it is: `popg`.
const APPLICATION: i32 = i32::from_be_bytes(*b"popg");

/// What the log has behind the name of its database, which is written there first.
pub(super) const LOG: &str = "-wal";

/// What SQLite's index of the log has there.
pub(super) const INDEX_OF_LOG: &str = "-shm";

/// A journal and what it held.
#[derive(Debug)]
pub struct Opened {
    /// The journal, ready to write.
    pub journal: Journal,
    /// The block list of the process before.
    pub blocks: Vec<BlockEntry>,
    /// The highest number that one of its entries has, or had.
    pub last_block: BlockId,
    /// What the process before has found out about sharing.
    pub sharing: Vec<SharingFact>,
    /// What was there and could not be read.
    pub set_aside: Option<SetAside>,
    /// What the operator should know about names that are hashed, a sentence.
    pub notice: Option<String>,
}

/// A corrupt file that has another name now, so that a new one could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAside {
    /// Its name now.
    pub file: PathBuf,
    /// What is wrong with it.
    pub why: String,
}

/// Why there is no journal; each is the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// No rights, no such folder, a folder of this name.
    #[error("cannot open the journal {}: {source}{}", file.display(), advice(file, source))]
    File {
        /// The configured file.
        file: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// SQLite cannot work with it, and it is not corrupt: no rights for the folder, a full disk.
    #[error("cannot open the journal {}: {source}{}", file.display(), rights(file, source))]
    Database {
        /// The configured file.
        file: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// A newer popgate wrote it.
    #[error("the journal {} was written by a newer popgate: its version is {version}, \
             and this popgate knows versions up to {VERSION}", file.display())]
    Newer {
        /// The configured file.
        file: PathBuf,
        /// Its version.
        version: i32,
    },
    /// It is a good database, and not a journal.
    #[error("{} is the database of another program: give [journal] a file of its own",
            file.display())]
    Foreign {
        /// The configured file.
        file: PathBuf,
    },
    /// Another popgate writes to it.
    #[error("another popgate has the journal {} open: wait until it has ended, or give each \
             [journal] a file of its own", file.display())]
    InUse {
        /// The configured file.
        file: PathBuf,
    },
    /// It is corrupt, and cannot be renamed.
    #[error("the journal {} is corrupt ({why}) and cannot be set aside: {source}", file.display())]
    Stuck {
        /// The configured file.
        file: PathBuf,
        /// What is wrong with it.
        why: String,
        /// What the system says.
        source: io::Error,
    },
    /// Names are to be hashed, and the key cannot be had.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The system gives no thread.
    #[error("cannot start the journal's thread: {0}")]
    Thread(io::Error),
}

/// SQLite keeps files beside its own, so that the folder has to be ours too.
fn rights(file: &Path, error: &rusqlite::Error) -> String {
    let codes = [
        ErrorCode::CannotOpen,
        ErrorCode::PermissionDenied,
        ErrorCode::ReadOnly,
    ];
    match error.sqlite_error_code() {
        Some(code) if codes.contains(&code) => whose(file),
        _ => String::new(),
    }
}

impl Journal {
    /// Opens the file, or makes it with mode 0600. A corrupt one is set aside for a new one.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or is not ours. It is left as it was.
    pub fn open(options: &JournalOptions) -> Result<Opened, JournalError> {
        let (mut loaded, set_aside) = load_or_set_aside(options)?;
        let blocks = mem::take(&mut loaded.blocks);
        let sharing = mem::take(&mut loaded.sharing);
        let notice = loaded.notice.take();
        let next_id = loaded.next_id;
        let last_block = loaded.last_block;
        let unreadable = |source| JournalError::File {
            file: options.file.clone(),
            source,
        };
        let opened = JournalFile::new(options.clone(), loaded).map_err(unreadable)?;
        Ok(Opened {
            journal: Self::start(opened, next_id).map_err(JournalError::Thread)?,
            blocks,
            last_block,
            sharing,
            set_aside,
            notice,
        })
    }
}

/// Loads the file; a corrupt one is set aside, and a new one made.
pub(super) fn load_or_set_aside(
    options: &JournalOptions,
) -> Result<(LoadedFile, Option<SetAside>), JournalError> {
    let file = &options.file;
    match load(options) {
        Ok(loaded) => Ok((loaded, None)),
        Err(Trouble::Corrupt(why)) => {
            let aside = set_aside(file, why)?;
            let loaded = load(options).map_err(|trouble| trouble.into_error(file))?;
            Ok((loaded, Some(aside)))
        }
        Err(trouble) => Err(trouble.into_error(file)),
    }
}

/// What can be wrong with a file.
#[derive(Debug)]
pub(super) enum Trouble {
    Corrupt(String),
    File(io::Error),
    Database(rusqlite::Error),
    Newer(i32),
    Foreign,
    InUse,
    Key(KeyFileError),
}

impl Trouble {
    fn into_error(self, file: &Path) -> JournalError {
        let file = file.to_owned();
        match self {
            Self::File(source) => JournalError::File { file, source },
            Self::Database(source) => JournalError::Database { file, source },
            Self::Newer(version) => JournalError::Newer { file, version },
            Self::Foreign => JournalError::Foreign { file },
            Self::InUse => JournalError::InUse { file },
            Self::Key(error) => error.into(),
            // A new file in the place of a corrupt one: the disk itself is not to be trusted.
            Self::Corrupt(why) => {
                let source = io::Error::other(why);
                JournalError::File { file, source }
            }
        }
    }
}

impl From<rusqlite::Error> for Trouble {
    fn from(error: rusqlite::Error) -> Self {
        if is_corruption(&error) {
            Self::Corrupt(error.to_string())
        } else {
            Self::Database(error)
        }
    }
}

/// Whether what was read is damaged.
pub(super) fn is_corruption(error: &rusqlite::Error) -> bool {
    use rusqlite::Error as E;
    match error {
        E::SqliteFailure(failure, _) => matches!(
            failure.code,
            ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
        ),
        // A value that no popgate wrote.
        E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) => true,
        E::IntegralValueOutOfRange(..) => true,
        _ => false,
    }
}

impl From<KeyFileError> for Trouble {
    fn from(error: KeyFileError) -> Self {
        Self::Key(error)
    }
}

/// A file that is open and checked, and what it holds.
#[derive(Debug)]
pub(super) struct LoadedFile {
    pub(super) database: Connection,
    /// Behind `database`, to be dropped after it: to close a file ends all locks that SQLite has
    /// on it.
    pub(super) lock: File,
    pub(super) blocks: Vec<BlockEntry>,
    pub(super) last_block: BlockId,
    pub(super) sharing: Vec<SharingFact>,
    pub(super) names: Names,
    pub(super) segments: Segments,
    pub(super) words: WordNumbers,
    pub(super) next_id: EntryId,
    pub(super) notice: Option<String>,
}

/// Opens and checks a file, and reads what it holds.
pub(super) fn load(options: &JournalOptions) -> Result<LoadedFile, Trouble> {
    let lock = lock(make(&options.file).map_err(Trouble::File)?)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(&options.file, flags)?;
    database.busy_timeout(JOURNAL_BUSY)?;
    // A WAL is left beside a corrupt file, instead of being worked into it.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    let version = version(&database)?;
    if version.is_some() {
        check(&database)?;
    }
    // What is in the WAL outlives the process, however that ends; the end of the machine may cost
    // the last transactions. `full` would wait for the disk with each.
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "normal")?;
    sort_in_memory(&database)?;
    migrate(&mut database, version)?;
    check_open_segments(&database)?;
    let prepared = match options.hash_users {
        true => hash_names(&mut database, &options.key_file)?,
        false => show_names(&mut database, &options.key_file)?,
    };
    let segments = Segments::read(&database, &prepared.names)?;
    seal_others(&mut database, &segments)?;
    let blocks = block_rows::read(&database, &prepared.names)?.entries;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok(LoadedFile {
        blocks,
        last_block: block_rows::last_id(&database)?,
        sharing: sharing_rows::read(&database, &prepared.names, Timestamp::now())?,
        segments,
        words: WordNumbers::read(&database)?,
        next_id: meta::next_id(&database)?,
        names: prepared.names,
        notice: prepared.notice,
        database,
        lock,
    })
}

/// What SQLite sorts, as it does for the indexes of a sealed segment, stays in memory, some
/// megabytes: a container that is read-only has no folder for temporary files.
pub(super) fn sort_in_memory(database: &Connection) -> rusqlite::Result<()> {
    database.pragma_update(None, "temp_store", "memory")
}

/// SQLite gives the files beside it the same mode.
fn make(file: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options.open(file)
}

/// Keeps another popgate from the file: both would give the same places to their entries. The one
/// before may be at its end, and is waited for; its lock ends with it, however it ends. SQLite's
/// own locks are of another kind, so that anybody may read.
#[expect(
    clippy::disallowed_methods,
    reason = "it runs on no thread that carries a session"
)]
fn lock(file: File) -> Result<File, Trouble> {
    for _ in 0..JOURNAL_LOCK_TRIES {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => thread::sleep(JOURNAL_LOCK_PAUSE),
            Err(TryLockError::Error(error)) => return Err(Trouble::File(error)),
        }
    }
    Err(Trouble::InUse)
}

/// Looks through the tables without which there is no history and no list. The others may have
/// gigabytes, and nobody is served meanwhile.
fn check(database: &Connection) -> Result<(), Trouble> {
    for table in SMALL_TABLES {
        let exists = "SELECT count(*) FROM sqlite_schema WHERE name = ?";
        if database.query_row(exists, [table], |row| row.get::<_, i64>(0))? > 0 {
            check_table(database, table)?;
        }
    }
    Ok(())
}

/// An open segment is written to, so that damage would spread.
fn check_open_segments(database: &Connection) -> Result<(), Trouble> {
    let mut statement = database.prepare("SELECT id FROM segment WHERE state = 'open'")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        check_table(database, &table_of(row.get(0)?))?;
    }
    Ok(())
}

fn check_table(database: &Connection, table: &str) -> Result<(), Trouble> {
    let verdict: String =
        database.query_row(&format!("PRAGMA quick_check({table})"), [], |row| {
            row.get(0)
        })?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Trouble::Corrupt(verdict))
}

/// The version of the file; none where nothing is in it yet. What is in it must be ours, and of a
/// version that we know.
fn version(database: &Connection) -> Result<Option<i32>, Trouble> {
    let number = |name| database.pragma_query_value(None, name, |row| row.get(0));
    let version: i32 = number("user_version")?;
    if number("application_id")? == APPLICATION {
        return match version {
            1..=VERSION => Ok(Some(version)),
            newer if newer > VERSION => Err(Trouble::Newer(newer)),
            other => Err(Trouble::Corrupt(format!("its version is {other}"))),
        };
    }
    let count = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = database.query_row(count, [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(None);
    }
    Err(Trouble::Foreign)
}

/// Makes the tables that a file of `version` has not yet.
fn migrate(database: &mut Connection, version: Option<i32>) -> rusqlite::Result<()> {
    if version == Some(VERSION) {
        return schema::index_times(database);
    }
    let transaction = database.transaction()?;
    match version {
        None => schema::create(&transaction)?,
        Some(1) => schema::migrate_from_1(&transaction)?,
        Some(2) => migration::from_2(&transaction)?,
        Some(_) => schema::migrate_from_3(&transaction)?,
    }
    schema::index_times(&transaction)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Gives a corrupt file, and those that SQLite keeps beside it, another name.
pub(super) fn set_aside(file: &Path, why: String) -> Result<SetAside, JournalError> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S.%3fZ");
    let aside = beside(file, &format!(".corrupt-{time}"));
    for suffix in [LOG, INDEX_OF_LOG] {
        // Mostly there is none; and without its database it is worth nothing.
        let _ = fs::rename(beside(file, suffix), beside(&aside, suffix));
    }
    match fs::rename(file, &aside) {
        Ok(()) => Ok(SetAside { file: aside, why }),
        Err(source) => Err(JournalError::Stuck {
            file: file.to_owned(),
            why,
            source,
        }),
    }
}

/// The file that has `suffix` behind its name.
pub(super) fn beside(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}
