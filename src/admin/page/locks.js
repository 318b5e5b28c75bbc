// The mailboxes where somebody waits, the longest wait first.
import { get } from './api.js';
import { announce } from './dialog.js';
import { cell, count, fill, find, h, minor, pager, plain, rowHeading, typed } from './dom.js';
import { holderOf, waitersOf, withIdleSince } from './sessions.js';
import { elapsed, spent } from './time.js';
import * as user from './user.js';

const PAGE = 15;
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
    rowHeading(typed(maildrop), minor([tenant, backend ?? backends.join(', ')].filter(Boolean).join(' · ')),
      timelineButton(maildrop)),
    cell('Longest wait', first && elapsed(first.since), first && spent(first.since, first.until)),
    cell('Held by', holder ? holderOf(holder, maildrop) : minor(handedOver)),
    cell('Waiting', waitersOf(waiters, maildrop)),
  ];
}

/** @param {string} maildrop */
function timelineButton(maildrop) {
  const label = `Timeline of ${plain(maildrop)}`;
  const open = async () => {
    find('#user').scrollIntoView();
    await user.open(maildrop);
  };
  return h('button', { type: 'button', class: 'small', 'data-key': 'timeline', 'aria-label': label, click: open },
    'Timeline');
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
