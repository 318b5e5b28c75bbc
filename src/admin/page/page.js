// The page: log in, follow the gate, and say how the connection to it is.
import { ApiError, get, token } from './api.js';
import * as blocks from './blocks.js';
import * as charts from './charts.js';
import { announce, tell } from './dialog.js';
import { find } from './dom.js';
import * as locks from './locks.js';
import { follow } from './stream.js';
import * as subjects from './subjects.js';
import { dateTime, duration, setClock, tick } from './time.js';
import * as user from './user.js';

// A table that is shown as cards keeps its meaning in every browser only where its roles are said.
const ROLES = { table: 'table', 'thead, tbody': 'rowgroup', 'thead tr': 'row', 'thead th': 'columnheader' };
const POLL_MS = 5000;
const HOLDERS_POLL_MS = 2000;

/** When the gate started that was seen last. */
let started = '';
/** @type {() => void} */
let stop = () => {};

/** Shows the board if the gate lets us, else asks for the token. */
async function open() {
  try {
    const status = await get('/status');
    find('#login').hidden = true;
    find('#board').hidden = false;
    find('#log-out').hidden = token.get() === null;
    stop = run(status);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 401) askForToken(token.get() === null ? '' : error.message);
    else {
      setLink('lost', `${error.message}. Trying again.`);
      setTimeout(open, POLL_MS);
    }
  }
}

/** @param {string} why */
function askForToken(why) {
  stop();
  token.forget();
  setLink('closed', '');
  find('#board').hidden = true;
  find('#log-out').hidden = true;
  find('#gate').replaceChildren();
  find('#login').hidden = false;
  find('#login-error').textContent = why && `${why}.`;
  find('#token').focus();
}

/** Follows the gate. @param {any} status @returns {() => void} ends it */
function run(status) {
  started = status.started;
  take(status);
  const unfollow = follow({ event, live: () => setLink('live', 'Live'), lost });
  const timers = [
    setInterval(tick, 500),
    repeat(HOLDERS_POLL_MS, locks.refresh),
    ...[blocks.refresh, subjects.refresh, user.refresh].map((refresh) => repeat(POLL_MS, refresh)),
  ];
  attempt(() => charts.load(status));
  return () => {
    unfollow();
    timers.forEach(clearInterval);
  };
}

/** Now, and again and again while the page is seen. @param {number} pause @param {() => Promise<void>} action */
function repeat(pause, action) {
  attempt(action);
  return setInterval(() => document.hidden || attempt(action), pause);
}

/** What fails here is tried again: the stream tells how the gate fares. @param {() => Promise<void>} action */
function attempt(action) {
  action().catch((error) => {
    if (!(error instanceof ApiError)) throw error;
  });
}

/** @param {string} name @param {any} data */
function event(name, data) {
  if (name === 'status') take(data);
  else if (name === 'lock') locks.take(data);
  else if (name === 'snapshot') {
    take(data.status);
    locks.replaceAll(data);
  }
}

/** @param {any} status */
function take(status) {
  setClock(status.now);
  if (status.started !== started) restarted(status);
  else charts.add(status);
  describe(status);
}

/** @param {any} status */
function restarted(status) {
  started = status.started;
  tell(`popgate has restarted, at ${dateTime(started)}.`, 'done');
  for (const action of [() => charts.load(status), subjects.refresh, blocks.refresh, user.refresh]) attempt(action);
}

/** @param {any} status */
function describe({ version, now, ready, not_ready: why, stage, paused }) {
  const up = (Date.parse(now) - Date.parse(started)) / 1000;
  const pausedNames = [...paused.backends, ...paused.tenants].join(', ');
  const text = [
    `${version}, up ${duration(Math.floor(up))}`,
    stage !== 'serving' && stage,
    !ready && `not ready: ${why}`,
    pausedNames && `paused: ${pausedNames}`,
  ].filter(Boolean);
  const gate = find('#gate');
  gate.classList.toggle('bad', !ready || stage !== 'serving');
  if (gate.textContent !== text.join(' · ')) gate.replaceChildren(text.join(' · '));
}

/** @param {ApiError} why */
function lost(why) {
  if (why.status === 401) return askForToken(why.message);
  setLink('lost', `No connection: ${why.message}. Trying again.`);
}

/** @param {'live' | 'lost' | 'closed'} state @param {string} text */
function setLink(state, text) {
  const link = find('#link');
  if (link.dataset.state === state) return;
  announce(text);
  link.dataset.state = state;
  link.textContent = text;
  document.body.classList.toggle('stale', state === 'lost');
}

find('#login-form').addEventListener('submit', (/** @type {Event} */ submitted) => {
  submitted.preventDefault();
  token.set(find('#token').value.trim());
  find('#token').value = '';
  void open();
});
find('#log-out').addEventListener('click', () => {
  token.forget();
  // With all that the page has been told.
  location.reload();
});
for (const [selector, role] of Object.entries(ROLES)) {
  for (const element of document.querySelectorAll(selector)) element.setAttribute('role', role);
}
locks.start();
blocks.start();
user.start();
void open();
