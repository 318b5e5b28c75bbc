// The sessions at a lock: who holds it and who waits, and the kick of one of them.
import { path } from './api.js';
import { change } from './dialog.js';
import { h, minor, plain, typed } from './dom.js';
import { elapsed, gateNow, size } from './time.js';

const WAITERS_SHOWN = 3;

/**
 * An idle time grows from when the gate said it.
 * @param {any} lock
 * @param {string} [before] when it began as last said, which stays but for a difference that the way here can make
 */
export function withIdleSince(lock, before) {
  if (!lock.holder || lock.holder.idle_seconds === null) return lock;
  const at = gateNow() - lock.holder.idle_seconds * 1000;
  const isSame = before && Math.abs(at - Date.parse(before)) < 1500;
  const holder = { ...lock.holder, idle_since: isSame ? before : new Date(at).toISOString(), idle_seconds: null };
  return { ...lock, holder };
}

/** Who holds it, and what that session has done so far. @param {any} holder @param {string} maildrop */
export function holderOf(holder, maildrop) {
  const messages = holder.retrieved === 1 ? '1 message' : `${holder.retrieved} messages`;
  const octets = `${size(holder.bytes_to_client)} out · ${size(holder.bytes_to_backend)} in`;
  const idle = holder.idle_since ? [', idle ', elapsed(holder.idle_since)] : [];
  return h('div', { class: 'person' },
    h('p', {}, ...who(holder)),
    minor('for ', elapsed(holder.since), ...idle, ` · ${holder.phase.replace('waiting', 'paused').replace('_', ' ')}`),
    minor(`${holder.last_command ?? 'no command yet'} · ${messages} · ${octets}`),
    kickButton(holder, maildrop, 'holds'));
}

/** Who waits, in the order in which they are served. @param {any[]} waiters @param {string} maildrop */
export function waitersOf(waiters, maildrop) {
  if (waiters.length === 0) return minor('nobody');
  const items = waiters.map((waiter) => {
    const lane = waiter.lane === 'main' ? 'recently authenticated' : 'not yet authenticated';
    const wait = minor('for ', elapsed(waiter.since), ` · ${lane}`);
    return h('li', { class: 'person' }, h('p', {}, ...who(waiter)), wait, kickButton(waiter, maildrop, 'waits for'));
  });
  const rest = items.slice(WAITERS_SHOWN);
  const more = h('details', { 'data-key': 'more' }, h('summary', { 'data-key': 'more waiters' }, `${rest.length} more`),
    h('ol', { start: WAITERS_SHOWN + 1 }, ...rest));
  return h('div', {}, h('ol', {}, ...items.slice(0, WAITERS_SHOWN)), rest.length > 0 && more);
}

/** @param {{client: string, program: string | null}} session */
function who({ client, program }) {
  return [h('bdi', { class: 'address' }, client.replace(/:\d+$/, '')), program && h('span', {}, ' ', typed(program))];
}

/** @param {any} session @param {string} maildrop @param {'holds' | 'waits for'} does */
function kickButton(session, maildrop, does) {
  const isOver = session.phase === 'update' || session.phase === 'closing';
  return h('button', {
    type: 'button', class: 'kick', 'data-key': `kick ${session.session}`, disabled: isOver,
    title: isOver && 'It has sent QUIT, or is over: it ends by itself',
    'aria-label': `Kick session ${session.session}, which ${does} ${plain(maildrop)}`,
    click: () => kick(session, maildrop, does),
  }, 'Kick');
}

/** @param {any} session @param {string} maildrop @param {'holds' | 'waits for'} does */
function kick({ session, client, program }, maildrop, does) {
  const reason = h('input', { type: 'text', id: 'reason', maxlength: 200, autocomplete: 'off' });
  const effect = does === 'holds'
    ? 'Its connection is closed without QUIT: messages that it has marked as deleted stay, and its program may ' +
      'download some again. The first that waits is next.'
    : 'Its connection is closed while it waits, and its program may show an error. The session that holds the ' +
      'mailbox goes on.';
  const text = [
    h('p', {}, `${client}${program ? ` (${plain(program)})` : ''} ${does} `, typed(maildrop), '.'),
    effect,
    h('p', {}, h('label', { for: 'reason' }, 'Reason, for the log (optional)'), reason),
  ];
  const question = { title: `Kick session ${session}?`, action: 'Kick session', text, isNumbered: true };
  return change(question, path('sessions', session, 'kick'), () => `Session ${session} is kicked.`,
    () => (reason.value ? { reason: reason.value } : {}));
}
