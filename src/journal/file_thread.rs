//! The file as the history asks it: on a thread of its own, so that a disk that hangs holds nobody
//! who could do with memory.

use super::reader::{FileContents, JournalReader, ReadError};
use crate::limits::{ADMIN_READS_MAX, HISTORY_FILE_PATIENCE};
use std::sync::mpsc::{self, Receiver, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

type Question = Box<dyn FnOnce(&JournalReader) + Send>;

/// Asks the file, and waits [`HISTORY_FILE_PATIENCE`] for each answer.
#[derive(Debug)]
pub(super) struct FileThread {
    questions: SyncSender<Question>,
    contents: Arc<Mutex<FileContents>>,
    trouble: Mutex<Option<String>>,
}

impl FileThread {
    /// Reads at once how much the file has.
    pub(super) fn start(reader: JournalReader) -> Self {
        let contents = reader.contents();
        let trouble = contents.as_ref().err().map(ToString::to_string);
        let (questions, asked) = mpsc::sync_channel(ADMIN_READS_MAX);
        let thread = thread::Builder::new().name("journal reader".to_owned());
        // Without a thread each question finds that nobody takes it, and says so.
        let _ = thread.spawn(move || answer(&reader, &asked));
        Self {
            questions,
            contents: Arc::new(Mutex::new(contents.unwrap_or_default())),
            trouble: Mutex::new(trouble),
        }
    }

    /// What `read` gives; none where the file cannot be read, or not in time.
    pub(super) fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&JournalReader) -> Result<T, ReadError> + Send + 'static,
    ) -> Option<T> {
        let (answer, answered) = mpsc::sync_channel(1);
        let question = move |reader: &JournalReader| {
            // Fails where nobody waits any more.
            let _ = answer.send(read(reader));
        };
        let found = match self.questions.try_send(Box::new(question)) {
            Ok(()) => answered.recv_timeout(HISTORY_FILE_PATIENCE),
            Err(_) => Err(mpsc::RecvTimeoutError::Timeout),
        };
        let found = match found {
            Ok(found) => found.map_err(|error| error.to_string()),
            Err(_) => Err(format!(
                "the journal does not answer within {HISTORY_FILE_PATIENCE:?}"
            )),
        };
        *self.trouble() = found.as_ref().err().cloned();
        found.ok()
    }

    /// How much the file had at the last look. Looks again, and does not wait for that.
    pub(super) fn contents(&self) -> FileContents {
        let contents = Arc::clone(&self.contents);
        let look = move |reader: &JournalReader| {
            if let Ok(now) = reader.contents() {
                *contents.lock().unwrap_or_else(PoisonError::into_inner) = now;
            }
        };
        // There is no room where the last looks have not ended: their answers will do.
        let _ = self.questions.try_send(Box::new(look));
        *self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why the last question had no answer.
    pub(super) fn last_trouble(&self) -> Option<String> {
        self.trouble().clone()
    }

    fn trouble(&self) -> MutexGuard<'_, Option<String>> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Until the history is gone.
fn answer(reader: &JournalReader, questions: &Receiver<Question>) {
    for question in questions {
        question(reader);
    }
}
