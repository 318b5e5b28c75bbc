// The logins of a user that are over: who, how long, how each ended, and what its client was told.
import * as api from './api.js';
import { failed } from './dialog.js';
import { button, cell, count, fill, find, h, minor, said } from './dom.js';
import * as report from './report.js';
import { clock, dateTime, duration } from './time.js';

/** @typedef {{since: string, until: string}} Time */

const PAGE = 25;

let login = '';
let time = { since: '', until: '' };
/** HistoryEntryInfos of the API, the latest first. @type {any[]} */
let entries = [];
/** Where those begin that are not shown yet. @type {number | null} */
let next = null;

/** @param {string} user @param {Time} within @param {number | null} [before] */
export function get(user, within, before = null) {
  return api.get('/history', { user, ...within, limit: PAGE, before });
}

/** @param {string} user @param {Time} within @param {any} page a HistoryPage
 * @param {boolean} goesOn whether it is what is shown, with what came since */
export function show(user, within, page, goesOn) {
  login = user;
  time = within;
  showGaps(page.journal);
  const last = page.items.at(-1)?.id;
  const isJoined = goesOn && entries.some(({ id }) => id === last);
  if (!isJoined) next = page.next;
  entries = isJoined ? [...page.items, ...entries.filter(({ id }) => id < last)] : page.items;
  draw();
}

/** Says what is not in the list, though it happened. @param {any} journal a JournalInfo */
function showGaps({ kept_in: keptIn, since, lost, trouble }) {
  const isOlder = since !== null && Date.parse(time.since) < Date.parse(since);
  const gaps = [
    trouble !== null && `The journal has trouble, so entries may be missing: ${trouble}.`,
    lost > 0 && `${count(lost)} entries were lost since popgate started: the journal could not be written in time.`,
    isOlder && `Nothing is kept from before ${dateTime(since)}.`,
    keptIn === 'memory' && 'It is kept in memory alone, for some hours, and not over a restart. A file keeps days.',
  ].filter((gap) => gap !== false);
  find('#journal').replaceChildren(...gaps.map((gap) => h('p', {}, gap)));
}

function draw() {
  fill(find('#entries'), entries, ({ id }) => String(id), cellsOf);
  find('#no-entries').hidden = entries.length > 0;
  find('#older').hidden = next === null;
}

/** @param {any} entry a HistoryEntryInfo */
function cellsOf(entry) {
  const { client, program, login: tried, opened, ended } = entry;
  const guess = program.name === 'unknown' ? 'unknown program' : `${program.name} (${program.confidence})`;
  const asked = tried?.asked ?? opened;
  const label = `Report on session ${entry.session}, ${dateTime(asked)}`;
  const open = () => report.open(login, { entry: entry.id });
  return [
    cell('When', clock(asked), minor('until ', clock(ended))),
    cell('Who', h('bdi', { class: 'address' }, client.replace(/:\d+$/, '')), minor(guess)),
    cell('Waited', tried && duration(tried.delayed_seconds + tried.waited_seconds)),
    cell('Held', tried && duration(tried.held_seconds)),
    cell('How it ended', said(entry.sentence), ...signsOf(entry)),
    cell('Action', button('Report', label, open)),
  ];
}

/** What the client was told, what the backend said, and what is odd. @param {any} entry */
function signsOf({ answer, login: tried, twin, without_quit: withoutQuit }) {
  const line = tried?.backend_line ?? null;
  return [
    answer !== null && minor('The client got ', h('code', {}, said(answer))),
    line !== null && line !== answer && minor('The backend said ', h('code', {}, said(line))),
    twin && h('p', { class: 'sign' }, 'Twin: a scanner or checker beside a mail program?'),
    withoutQuit && h('p', { class: 'sign' }, 'Left without QUIT'),
  ];
}

async function showOlder() {
  const asked = time;
  const page = await get(login, asked, next);
  if (asked !== time) return;
  entries = [...entries, ...page.items];
  next = page.next;
  showGaps(page.journal);
  draw();
}

/** Wires the button below the list. */
export function start() {
  find('#older').addEventListener('click', () => showOlder().catch(failed('No more can be shown')));
}
