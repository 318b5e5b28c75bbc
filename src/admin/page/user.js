// One user: who is in the mailbox, who waits, what is in the way, the last logins, and the limits.
import { ApiError, get, path } from './api.js';
import { release } from './blocks.js';
import { find, h, minor, renew, typed } from './dom.js';
import { holderOf, waitersOf, withIdleSince } from './locks.js';
import { clock, duration } from './time.js';

/** @typedef {import('./dom.js').Child} Child */

/** The login that is shown; empty where the result is closed. */
let shown = '';

/** Asks for the user that is shown anew. */
export async function refresh() {
  if (shown) await show(shown);
}

/** @param {string} login */
async function show(login) {
  const user = await get(path('users', login));
  if (login !== shown) return;
  const { maildrop, tenant, backends } = user;
  const lock = user.lock && withIdleSince(user.lock);
  const unsure = user.depends_on_connection && ' · another tenant at another listener or TLS server name';
  const limits = user.limits.map((/** @type {any} */ it) => [it.name, it.value, it.set_by]);
  renew(find('#user-result'), [
    h('div', { class: 'head' }, h('h3', {}, typed(maildrop)), button('Close', 'Close', close)),
    minor(`tenant ${tenant} · ${backends.join(', ')}`, unsure),
    h('div', { class: 'columns' },
      part('Holds the mailbox', lock?.holder ? holderOf(lock.holder, maildrop) : minor('nobody')),
      part('Waits, next first', waitersOf(lock?.waiters ?? [], maildrop))),
    ...obstacles(user),
    part('Last logins', lastLogins(user.last_logins)),
    h('details', { 'data-key': 'limits' }, h('summary', { 'data-key': 'limits summary' }, 'Limits'),
      table(['Setting', 'Value', 'Set by'], limits)),
  ]);
}

/** @param {string} title @param {Node} content */
function part(title, content) {
  return h('div', {}, h('h4', {}, title), content);
}

/** @param {string} text @param {string} label @param {() => void} click */
function button(text, label, click) {
  return h('button', { type: 'button', 'data-key': label, 'aria-label': label, click }, text);
}

/** What keeps the user out, or makes him wait. @param {any} user */
function obstacles({ blocks, polls, penalties }) {
  const lines = [];
  for (const block of blocks.filter((/** @type {any} */ it) => it.state === 'blocked')) {
    const { address, shadow, reason, expires } = block;
    lines.push([`${address} is ${shadow ? 'listed, not refused,' : 'blocked'} for ${reason}`, expires && ', until ',
      expires && clock(expires), ' ', button('Release', `Release ${address}`, () => release([block]).then(refresh))]);
  }
  for (const { address, next } of polls) {
    lines.push([`Comes too often: the next login ${address ? `from ${address}` : ''} is in time at `, clock(next)]);
  }
  for (const { address, wrong_logins, next_delay_seconds } of penalties) {
    const held = duration(next_delay_seconds);
    lines.push([`${address} gave ${wrong_logins} wrong passwords: the answer to another one is held for ${held}`]);
  }
  return lines.length > 0 ? [part('In the way', h('ul', {}, ...lines.map((line) => h('li', {}, ...line))))] : [];
}

/** @param {any[]} logins */
function lastLogins(logins) {
  if (logins.length === 0) return minor('none that popgate remembers');
  const rows = logins.map((it) => [
    clock(it.at), h('bdi', { class: 'address' }, it.client.replace(/:\d+$/, '')), it.program && typed(it.program),
    typed(it.sentence), duration(it.waited_seconds), duration(it.held_seconds), it.retrieved,
  ]);
  return table(['When', 'From', 'Program', 'How it ended', 'Waited', 'Held', 'Messages'], rows);
}

/** @param {string[]} headings @param {Child[][]} rows */
function table(headings, rows) {
  const head = headings.map((it) => h('th', { role: 'columnheader', scope: 'col' }, it));
  const cellOf = (/** @type {Child} */ content, /** @type {number} */ index) =>
    h('td', { role: 'cell', 'data-heading': headings[index] }, content);
  return h('table', { role: 'table' },
    h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...head)),
    h('tbody', { role: 'rowgroup' }, ...rows.map((row) => h('tr', { role: 'row' }, ...row.map(cellOf)))));
}

function close() {
  shown = '';
  find('#user-result').replaceChildren();
  find('#login-name').focus();
}

/** Wires the search. */
export function start() {
  find('#user-form').addEventListener('submit', async (/** @type {Event} */ event) => {
    event.preventDefault();
    shown = find('#login-name').value.trim();
    try {
      await refresh();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      find('#user-result').replaceChildren(h('p', { role: 'alert' }, `${error.message}.`));
    }
  });
}
