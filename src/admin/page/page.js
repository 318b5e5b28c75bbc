// The page: log in, follow the gate, and say how the connection to it is.
import { ApiError, gate, get, token } from './api.js';
import * as blocks from './blocks.js';
import * as charts from './charts.js';
import { announce, tell } from './dialog.js';
import { find } from './dom.js';
import * as gates from './gates.js';
import * as history from './history.js';
import * as locks from './locks.js';
import * as report from './report.js';
import { follow } from './stream.js';
import * as subjects from './subjects.js';
import { dateTime, duration, setClock, tick } from './time.js';
import * as timeline from './timeline.js';
import * as user from './user.js';

const POLL_MS = 5000;
const HOLDERS_POLL_MS = 2000;

let stop = /** @type {() => void} */ (() => {});
let attempts = 0;
let retry = 0;

/** Shows the board if the gate lets us, else asks for the token. */
async function open() {
  const own = (attempts += 1);
  clearTimeout(retry);
  try {
    const status = await get('/status');
    if (own !== attempts) return;
    find('#login').hidden = true;
    find('#board').hidden = false;
    find('#log-out').hidden = token.get() === null;
    stop();
    stop = run(status);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (own !== attempts) return;
    if (error.status === 401) askForToken(token.get() === null ? '' : error.message);
    else {
      setLink('lost', `${error.message}. Trying again.`);
      retry = setTimeout(open, POLL_MS);
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
  gate.started = status.started;
  take(status);
  const following = new AbortController();
  void follow({ event, live: () => setLink('live', 'Live'), lost }, following.signal);
  const timers = [
    setInterval(tick, 500),
    repeat(HOLDERS_POLL_MS, locks.refresh),
    ...[blocks.refresh, subjects.refresh, user.refresh].map((refresh) => repeat(POLL_MS, refresh)),
  ];
  attempt(() => charts.load(status));
  return () => {
    following.abort();
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
  if (name === 'lock') return locks.take(data);
  take(name === 'snapshot' ? data.status : data);
  if (name === 'snapshot') locks.replaceAll(data);
}

/** @param {any} status */
function take(status) {
  setClock(status.now);
  locks.takeTotals(status.locks);
  gates.take(status.cluster);
  if (status.started !== gate.started) restarted(status);
  else charts.add(status);
  describe(status);
}

/** @param {any} status */
function restarted(status) {
  gate.started = status.started;
  // The numbers that are shown, asked about or selected may be those of others now.
  find('#question').close();
  blocks.selected.clear();
  for (const shown of document.querySelectorAll('tbody:not(#entries *), #user-result')) shown.replaceChildren();
  tell(`popgate has restarted, at ${dateTime(gate.started)}.`, 'done');
  for (const action of [() => charts.load(status), subjects.refresh, blocks.refresh, user.refresh]) attempt(action);
}

/** @param {any} status */
function describe({ version, now, ready, not_ready: why, stage, paused, cluster }) {
  const up = (Date.parse(now) - Date.parse(gate.started)) / 1000;
  const pausedNames = [...paused.backends, ...paused.tenants].join(', ');
  const { name, trouble } = gates.summary(cluster);
  const text = [
    `${version}, up ${duration(Math.floor(up))}`,
    name,
    stage !== 'serving' && stage,
    !ready ? `not ready: ${why}` : trouble,
    pausedNames && `paused: ${pausedNames}`,
  ].filter(Boolean);
  const line = find('#gate');
  line.classList.toggle('bad', !ready || stage !== 'serving' || Boolean(trouble));
  if (line.textContent !== text.join(' · ')) line.replaceChildren(text.join(' · '));
}

/** @param {ApiError} why */
function lost(why) {
  if (why.status === 401) return askForToken(why.message);
  setLink('lost', `No connection: ${why.message}. Trying again.`);
}

/** @param {'live' | 'lost' | 'closed'} state @param {string} text */
function setLink(state, text) {
  const link = find('#link');
  if (link.dataset.state === state && link.textContent === text) return;
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
for (const { start } of [locks, blocks, user, timeline, history, report]) start();
void open();
