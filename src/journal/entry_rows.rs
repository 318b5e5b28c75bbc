//! Entries of the history as rows of a segment.

use super::schema::ENTRY_COLUMNS;
use super::values::{Cells, RowBuilder, backends_of, names_of};
use super::words::WordNumbers;
use crate::dialect::Class;
use crate::history::{
    BackendAnswer, CauseName, EarlyLogin, Encryption, End, EntryId, HistoryEntry, HistoryLogin,
    ListingUse, StoredEntry, TlsParameters,
};
use crate::ids::{
    BackendName, ClientPrefix, ListenerName, MaildropKey, SessionId, TenantName, UserName,
};
use crate::policy::poll::PollDecision;
use crate::policy::refusal::LoginRule;
use crate::policy::sharing::LetInReason;
use crate::program::{Confidence, Family, ProgramGuess, Trace};
use rusqlite::types::Null;
use rusqlite::{Connection, Row, Statement};
use std::borrow::Cow;
use std::sync::Arc;

/// The statement that [`insert`] runs.
pub(super) fn insert_into(table: &str) -> String {
    let places = vec!["?"; ENTRY_COLUMNS.len()].join(", ");
    format!("INSERT INTO {table} VALUES ({places})")
}

/// Columns behind those that every entry has, which are null without a login.
const LOGIN_COLUMNS: usize = 26;

/// Writes `stored` by a statement of [`insert_into`].
/// `words`, which are added to, are those of `database`.
pub(super) fn insert(
    statement: &mut Statement<'_>,
    stored: &StoredEntry,
    words: &mut WordNumbers,
    database: &Connection,
) -> rusqlite::Result<()> {
    let mut row = RowBuilder::new(statement, words, database);
    session(&mut row, stored)?;
    match &stored.entry.login {
        Some(it) => login(&mut row, it)?,
        None => {
            for _ in 0..LOGIN_COLUMNS {
                row.put(Null)?;
            }
        }
    }
    row.insert()
}

fn session(row: &mut RowBuilder<'_, '_>, stored: &StoredEntry) -> rusqlite::Result<()> {
    let entry = &stored.entry;
    let login = entry.login.as_deref();
    row.count(stored.id.0)?;
    row.time(entry.opened)?;
    row.time(entry.ended)?;
    row.word(entry.end.as_str())?;
    match login {
        Some(login) => row.name(login.key.maildrop().as_bytes())?,
        None => row.put(Null)?,
    }
    row.count(ClientPrefix::from(entry.client.ip()).number())?;
    row.word_or_null(login.map(|it| it.tenant.as_str()))?;
    row.count(entry.session.0)?;
    row.time(stored.gate_started)?;
    row.word(entry.listener.as_str())?;
    row.put(entry.port)?;
    row.put(entry.client.to_string())?;
    encryption(row, &entry.encryption)?;
    match &entry.server_name {
        Some(name) => row.repeated_text(name)?,
        None => row.put(Null)?,
    }
    row.word(entry.cause.as_str())?;
    // A name in the words of others must leave the file with its row.
    match entry.cause.fixed_sentence() {
        Some(fixed) if fixed == &*entry.sentence => row.word(fixed)?,
        _ => row.put(&*entry.sentence)?,
    }
    row.put(entry.answer.as_deref())?;
    row.duration(entry.idle)?;
    row.count(entry.commands)?;
    row.word(entry.program.family.as_str())?;
    row.word(entry.program.confidence.as_str())?;
    row.put(entry.is_twin)?;
    row.repeated_text(&entry.trace.to_text())
}

fn encryption(row: &mut RowBuilder<'_, '_>, encryption: &Encryption) -> rusqlite::Result<()> {
    let (word, tls) = match encryption {
        Encryption::None => ("none", None),
        Encryption::Stls(tls) => ("stls", Some(tls)),
        Encryption::Implicit(tls) => ("tls", Some(tls)),
    };
    row.word(word)?;
    row.word_or_null(tls.map(|it| &*it.version))?;
    row.word_or_null(tls.map(|it| &*it.cipher))
}

fn login(row: &mut RowBuilder<'_, '_>, login: &HistoryLogin) -> rusqlite::Result<()> {
    let answer = login.backend_answer.as_ref();
    row.name(login.name.as_bytes())?;
    row.put(names_of(login.key.backends()))?;
    row.time(login.asked)?;
    row.put(login.proven)?;
    row.word_or_null(login.backend.as_ref().map(BackendName::as_str))?;
    row.put(login.entered)?;
    row.put(login.ahead)?;
    row.duration(login.delayed)?;
    row.duration(login.waited)?;
    row.put(login.granted.map(jiff::Timestamp::as_microsecond))?;
    row.duration(login.held)?;
    row.put(login.locked_replies)?;
    row.word_or_null(answer.map(|it| it.class.as_str()))?;
    row.put(answer.map(|it| &*it.line))?;
    row.word_or_null(login.rule.map(LoginRule::as_str))?;
    row.word_or_null(login.early.map(|it| it.decision.as_str()))?;
    match login.early {
        Some(it) => row.duration(it.early)?,
        None => row.put(Null)?,
    }
    row.put(login.listed.map(u64::cast_signed))?;
    row.count(login.retrieved)?;
    row.count(login.deleted)?;
    row.count(login.marked)?;
    row.count(login.bytes_to_client)?;
    row.count(login.bytes_to_backend)?;
    row.word_or_null(login.listing.let_in.map(LetInReason::as_str))?;
    row.put(login.listing.demotions)?;
    row.put(login.listing.promotions)
}

