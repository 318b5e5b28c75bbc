// The sessions at a lock: who holds it and who waits, and the kick of one of them.
import { path } from './api.js';
import { change } from './dialog.js';
import { button, h, minor, plain, typed } from './dom.js';
import { elapsed, gateNow, size } from './time.js';

const WAITERS_SHOWN = 3;

/** An idle time grows from when the gate said it. @param {any} lock
 * @param {string} [before] when it began as last said, which stays but for a difference that the way here can make */
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

/** Who is logged in on a listing, without the mailbox. @param {any[]} sessions SessionInfos of the API */
export const viewersOf = (sessions) => sessions.filter(({ phase }) => phase === 'viewing').map((session) =>
  h('li', { class: 'person' }, h('p', {}, ...who(session)), minor(String(session.listing).replace('_', ' '))));

/** @param {any} session with its gate where that is another */
function who({ client, program, gate }) {
  const address = h('bdi', { class: 'address' }, client.replace(/:\d+$/, ''));
  return [address, program && h('span', {}, ' ', typed(program)), gate && h('span', {}, ' at ', typed(gate.name))];
}

/** @param {any} session @param {string} maildrop @param {'holds' | 'waits for'} does */
function kickButton(session, maildrop, does) {
  const isOver = session.phase === 'update' || session.phase === 'closing';
  const label = `Kick ${named(session)}, which ${does} ${plain(maildrop)}`;
  return button('Kick', label, () => kick(session, maildrop, does), {
    class: 'kick', 'data-key': `kick ${named(session)}`, disabled: isOver,
    title: isOver && 'It has sent QUIT, or is over: it ends by itself',
  });
}

/** @param {any} session */
function named({ session, gate }) {
  return `session ${session}${gate ? ` at ${plain(gate.name)}` : ''}`;
}

/** @param {any} session @param {string} maildrop @param {'holds' | 'waits for'} does */
function kick(session, maildrop, does) {
  const { client, program, gate } = session;
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
  // Another gate is named by its process, so that a number is never that of a later one.
  const question = { title: `Kick ${named(session)}?`, action: 'Kick session', text, isNumbered: !gate };
  const at = `${path('sessions', session.session, 'kick')}${gate ? `?gate=${gate.id}` : ''}`;
  const done = `${named(session).replace('s', 'S')} is kicked.`;
  return change(question, at, () => done, () => (reason.value ? { reason: reason.value } : {}));
}
