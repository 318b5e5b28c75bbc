// One user: what is likely wrong, who is in the mailbox, who waits, what is in the way, the past, and the limits.
import { ApiError, get, path } from './api.js';
import { release } from './blocks.js';
import { failed } from './dialog.js';
import { button, find, h, minor, renew, said, table, typed } from './dom.js';
import { ask, joined } from './gates.js';
import { holderOf, viewersOf, waitersOf, withIdleSince } from './sessions.js';
import { clock, dateTime, duration } from './time.js';
import * as timeline from './timeline.js';

/** The login that is shown; empty where the result is closed. */
let shown = '';

/** Asks for the user that is shown anew. */
export async function refresh() {
  if (shown) await Promise.all([show(shown), timeline.refresh()]);
}

/** Shows a user, and says where that cannot be. @param {string} login */
export async function open(login) {
  shown = login;
  find('#login-name').value = login;
  try {
    await Promise.all([show(login), timeline.open(login)]);
    /** @type {HTMLElement | null} */ (document.querySelector('#user-result h3'))?.focus({ preventScroll: true });
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    close();
    find('#user-result').replaceChildren(h('p', { role: 'alert' }, `${error.message}.`));
  }
}

/** @param {string} login */
async function show(login) {
  const user = await get(path('users', login));
  const { maildrop, tenant, backends } = user;
  const { told } = await ask({ maildrop, limit: 1000 });
  if (login !== shown) return;
  const of = told.filter(({ lock }) => lock.maildrop === maildrop && String(lock.backends) === String(backends));
  const { holders, waiters } = joined(user.lock && withIdleSince(user.lock), of);
  const held = holders.map((/** @type {any} */ it) => holderOf(it, maildrop));
  const viewers = viewersOf(user.sessions);
  const unsure = user.depends_on_connection && ' · another tenant at another listener or TLS server name';
  const limits = user.limits.map((/** @type {any} */ it) => [it.name, it.value, it.set_by]);
  renew(find('#user-result'), [
    h('div', { class: 'head' },
      h('h3', { tabindex: -1, 'data-key': 'name' }, typed(maildrop)), button('Close', 'Close', leave)),
    minor(`tenant ${tenant} · ${backends.join(', ')}`, unsure),
    ...causesOf(user),
    h('div', { class: 'columns' },
      part('Holds the mailbox', ...(held.length > 0 ? held : [minor('nobody')])),
      part('Waits, next first', waitersOf(waiters, maildrop))),
    ...(viewers.length > 0 ? [part('Logged in without the mailbox', h('ul', {}, ...viewers))] : []),
    ...obstacles(user),
    h('details', { 'data-key': 'limits' }, h('summary', { 'data-key': 'limits summary' }, 'Limits'),
      table(['Setting', 'Value', 'Set by'], limits)),
  ]);
}

/** What may be the matter, the most likely first. @param {any} user a UserInfo of the API */
function causesOf({ causes, causes_of: begun }) {
  if (causes.length === 0) return [];
  const items = causes.map((/** @type {any} */ { title, likelihood, evidence, advice }) =>
    h('li', {}, h('p', {}, h('b', {}, title), h('span', { class: 'sign' }, ` ${likelihood} likelihood`)),
      h('p', {}, said(evidence)), h('p', {}, advice)));
  return [part(`What may be wrong: login of ${dateTime(begun)}`, h('ol', { class: 'causes' }, ...items))];
}

/** @param {string} title @param {...Node} content */
function part(title, ...content) {
  return h('div', {}, h('h4', {}, title), ...content);
}

/** What keeps the user out, or makes him wait. @param {any} user */
function obstacles({ blocks, polls, penalties }) {
  const lines = [];
  for (const block of blocks.filter((/** @type {any} */ it) => it.state === 'blocked')) {
    const { id, address, shadow, reason, expires } = block;
    const act = () => release([id]).then(refresh).catch(failed('Nothing is released'));
    lines.push([`${address} is ${shadow ? 'listed, not refused,' : 'blocked'} for ${reason}`, expires && ', until ',
      expires && clock(expires), ' ', button('Release', `Release ${address}`, act)]);
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

function close() {
  shown = '';
  timeline.close();
  find('#user-result').replaceChildren();
}

function leave() {
  close();
  find('#login-name').focus();
}

/** Wires the search. */
export function start() {
  find('#user-form').addEventListener('submit', (/** @type {Event} */ event) => {
    event.preventDefault();
    void open(find('#login-name').value.trim());
  });
}
