//! What was found out about sharing, as rows: a gate must not forget it with its process.

use super::names::Names;
use super::values::{Cells, backends_of, names_of};
use crate::history::SharingFact;
use crate::ids::{BackendName, MaildropKey, TenantName, UserName};
use crate::limits::{NOT_SHAREABLE_FOR, UNSHAREABLE_KEPT_MAX};
use crate::policy::sharing::{BackendProof, BackendRecord, Unshareable};
use jiff::Timestamp;
use rusqlite::{Connection, Row, Transaction, params};

/// Writes a fact in the place of what stood there of it.
pub(super) fn write(
    transaction: &Transaction<'_>,
    fact: &SharingFact,
    names: &Names,
) -> rusqlite::Result<()> {
    match fact {
        SharingFact::Proven { backend, seen, at } => {
            let insert = "INSERT OR REPLACE INTO sharing_proof VALUES (?, ?, ?, ?)";
            transaction.prepare_cached(insert)?.execute(params![
                backend.as_str(),
                seen.ids_outlive_close,
                seen.lock_is_freed,
                at.as_microsecond(),
            ])?;
        }
        SharingFact::Unshareable {
            key,
            tenant,
            why,
            until,
        } => {
            let (name, sealed) = written(key.maildrop(), names)?;
            let insert = "INSERT OR REPLACE INTO unshareable VALUES (?, ?, ?, ?, ?, ?)";
            transaction.prepare_cached(insert)?.execute(params![
                name.as_bytes(),
                names_of(key.backends()),
                why.as_str(),
                tenant.as_str(),
                until.as_microsecond(),
                sealed,
            ])?;
        }
    }
    Ok(())
}

/// A name as it is written, and what it comes back from where that is a hash.
fn written(name: &UserName, names: &Names) -> rusqlite::Result<(UserName, Option<Vec<u8>>)> {
    let Some(key) = names.hashing() else {
        return Ok((name.clone(), None));
    };
    let cannot = |_| rusqlite::Error::ToSqlConversionFailure("no randomness".into());
    let sealed = key.seal(name).map_err(cannot)?;
    Ok((key.hash(name), Some(sealed)))
}

/// What holds at `now`. A backend that was found wanting is looked at anew after a day, as a
/// maildrop is: its server may be another one by then.
pub(super) fn read(
    database: &Connection,
    names: &Names,
    now: Timestamp,
) -> rusqlite::Result<Vec<SharingFact>> {
    let mut select = database.prepare("SELECT * FROM sharing_proof")?;
    let proofs = select
        .query_map([], proof)?
        .collect::<Result<Vec<_>, _>>()?;
    let since = now.checked_sub(NOT_SHAREABLE_FOR);
    let since = since.unwrap_or(Timestamp::MIN);
    let holds = |fact: &SharingFact| match fact {
        SharingFact::Proven { seen, at, .. } => {
            *at >= since || seen.verdict() != BackendProof::Refuted
        }
        SharingFact::Unshareable { .. } => true,
    };
    let proofs = proofs.into_iter().filter(holds);
    Ok(proofs.chain(maildrops(database, names, now)?).collect())
}

/// Those that are not shareable at `now`, and whose names can be read.
fn maildrops(
    database: &Connection,
    names: &Names,
    now: Timestamp,
) -> rusqlite::Result<Vec<SharingFact>> {
    let mut select = database.prepare("SELECT * FROM unshareable WHERE until > ?")?;
    let maildrops = select.query_map([now.as_microsecond()], |row| unshareable(row, names))?;
    maildrops.filter_map(Result::transpose).collect()
}

fn proof(row: &Row<'_>) -> rusqlite::Result<SharingFact> {
    let mut cells = Cells::new(row);
    Ok(SharingFact::Proven {
        backend: BackendName::new(&cells.text()?),
        seen: BackendRecord {
            ids_outlive_close: cells.take()?,
            lock_is_freed: cells.take()?,
        },
        at: cells.time()?,
    })
}

/// None where the name is sealed, and this key does not open it.
fn unshareable(row: &Row<'_>, names: &Names) -> rusqlite::Result<Option<SharingFact>> {
    let mut cells = Cells::new(row);
    let maildrop = UserName::new(&cells.octets()?.unwrap_or_default());
    let backends = backends_of(&cells.text()?);
    let why = cells.word(Unshareable::named)?;
    let tenant = TenantName::new(&cells.text()?);
    let until = cells.time()?;
    let sealed = cells.octets()?;
    let maildrop = match sealed {
        None => Some(maildrop),
        Some(sealed) => names.key.as_ref().and_then(|key| key.open(&sealed)),
    };
    Ok(maildrop.map(|maildrop| SharingFact::Unshareable {
        key: MaildropKey::new(&backends, &maildrop),
        tenant,
        why,
        until,
    }))
}

/// Forgets what holds no longer, and of the rest what is more than the file may have.
pub(super) fn forget(transaction: &Transaction<'_>, now: Timestamp) -> rusqlite::Result<()> {
    let over = "DELETE FROM unshareable WHERE until <= ?";
    transaction.execute(over, [now.as_microsecond()])?;
    let surplus = "DELETE FROM unshareable WHERE until <=
            (SELECT until FROM unshareable ORDER BY until DESC LIMIT 1 OFFSET ?)";
    transaction.execute(surplus, [UNSHAREABLE_KEPT_MAX])?;
    Ok(())
}

/// Writes all names anew, as `names` has them now. What the key of `before` does not open goes.
pub(super) fn rewrite_names(
    transaction: &Transaction<'_>,
    before: &Names,
    names: &Names,
) -> rusqlite::Result<()> {
    let maildrops = maildrops(transaction, before, Timestamp::MIN)?;
    transaction.execute_batch("DELETE FROM unshareable")?;
    maildrops
        .iter()
        .try_for_each(|fact| write(transaction, fact, names))
}
