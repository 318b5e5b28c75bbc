//! One user: what a login leads to, and what is known of its maildrop.

use super::AdminHandle;
use super::convert::{lock_id, lock_info, program, session_info};
use crate::admin::blocks::BlockView;
use crate::admin::model::{LimitInfo, LoginInfo, PenaltyInfo, PollInfo, UserInfo};
use crate::admin::{UserQuery, UserView};
use crate::config::limits_in_force;
use crate::ids::{ClientPrefix, ListenerName, MaildropKey};
use crate::observe::recent::RecentLogin;
use crate::policy::block::{BlockEntry, BlockFilter, BlockTarget, ListedBlock};
use crate::policy::rules::PollMode;
use crate::policy::tenant::{LoginPolicy, TenantClaim, TenantTable};
use crate::time::Moment;
use std::collections::BTreeSet;

impl UserView for AdminHandle {
    fn user(&self, query: &UserQuery) -> UserInfo {
        let now = self.cx.moment();
        let settings = self.cx.settings();
        let nowhere = ListenerName::new("");
        let listener = query.listener.as_ref().unwrap_or(&nowhere);
        let server_name = query.server_name.as_deref();
        // By the same call as a session, so that this cannot show another lock than it would have.
        let identity = (settings.tenants).identify(&query.login, server_name, listener);
        let depends_on_connection = identity.claim == TenantClaim::Nobody
            && depends_on_connection(query, &settings.tenants);
        let key = identity.key;
        let policy = &**identity.policy;
        let recent = self.memory.recent.of(&key, now.instant);
        let sessions = self.cx.sessions.views_in(&key);
        let lock = self.cx.locks.view(&key);
        let explained = self.explained(&key, now);
        UserInfo {
            login: query.login.to_string(),
            maildrop: key.to_string(),
            lock_id: lock_id(&key),
            tenant: policy.name.to_string(),
            backends: key.backends().iter().map(ToString::to_string).collect(),
            depends_on_connection,
            lock: lock.map(|lock| lock_info(&lock, &self.cx.sessions, now)),
            sessions: sessions.iter().map(|it| session_info(it, now)).collect(),
            limits: limits(policy),
            sharing: self.sharing(&key, policy, now.instant),
            polls: self.early_polls(&key, policy, now),
            blocks: self.blocks_of(&key, &prefixes(&recent), now),
            penalties: self.penalties(&prefixes(&recent), policy, now),
            last_logins: recent.into_iter().map(login_info).collect(),
            causes_of: explained.as_ref().map(|it| it.asked),
            causes: explained.map_or_else(Vec::new, |it| it.causes),
        }
    }
}

/// A domain decides alone.
fn depends_on_connection(query: &UserQuery, tenants: &TenantTable) -> bool {
    let is_told = query.listener.is_some() || query.server_name.is_some();
    let is_by_connection = |claim: &TenantClaim<'_>| {
        matches!(claim, TenantClaim::Listener(_) | TenantClaim::ServerName(_))
    };
    !is_told
        && !query.login.as_bytes().contains(&b'@')
        && tenants.claims().any(|(claim, _)| is_by_connection(&claim))
}

fn limits(policy: &LoginPolicy) -> Vec<LimitInfo> {
    limits_in_force(policy)
        .into_iter()
        .map(|limit| LimitInfo {
            name: limit.key,
            value: limit.value,
            set_by: limit.set_by.as_str().to_owned(),
        })
        .collect()
}

/// Those of this name, on whatever backends.
fn of_name(key: &MaildropKey) -> BlockFilter {
    BlockFilter {
        maildrop: Some(key.to_string()),
        ..BlockFilter::default()
    }
}

/// Who its last logins came from.
fn prefixes(recent: &[RecentLogin]) -> BTreeSet<ClientPrefix> {
    recent
        .iter()
        .map(|login| login.client.ip().into())
        .collect()
}

impl AdminHandle {
    fn early_polls(&self, key: &MaildropKey, policy: &LoginPolicy, now: Moment) -> Vec<PollInfo> {
        let rules = &policy.rules.polls;
        if rules.mode == PollMode::Off {
            return Vec::new();
        }
        let early = self.cx.admission.local.polls.early(key, rules, now.instant);
        early
            .into_iter()
            .map(|poll| PollInfo {
                address: poll.client.map(|client| client.to_string()),
                next: now.wall_at(poll.next),
            })
            .collect()
    }

    /// Those for the maildrop, and those for whole addresses; at last those that may be blocked.
    fn blocks_of(
        &self,
        key: &MaildropKey,
        prefixes: &BTreeSet<ClientPrefix>,
        now: Moment,
    ) -> Vec<BlockView> {
        let blocks = &self.cx.admission.shared.blocks;
        let found = self.block_entries_of(key, prefixes, now);
        let mut rows: Vec<_> = found.into_iter().map(ListedBlock::Entry).collect();
        let counting = blocks.counting(&of_name(key), now.wall).into_iter();
        rows.extend(
            counting.filter(|row| row.id().is_none() && row.target().key.as_ref() == Some(key)),
        );
        let targets: Vec<_> = rows.iter().map(|row| row.target().clone()).collect();
        let transient = blocks.transient(&targets, now.wall);
        rows.iter()
            .zip(transient)
            .map(|(row, transient)| BlockView::of(row, transient))
            .collect()
    }

    /// Those for the maildrop, and those for whole addresses.
    pub(super) fn block_entries_of(
        &self,
        key: &MaildropKey,
        prefixes: &BTreeSet<ClientPrefix>,
        now: Moment,
    ) -> Vec<BlockEntry> {
        let blocks = &self.cx.admission.shared.blocks;
        let mut found = blocks.entries(&of_name(key), now.wall);
        // A filter knows a name, and not on which backends it is.
        found.retain(|entry| entry.target.key.as_ref() == Some(key));
        for &prefix in prefixes {
            found.extend(blocks.entry(&BlockTarget::all_of(prefix), now.wall));
        }
        found
    }

    fn penalties(
        &self,
        prefixes: &BTreeSet<ClientPrefix>,
        policy: &LoginPolicy,
        now: Moment,
    ) -> Vec<PenaltyInfo> {
        let penalties = &self.cx.admission.local.penalties;
        let rules = &policy.rules.failures;
        prefixes
            .iter()
            .filter_map(|&prefix| {
                let standing = penalties.standing(prefix, rules, now.instant)?;
                Some(PenaltyInfo {
                    address: prefix.to_string(),
                    wrong_logins: standing.wrong_logins,
                    next_delay_seconds: standing.next_delay.as_secs_f64(),
                })
            })
            .collect()
    }
}

fn login_info(login: RecentLogin) -> LoginInfo {
    LoginInfo {
        at: login.at,
        session: login.session.0,
        client: login.client.to_string(),
        program: program(login.program),
        end: login.end.as_str().to_owned(),
        sentence: login.sentence.into(),
        waited_seconds: login.waited.as_secs_f64(),
        held_seconds: login.held.as_secs_f64(),
        retrieved: login.retrieved,
    }
}
