// The mailboxes where somebody waits, the longest wait first.
import { get } from './api.js';
import { announce } from './dialog.js';
import { button, cell, count, find, list, minor, plain, rowHeading, typed } from './dom.js';
import * as gates from './gates.js';
import { holderOf, waitersOf, withIdleSince } from './sessions.js';
import { elapsed, spent } from './time.js';
import * as user from './user.js';

const PAGE = 15;
/** Locks that are asked for of all gates: a mailbox has one at each gate where somebody holds it or waits. */
const SHARED_MAX = 100;
const DRAW_PAUSE_MS = 200;
const ANNOUNCE_PAUSE_MS = 30000;

/** LockInfos of the API that have waiters. @type {Map<string, any>} */
const contended = new Map();
/** What all gates said of contended mailboxes, by the ids of their locks. @type {Map<string, gates.Told[]>} */
let shared = new Map();
/** @type {{left_out: number, unanswered: string[]}} */
let unsaid = { left_out: 0, unanswered: [] };
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

/** What a holder does, and what other gates have, no event tells: it is asked for. */
export async function refresh() {
  await Promise.all([refreshHolders(), refreshShared()]);
  drawSoon();
}

/** Who holds and who waits the events alone say, for they come in order. */
async function refreshHolders() {
  if (contended.size === 0) return;
  const { items } = await get('/locks', { contended: 'true', sort: '-longest_wait', limit: PAGE, offset });
  for (const item of items) {
    const lock = contended.get(item.id);
    if (!lock?.holder || lock.holder.session !== item.holder?.session) continue;
    contended.set(lock.id, { ...lock, holder: withIdleSince(item, lock.holder.idle_since).holder });
  }
}

async function refreshShared() {
  const { told, ...rest } = await gates.ask({ contended: 'true', limit: SHARED_MAX });
  shared = Map.groupBy(told, ({ lock }) => lock.id);
  unsaid = rest;
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

/** Those where somebody waits, the longest wait first. */
function sorted() {
  const all = [...new Set([...contended.keys(), ...shared.keys()])].map(present).filter(({ longest }) => longest);
  const waits = all.map((lock) => ({ lock, since: Date.parse(lock.longest.since) }));
  return waits.sort((one, other) => one.since - other.since).map(({ lock }) => lock);
}

/** A lock as it is now at all gates. @param {string} id */
function present(id) {
  return gates.joined(contended.get(id), shared.get(id) ?? []);
}

function draw() {
  const all = frozen ?? sorted();
  offset = Math.max(0, Math.min(offset, Math.floor((all.length - 1) / PAGE) * PAGE));
  const items = all.slice(offset, offset + PAGE).map((lock) => ({ ...lock, ...present(lock.id) }));
  const section = find('#locks');
  list(section, { items, offset, size: PAGE, total: all.length }, ({ id }) => id, cellsOf, (to) => {
    offset = to;
    draw();
  });
  section.querySelector('th:nth-child(2)')?.setAttribute('aria-sort', 'descending');
  const leftOut = (isPartial ? contendedInAll - contended.size : 0) + unsaid.left_out;
  find('#locks-count').textContent = [
    all.length > 0 && count(all.length) + (leftOut > 0 ? ` and ${leftOut} more` : ''),
    unsaid.unanswered.length > 0 && `no answer from ${unsaid.unanswered.join(', ')}`,
  ].filter(Boolean).join(' · ');
  const isContended = all.length > 0;
  if (isContended === announced.isContended || Date.now() < announced.at + ANNOUNCE_PAUSE_MS) return;
  announced = { isContended, at: Date.now() };
  announce(isContended ? 'Somebody waits for a mailbox.' : 'Nobody waits for a mailbox.');
}

/** @param {any} lock */
function cellsOf({ maildrop, tenant, backend, backends, holders, waiters, longest }) {
  const handedOver = longest ? 'is being handed over' : 'nobody';
  const held = holders.map((/** @type {any} */ holder) => holderOf(holder, maildrop));
  return [
    rowHeading('Mailbox', typed(maildrop),
      minor([tenant, backend ?? backends.join(', ')].filter(Boolean).join(' · ')), timelineButton(maildrop)),
    cell('Longest wait', longest && elapsed(longest.since), longest && spent(longest.since, longest.until)),
    cell('Held by', ...(held.length > 0 ? held : [minor(handedOver)])),
    cell('Waiting, next first', waitersOf(waiters, maildrop)),
  ];
}

/** @param {string} maildrop */
function timelineButton(maildrop) {
  const open = async () => {
    find('#user').scrollIntoView();
    await user.open(maildrop);
  };
  return button('Timeline', `Timeline of ${plain(maildrop)}`, open, { class: 'small', 'data-key': 'timeline' });
}

/** Wires the button that keeps the list still. */
export function start() {
  find('#freeze').addEventListener('click', (/** @type {any} */ { target }) => {
    frozen = frozen ? null : sorted();
    target.setAttribute('aria-pressed', String(frozen !== null));
    draw();
  });
}
