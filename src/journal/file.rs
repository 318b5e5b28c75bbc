//! The file as the thread has it: what a batch changes in it, its bounds, and what happens where it
//! goes away under the thread.

use super::block_rows;
use super::conversion::empty_log;
use super::meta;
use super::names::Names;
use super::notice_rows;
use super::open::{
    INDEX_OF_LOG, JournalError, LOG, LoadedFile, SetAside, beside, load_or_set_aside, set_aside,
};
use super::options::{JournalBounds, JournalOptions};
use super::queue::Batch;
use super::reader::FileState;
use super::segments::{Segments, drop_oldest, drop_surplus, seal_others};
use super::sharing_rows;
use super::words::WordNumbers;
use crate::history::{EntryId, SharingFact};
use crate::limits::JOURNAL_SIZE_RESERVE;
use crate::policy::block::BlockEntry;
use jiff::Timestamp;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;

/// The file, to be written to.
#[derive(Debug)]
pub(super) struct JournalFile {
    options: JournalOptions,
    names: Names,
    state: Arc<FileState>,
    open: Option<OpenFile>,
    /// The file that was open before, until another one is.
    gone: Option<GoneFile>,
    last_id: EntryId,
    loss: Option<Loss>,
}

#[derive(Debug)]
struct OpenFile {
    database: Connection,
    /// Behind `database`, as in [`LoadedFile`].
    _lock: File,
    identity: FileIdentity,
    /// The log beside it, once there is one.
    log: Option<FileIdentity>,
    segments: Segments,
    words: WordNumbers,
    /// When the last thing happened that was written, by the gate's clock.
    now: Timestamp,
}

/// What comes of a file into the next one, and what does not.
#[derive(Debug)]
struct GoneFile {
    blocks: Vec<BlockEntry>,
    sharing: Vec<SharingFact>,
    loss: Loss,
}

/// What is gone with its file.
#[derive(Debug)]
pub(super) struct Loss {
    /// Entries, changes and notices.
    pub(super) rows: u64,
    pub(super) why: String,
}

/// Which file stands under a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

