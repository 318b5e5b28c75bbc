//! The file as the history asks it: on a thread of its own, so that a disk that hangs holds nobody
//! who could do with memory.

use super::reader::{FileContents, JournalReader, ReadError};
use crate::limits::{ADMIN_READS_MAX, HISTORY_FILE_PATIENCE};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

type Question = Box<dyn FnOnce(&JournalReader) + Send>;

/// Asks the file, and waits [`HISTORY_FILE_PATIENCE`] for each answer.
#[derive(Debug)]
pub(super) struct FileThread {
    questions: SyncSender<Question>,
    contents: Arc<FileLook>,
    trouble: Mutex<Option<String>>,
}

/// How much the file had at the last look.
#[derive(Debug)]
struct FileLook {
    last: Mutex<FileContents>,
    /// Another look waits for its turn: no more than one takes a place among the questions.
    is_due: AtomicBool,
}

impl FileThread {
    /// Reads at once how much the file has.
    pub(super) fn start(reader: JournalReader) -> Self {
        let contents = reader.contents();
        let trouble = contents.as_ref().err().map(ToString::to_string);
        // As many as ask at a time, and a look.
        let (questions, asked) = mpsc::sync_channel(ADMIN_READS_MAX + 1);
        let thread = thread::Builder::new().name("journal reader".to_owned());
        // Without a thread each question finds that nobody takes it, and says so.
        let _ = thread.spawn(move || answer(&reader, &asked));
        Self {
            questions,
            contents: Arc::new(FileLook {
                last: Mutex::new(contents.unwrap_or_default()),
                is_due: AtomicBool::new(false),
            }),
            trouble: Mutex::new(trouble),
        }
    }

    /// What `read` gives.
    ///
    /// # Errors
    /// The file cannot be read, or not in time: why.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&JournalReader) -> Result<T, ReadError> + Send + 'static,
    ) -> Result<T, String> {
        let (answer, answered) = mpsc::sync_channel(1);
        let question = move |reader: &JournalReader| {
            // Fails where nobody waits any more.
            let _ = answer.send(read(reader));
        };
        let found = match self.questions.try_send(Box::new(question)) {
            Ok(()) => answer_of(&answered),
            Err(TrySendError::Full(_)) => {
                Err("the journal has not answered earlier questions yet".to_owned())
            }
            Err(TrySendError::Disconnected(_)) => Err(NO_THREAD.to_owned()),
        };
        *self.trouble() = found.as_ref().err().cloned();
        found
    }

    /// How much the file had at the last look. Looks again, and does not wait for that.
    pub(super) fn contents(&self) -> FileContents {
        let contents = &self.contents;
        if !contents.is_due.swap(true, Ordering::AcqRel) {
            let due = Arc::clone(contents);
            let look = Box::new(move |reader: &JournalReader| due.look(reader));
            if self.questions.try_send(look).is_err() {
                contents.is_due.store(false, Ordering::Release);
            }
        }
        *contents.last()
    }

    /// Why the last question had no answer.
    pub(super) fn last_trouble(&self) -> Option<String> {
        self.trouble().clone()
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FileLook {
    fn look(&self, reader: &JournalReader) {
        self.is_due.store(false, Ordering::Release);
        if let Ok(now) = reader.contents() {
            *self.last() = now;
        }
    }

    fn last(&self) -> MutexGuard<'_, FileContents> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const NO_THREAD: &str = "the thread that reads the journal has ended: restart popgate";

fn answer_of<T>(answered: &Receiver<Result<T, ReadError>>) -> Result<T, String> {
    match answered.recv_timeout(HISTORY_FILE_PATIENCE) {
        Ok(found) => found.map_err(|error| error.to_string()),
        Err(RecvTimeoutError::Timeout) => Err(format!(
            "the journal does not answer within {HISTORY_FILE_PATIENCE:?}"
        )),
        Err(RecvTimeoutError::Disconnected) => Err(NO_THREAD.to_owned()),
    }
}

/// Until the history is gone.
fn answer(reader: &JournalReader, questions: &Receiver<Question>) {
    for question in questions {
        question(reader);
    }
}
