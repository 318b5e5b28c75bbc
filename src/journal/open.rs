//! Opening the file: new, ours, somebody else's, or corrupt and set aside.

use super::rows;
use super::writer::Journal;
use crate::access::{advice, whose};
use crate::limits::JOURNAL_BUSY;
use crate::policy::block::BlockEntry;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::ffi::OsString;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Says whose file it is: `popg`.
const APPLICATION: i32 = i32::from_be_bytes(*b"popg");

/// What the tables look like. A higher one is of a newer popgate.
const VERSION: i32 = 1;

/// A journal and what it held.
#[derive(Debug)]
pub struct Opened {
    /// The journal, ready to write.
    pub journal: Journal,
    /// The block list of the process before.
    pub blocks: Vec<BlockEntry>,
    /// What was there and could not be read.
    pub set_aside: Option<SetAside>,
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
    /// Opens `file`, or makes it with mode 0600. A corrupt one is set aside for a new one.
    ///
    /// # Errors
    ///
    /// If it cannot be opened, or is not ours. It is left as it was.
    pub fn open(file: &Path) -> Result<Opened, JournalError> {
        let (loaded, set_aside) = match load(file) {
            Ok(loaded) => (loaded, None),
            Err(Trouble::Corrupt(why)) => {
                let aside = set_aside(file, why)?;
                let loaded = load(file).map_err(|trouble| trouble.into_error(file))?;
                (loaded, Some(aside))
            }
            Err(trouble) => return Err(trouble.into_error(file)),
        };
        let (database, blocks) = loaded;
        Ok(Opened {
            journal: Self::start(database).map_err(JournalError::Thread)?,
            blocks,
            set_aside,
        })
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
}

impl Trouble {
    fn into_error(self, file: &Path) -> JournalError {
        let file = file.to_owned();
        match self {
            Self::File(source) => JournalError::File { file, source },
            Self::Database(source) => JournalError::Database { file, source },
            Self::Newer(version) => JournalError::Newer { file, version },
            Self::Foreign => JournalError::Foreign { file },
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
        use rusqlite::Error as E;
        let is_corrupt = match &error {
            E::SqliteFailure(failure, _) => matches!(
                failure.code,
                ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase
            ),
            // A value that no popgate wrote.
            E::FromSqlConversionFailure(..) | E::InvalidColumnType(..) => true,
            E::IntegralValueOutOfRange(..) => true,
            _ => false,
        };
        if is_corrupt {
            Self::Corrupt(error.to_string())
        } else {
            Self::Database(error)
        }
    }
}

/// Opens and checks a file, and reads what it holds.
pub(super) fn load(file: &Path) -> Result<(Connection, Vec<BlockEntry>), Trouble> {
    make(file).map_err(Trouble::File)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut database = Connection::open_with_flags(file, flags)?;
    database.busy_timeout(JOURNAL_BUSY)?;
    // A WAL is left beside a corrupt file, instead of being worked into it.
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    check(&database)?;
    let is_new = is_new(&database)?;
    // What is in the WAL outlives the process, however that ends; the end of the machine may cost
    // the last transactions. `full` would wait for the disk with each.
    database.pragma_update(None, "journal_mode", "wal")?;
    database.pragma_update(None, "synchronous", "normal")?;
    if is_new {
        create(&mut database)?;
    }
    let blocks = rows::read(&database)?;
    database.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false)?;
    Ok((database, blocks))
}

/// SQLite gives the files beside it the same mode.
fn make(file: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).mode(0o600);
    options.open(file).map(drop)
}

fn check(database: &Connection) -> Result<(), Trouble> {
    let verdict: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Trouble::Corrupt(verdict))
}

/// Whether nothing is in it yet. What is in it must be ours, and of a version that we know.
fn is_new(database: &Connection) -> Result<bool, Trouble> {
    let number = |name| database.pragma_query_value(None, name, |row| row.get(0));
    let version: i32 = number("user_version")?;
    if number("application_id")? == APPLICATION {
        return match version {
            VERSION => Ok(false),
            newer if newer > VERSION => Err(Trouble::Newer(newer)),
            other => Err(Trouble::Corrupt(format!("its version is {other}"))),
        };
    }
    let count = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = database.query_row(count, [], |row| row.get(0))?;
    if tables == 0 {
        return Ok(true);
    }
    Err(Trouble::Foreign)
}

fn create(database: &mut Connection) -> rusqlite::Result<()> {
    let transaction = database.transaction()?;
    transaction.execute_batch(rows::TABLES)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Gives a corrupt file, and those that SQLite keeps beside it, another name.
fn set_aside(file: &Path, why: String) -> Result<SetAside, JournalError> {
    let time = Timestamp::now().strftime("%Y%m%dT%H%M%S.%3fZ");
    let aside = with_suffix(file, &format!(".corrupt-{time}"));
    for beside in ["-wal", "-shm"] {
        // Mostly there is none; and without its database it is worth nothing.
        let _ = fs::rename(with_suffix(file, beside), with_suffix(&aside, beside));
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

fn with_suffix(file: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(file);
    name.push(suffix);
    PathBuf::from(name)
}