/// Why something was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    /// SQLite cannot.
    #[error("{0}")]
    Database(#[from] rusqlite::Error),
    /// The file is gone, and no other can be had.
    #[error("{0}")]
    Open(#[from] JournalError),
    /// It cannot be looked at.
    #[error("{0}")]
    System(#[from] io::Error),
}

impl JournalFile {
    pub(super) fn new(options: JournalOptions, loaded: LoadedFile) -> io::Result<Self> {
        let state = FileState::new(options.file.clone(), loaded.names.clone());
        let file = Self {
            names: loaded.names.clone(),
            state: Arc::new(state),
            last_id: EntryId(loaded.next_id.0 - 1),
            open: Some(OpenFile::new(loaded, &options.file)?),
            options,
            gone: None,
            loss: None,
        };
        file.tell_size();
        Ok(file)
    }

    pub(super) fn state(&self) -> &Arc<FileState> {
        &self.state
    }

    /// Most octets of it.
    pub(super) fn size_max(&self) -> u64 {
        self.options.bounds.size
    }

    /// What was lost with a file since the last call.
    pub(super) fn take_loss(&mut self) -> Option<Loss> {
        self.loss.take()
    }

    /// Writes all of `batch`, or nothing.
    pub(super) fn write(&mut self, batch: &Batch) -> Result<(), WriteError> {
        self.follow_file()?;
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        let last_id = batch.last_id().max(Some(self.last_id));
        let last_id = last_id.unwrap_or(self.last_id);
        if let Err(error) = open.write(batch, last_id, &self.names) {
            return Err(self.failed(error));
        }
        if open.log.is_none() {
            open.log = FileIdentity::of(&beside(&self.options.file, LOG)).ok();
        }
        self.last_id = last_id;
        Ok(())
    }

    /// Seals what is complete, and drops what is too old or too much. Asked for by `upkeep`, which
    /// says what time it is, it looks at all; else only at what a batch changes.
    pub(super) fn keep_within_bounds(
        &mut self,
        upkeep: Option<Timestamp>,
    ) -> Result<(), WriteError> {
        if let Some(open) = &mut self.open
            && let Err(error) = open.keep_within(&self.options.bounds, upkeep)
        {
            return Err(self.failed(error));
        }
        self.tell_size();
        Ok(())
    }

    /// What `error` is, behind which the file may be of no use.
    fn failed(&mut self, error: rusqlite::Error) -> WriteError {
        if !is_corrupt(&error) {
            return error.into();
        }
        self.leave_file(&format!("it was corrupt ({error})"));
        match set_aside(&self.options.file, error.to_string()) {
            Ok(aside) => {
                self.add_to_loss(&format!("it is {} now", aside.file.display()));
                error.into()
            }
            Err(stuck) => stuck.into(),
        }
    }

    fn tell_size(&self) {
        if let Some(open) = &self.open {
            // What cannot be read is told where it is written.
            self.state
                .set_size(octets(&open.database, "page_count").unwrap_or(0));
        }
    }

    /// Goes on in the file that stands there, if it is another one than before.
    fn follow_file(&mut self) -> Result<(), WriteError> {
        if let Some(open) = &self.open {
            match FileIdentity::of(&self.options.file) {
                Ok(identity) if identity == open.identity => {
                    if !open.has_lost_log(&self.options.file) {
                        return Ok(());
                    }
                    self.leave_file_without_log()?;
                }
                Ok(_) => self.leave_nameless_file("another file was put in its place"),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.leave_nameless_file("it was deleted");
                }
                Err(error) => return Err(error.into()),
            }
        }
        self.begin_anew()
    }

    /// Closes a file that has no name any more, and removes its log, which SQLite would else work
    /// into the file that stands there now.
    fn leave_nameless_file(&mut self, why: &str) {
        let log = self.open.as_ref().and_then(|open| open.log);
        self.leave_file(why);
        let beside_ours = |suffix| beside(&self.options.file, suffix);
        if log.is_some() && FileIdentity::of(&beside_ours(LOG)).ok() == log {
            let _ = fs::remove_file(beside_ours(LOG));
            let _ = fs::remove_file(beside_ours(INDEX_OF_LOG));
        }
    }

    /// Closes a file whose log was deleted: it would end with the process, and has to be worked
    /// into the file before.
    fn leave_file_without_log(&mut self) -> rusqlite::Result<()> {
        let Some(open) = &mut self.open else {
            return Ok(());
        };
        empty_log(&open.database)?;
        keep_log_on_close(&open.database);
        self.open = None;
        Ok(())
    }

    /// Closes a file that has no name any more, or is of no use.
    fn leave_file(&mut self, why: &str) {
        let Some(open) = self.open.take() else { return };
        // A corrupt file gives what it can.
        let blocks = block_rows::read(&open.database, &self.names);
        let sharing = sharing_rows::read(&open.database, &self.names, open.now);
        // Where nobody can count them there were some, and the loss is to be told.
        let rows = rows(&open.database).unwrap_or(1);
        keep_log_on_close(&open.database);
        self.gone = Some(GoneFile {
            blocks: blocks.unwrap_or_default().entries,
            sharing: sharing.unwrap_or_default(),
            loss: Loss {
                rows,
                why: format!("{}: {why} while popgate ran", self.options.file.display()),
            },
        });
    }

    fn add_to_loss(&mut self, why: &str) {
        if let Some(gone) = &mut self.gone {
            gone.loss.why.push_str("; ");
            gone.loss.why.push_str(why);
        }
    }

    fn begin_anew(&mut self) -> Result<(), WriteError> {
        let (mut loaded, set_aside) = load_or_set_aside(&self.options)?;
        if let Some(SetAside { file, why }) = set_aside {
            let file = file.display();
            self.add_to_loss(&format!("that one was corrupt ({why}): it is {file} now"));
        }
        if let Some(notice) = &loaded.notice {
            self.add_to_loss(notice);
        }
        // Its key file may be another one too.
        self.names = loaded.names.clone();
        if loaded.next_id.0 > self.last_id.0 + 1 {
            // An open segment of it may have places that memory gives away again.
            seal_others(&mut loaded.database, &Segments::default())?;
            loaded.segments = Segments::default();
        }
        self.last_id = self.last_id.max(EntryId(loaded.next_id.0 - 1));
        let transaction = loaded.database.transaction()?;
        if let Some(gone) = &self.gone {
            gone.write(&transaction, &self.names)?;
        }
        meta::write_last_id(&transaction, self.last_id)?;
        transaction.commit()?;
        self.open = Some(OpenFile::new(loaded, &self.options.file)?);
        self.loss = self.gone.take().map(|gone| gone.loss);
        self.state.is_replaced(self.names.clone());
        Ok(())
    }
}

impl GoneFile {
    /// Writes what comes of it into the next one.
    fn write(&self, transaction: &Transaction<'_>, names: &Names) -> rusqlite::Result<()> {
        for entry in &self.blocks {
            block_rows::put(transaction, entry, names)?;
        }
        for fact in &self.sharing {
            sharing_rows::write(transaction, fact, names)?;
        }
        Ok(())
    }
}

impl OpenFile {
    fn new(loaded: LoadedFile, file: &Path) -> io::Result<Self> {
        Ok(Self {
            database: loaded.database,
            _lock: loaded.lock,
            identity: FileIdentity::of(file)?,
            log: FileIdentity::of(&beside(file, LOG)).ok(),
            segments: loaded.segments,
            words: loaded.words,
            now: Timestamp::MIN,
        })
    }

    fn has_lost_log(&self, file: &Path) -> bool {
        self.log.is_some() && FileIdentity::of(&beside(file, LOG)).ok() != self.log
    }

    fn write(&mut self, batch: &Batch, last_id: EntryId, names: &Names) -> rusqlite::Result<()> {
        let last_word = self.words.last();
        let written = self.write_all(batch, last_id, names);
        if written.is_err() {
            self.words.forget_behind(last_word);
        }
        written
    }

    fn write_all(
        &mut self,
        batch: &Batch,
        last_id: EntryId,
        names: &Names,
    ) -> rusqlite::Result<()> {
        if batch.len() == 0 {
            return Ok(());
        }
        let now = batch.time().unwrap_or(self.now);
        // As it is behind the transaction, if that comes to its end.
        let mut segments = self.segments.clone();
        let transaction = self
            .database
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        for change in &batch.changes {
            block_rows::write(&transaction, change, names)?;
        }
        for notice in &batch.notices {
            notice_rows::write(&transaction, notice, names)?;
        }
        for fact in &batch.facts {
            sharing_rows::write(&transaction, fact, names)?;
        }
        segments.append(&transaction, &batch.entries, names, &mut self.words, now)?;
        meta::write_last_id(&transaction, last_id)?;
        transaction.commit()?;
        self.segments = segments;
        self.now = now;
        Ok(())
    }

    fn keep_within(
        &mut self,
        bounds: &JournalBounds,
        upkeep: Option<Timestamp>,
    ) -> rusqlite::Result<()> {
        self.now = upkeep.unwrap_or(self.now);
        let has_sealed = self.segments.seal(&mut self.database, bounds, self.now)?;
        if has_sealed || upkeep.is_some() {
            drop_surplus(&mut self.database, bounds, self.now)?;
        }
        let most = bounds.size - bounds.size / JOURNAL_SIZE_RESERVE;
        // Before a segment leaves for want of room, remarks beyond their share do.
        if upkeep.is_some() || self.used()? > most {
            self.forget_remarks(bounds)?;
        }
        while self.used()? > most {
            if drop_oldest(&mut self.database)? {
                continue;
            }
            if !self.segments.seal_oldest(&mut self.database)? {
                break;
            }
        }
        Ok(())
    }

    fn forget_remarks(&mut self, bounds: &JournalBounds) -> rusqlite::Result<()> {
        let oldest = self.now.checked_sub(bounds.keep);
        let oldest = oldest.unwrap_or(Timestamp::MIN);
        let transaction = self.database.transaction()?;
        notice_rows::forget(&transaction, oldest, bounds.size)?;
        sharing_rows::forget(&transaction, self.now)?;
        transaction.commit()
    }

    /// Octets of the file that hold something.
    fn used(&self) -> rusqlite::Result<u64> {
        let all = octets(&self.database, "page_count")?;
        Ok(all.saturating_sub(octets(&self.database, "freelist_count")?))
    }
}

impl FileIdentity {
    fn of(file: &Path) -> io::Result<Self> {
        let metadata = fs::metadata(file)?;
        Ok(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
        })
    }
}

/// Else SQLite would remove the log that has the name of this one's, whosever it is.
fn keep_log_on_close(database: &Connection) {
    let keep_log = DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    let _ = database.set_db_config(keep_log, true);
}

/// The octets of so many pages as `pragma` says.
fn octets(database: &Connection, pragma: &str) -> rusqlite::Result<u64> {
    let number = |name| database.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let pages = number(pragma)?;
    Ok(pages.cast_unsigned() * number("page_size")?.cast_unsigned())
}

/// Entries, changes and notices of a file.
fn rows(database: &Connection) -> rusqlite::Result<u64> {
    let sum = "SELECT (SELECT coalesce(sum(rows), 0) FROM span)
        + (SELECT count(*) FROM block_change) + (SELECT count(*) FROM notice)";
    let rows: i64 = database.query_row(sum, [], |row| row.get(0))?;
    Ok(rows.cast_unsigned())
}

pub(super) fn is_corrupt(error: &rusqlite::Error) -> bool {
    let codes = [ErrorCode::DatabaseCorrupt, ErrorCode::NotADatabase];
    error
        .sqlite_error_code()
        .is_some_and(|code| codes.contains(&code))
}