/// Reads a row with all columns.
pub(super) fn read(row: &Row<'_>, words: &WordNumbers) -> rusqlite::Result<StoredEntry> {
    let mut cells = Cells::with_words(row, words);
    let id = EntryId(cells.count()?);
    let opened = cells.time()?;
    let ended = cells.time()?;
    let end = cells.word(End::named)?;
    let maildrop = cells.octets()?;
    cells.skip();
    let tenant = cells.text_or_none()?;
    let session = SessionId(cells.count()?);
    let gate_started = cells.time()?;
    let mut entry = HistoryEntry {
        session,
        opened,
        ended,
        listener: ListenerName::new(&cells.text()?),
        port: cells.take()?,
        client: cells.parse()?,
        encryption: read_encryption(&mut cells)?,
        server_name: cells.boxed_text()?,
        login: None,
        end,
        cause: cells.word(CauseName::named)?,
        sentence: cells.text()?.into(),
        answer: cells.boxed_text()?,
        idle: cells.duration()?,
        commands: cells.count()?,
        program: ProgramGuess {
            family: cells.word(Family::named)?,
            confidence: cells.word(Confidence::named)?,
        },
        is_twin: cells.take()?,
        trace: Trace::from_text(&cells.text()?),
    };
    if let (Some(maildrop), Some(tenant)) = (maildrop, tenant) {
        let tenant = TenantName::new(&tenant);
        entry.login = Some(Box::new(read_login(&mut cells, &maildrop, tenant)?));
    }
    Ok(StoredEntry {
        id,
        gate_started,
        entry: Arc::new(entry),
    })
}

fn read_encryption(cells: &mut Cells<'_>) -> rusqlite::Result<Encryption> {
    let kind = cells.word(|word| match word {
        "none" => Some(None),
        "stls" => Some(Some(Encryption::Stls as fn(TlsParameters) -> Encryption)),
        "tls" => Some(Some(Encryption::Implicit)),
        _ => None,
    })?;
    let version = cells.text_or_none()?;
    let cipher = cells.text_or_none()?;
    let tls = TlsParameters {
        version: Cow::Owned(version.unwrap_or_default()),
        cipher: Cow::Owned(cipher.unwrap_or_default()),
    };
    Ok(kind.map_or(Encryption::None, |with| with(tls)))
}

fn read_login(
    cells: &mut Cells<'_>,
    maildrop: &[u8],
    tenant: TenantName,
) -> rusqlite::Result<HistoryLogin> {
    let name = UserName::new(&cells.octets()?.unwrap_or_default());
    let backends = backends_of(&cells.text()?);
    Ok(HistoryLogin {
        name,
        key: MaildropKey::new(&backends, &UserName::new(maildrop)),
        tenant,
        asked: cells.time()?,
        proven: cells.take()?,
        backend: cells.text_or_none()?.map(|name| BackendName::new(&name)),
        entered: cells.take()?,
        ahead: cells.take()?,
        delayed: cells.duration()?,
        waited: cells.duration()?,
        granted: cells.time_or_none()?,
        held: cells.duration()?,
        locked_replies: cells.take()?,
        backend_answer: read_answer(cells)?,
        rule: cells.word_or_none(LoginRule::named)?,
        early: read_early(cells)?,
        listed: cells.take::<Option<i64>>()?.map(i64::cast_unsigned),
        retrieved: cells.count()?,
        deleted: cells.count()?,
        marked: cells.count()?,
        bytes_to_client: cells.count()?,
        bytes_to_backend: cells.count()?,
        listing: read_listing(cells)?,
    })
}

/// Segments that were sealed before version 4 have no such columns.
fn read_listing(cells: &mut Cells<'_>) -> rusqlite::Result<ListingUse> {
    if cells.are_all_read() {
        return Ok(ListingUse::default());
    }
    Ok(ListingUse {
        let_in: cells.word_or_none(LetInReason::named)?,
        demotions: cells.take::<Option<u32>>()?.unwrap_or_default(),
        promotions: cells.take::<Option<u32>>()?.unwrap_or_default(),
    })
}

fn read_answer(cells: &mut Cells<'_>) -> rusqlite::Result<Option<BackendAnswer>> {
    let named = |word: &str| Class::ALL.into_iter().find(|it| it.as_str() == word);
    let class = cells.word_or_none(named)?;
    let line = cells.boxed_text()?;
    Ok(class.map(|class| BackendAnswer {
        class,
        line: line.unwrap_or_default(),
    }))
}

fn read_early(cells: &mut Cells<'_>) -> rusqlite::Result<Option<EarlyLogin>> {
    let Some(decision) = cells.word_or_none(PollDecision::named)? else {
        cells.skip();
        return Ok(None);
    };
    Ok(Some(EarlyLogin {
        decision,
        early: cells.duration()?,
    }))
}
