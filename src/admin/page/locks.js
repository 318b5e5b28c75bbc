// The mailboxes where somebody waits, the longest wait first.
import { get, path } from './api.js';
import { announce, change } from './dialog.js';
import { cell, count, fill, find, h, minor, pager, plain, rowHeading, typed } from './dom.js';
import { elapsed, gateNow, size, spent } from './time.js';

const PAGE = 15;
const WAITERS_SHOWN = 3;
const DRAW_PAUSE_MS = 200;
const ANNOUNCE_PAUSE_MS = 30000;

/** LockInfos of the API that have waiters. @type {Map<string, any>} */
const contended = new Map();
/** The list as it was frozen. @type {any[] | null} */
let frozen = null;
let offset = 0;
/** Whether the snapshot left some out; of these the events tell only what changes. */
let isPartial = false;
let contendedInAll = 0;
let isDrawingDue = false;
let announced = { isContended: false, at: 0 };

/** @param {{locks: any[], left_out: number}} snapshot */
export function replaceAll({ locks, left_out }) {
  contended.clear();
  isPartial = left_out > 0;
  locks.forEach(take);
  drawSoon();
}

/** @param {{contended: number}} totals of a status */
export function takeTotals({ contended: total }) {
  contendedInAll = total;
  if (isPartial) drawSoon();
}

/** Takes the present state of one lock. @param {any} lock */
export function take(lock) {
  if (lock.waiters.length > 0) contended.set(lock.id, withIdleSince(lock));
  else contended.delete(lock.id);
  drawSoon();
}

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

/**
 * What a holder does is no change of its lock, so no event tells it: it is asked for. Who holds and who waits the
 * events alone say, for they come in order.
 */
export async function refresh() {
  if (contended.size === 0) return;
  const { items } = await get('/locks', { contended: 'true', sort: '-longest_wait', limit: PAGE, offset });
  for (const item of items) {
    const lock = contended.get(item.id);
    if (!lock?.holder || lock.holder.session !== item.holder?.session) continue;
    contended.set(lock.id, { ...lock, holder: withIdleSince(item, lock.holder.idle_since).holder });
  }
  drawSoon();
}

/** However many events come, the list is drawn a few times a second. */
function drawSoon() {
  if (isDrawingDue) return;
  isDrawingDue = true;
  setTimeout(() => {
    isDrawingDue = false;
    requestAnimationFrame(draw);
  }, DRAW_PAUSE_MS);
}

/** The longest wait first. */
function sorted() {
  const waits = [...contended.values()].map((lock) => ({ lock, since: Date.parse(longestWaiter(lock).since) }));
  return waits.sort((one, other) => one.since - other.since).map(({ lock }) => lock);
}

/** @param {any} lock */
function longestWaiter({ waiters }) {
  const earlier = (/** @type {any} */ one, /** @type {any} */ other) =>
    Date.parse(other.since) < Date.parse(one.since) ? other : one;
  return waiters.reduce(earlier);
}

function draw() {
  const list = frozen ?? sorted();
  offset = Math.max(0, Math.min(offset, Math.floor((list.length - 1) / PAGE) * PAGE));
  const part = list.slice(offset, offset + PAGE);
  const shown = part.map((lock) => contended.get(lock.id) ?? { ...lock, holder: null, waiters: [] });
  const section = find('#locks');
  fill(find('tbody', section), shown, ({ id }) => id, cellsOf);
  find('table', section).hidden = list.length === 0;
  find('.empty', section).hidden = list.length > 0;
  pager(find('.pager', section), { offset, size: PAGE, total: list.length }, (to) => {
    offset = to;
    draw();
  });
  const leftOut = isPartial ? contendedInAll - contended.size : 0;
  const beside = leftOut > 0 ? ` and ${leftOut} more` : '';
  find('#locks-count').textContent = list.length > 0 ? count(list.length) + beside : '';
  const isContended = contended.size > 0;
  if (isContended === announced.isContended || Date.now() < announced.at + ANNOUNCE_PAUSE_MS) return;
  announced = { isContended, at: Date.now() };
  announce(isContended ? 'Somebody waits for a mailbox.' : 'Nobody waits for a mailbox.');
}

/** @param {any} lock */
function cellsOf(lock) {
  const { maildrop, tenant, backend, backends, holder, waiters } = lock;
  const first = waiters.length > 0 && longestWaiter(lock);
  const handedOver = waiters.length > 0 ? 'is being handed over' : 'nobody';
  return [
    rowHeading(typed(maildrop), minor([tenant, backend ?? backends.join(', ')].filter(Boolean).join(' · '))),
    cell('Longest wait', first && elapsed(first.since), first && spent(first.since, first.until)),
    cell('Held by', holder ? holderOf(holder, maildrop) : minor(handedOver)),
    cell('Waiting', waitersOf(waiters, maildrop)),
  ];
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

/** Wires the button that keeps the list still. */
export function start() {
  const button = find('#freeze');
  button.addEventListener('click', () => {
    frozen = frozen ? null : sorted();
    button.setAttribute('aria-pressed', String(frozen !== null));
    draw();
  });
}
