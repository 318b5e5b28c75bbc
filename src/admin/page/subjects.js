// Backends and tenants: how they fare, and pause and resume.
import { get, path } from './api.js';
import { change } from './dialog.js';
import { amount, badge, button, cell, find, h, list, minor, plain, rowHeading, typed } from './dom.js';
import { duration } from './time.js';

/** @typedef {'backends' | 'tenants'} Kind */

const PAGE = 10;
const DOMAINS_SHOWN = 3;
const offsets = { backends: 0, tenants: 0 };

/** Asks for both anew. */
export async function refresh() {
  await Promise.all([show('backends', 'name', backendCells), show('tenants', '-waiting', tenantCells)]);
}

/** @param {Kind} kind @param {string} sort @param {(item: any) => Element[]} cellsOf */
async function show(kind, sort, cellsOf) {
  const { items, total } = await get(`/${kind}`, { sort, limit: PAGE, offset: offsets[kind] });
  const part = { items, total, offset: offsets[kind], size: PAGE };
  list(find(`#${kind}`), part, ({ name }) => name, cellsOf, (to) => {
    offsets[kind] = to;
    void show(kind, sort, cellsOf);
  });
}

/** @param {any} backend a BackendInfo */
function backendCells({ name, address, state, why, paused, connections, connections_max: max }) {
  return [
    rowHeading('Backend', typed(name)),
    cell('Address', h('bdi', { class: 'address' }, address)),
    cell('State', badge(state), paused && badge('paused'), why && minor(why)),
    amount('Connections', max === null ? connections : `${connections} of ${max}`),
    cell('Action', pauseButton('backends', name, paused)),
  ];
}

/** @param {any} tenant a TenantInfo */
function tenantCells({ name, domains, paused, sessions, locks_held, waiting, longest_wait_seconds, wait_seconds }) {
  const more = domains.length - DOMAINS_SHOWN;
  const named = minor(domains.slice(0, DOMAINS_SHOWN).join(', '), more > 0 && ` and ${more} more`);
  return [
    rowHeading('Tenant', typed(name), named),
    cell('State', badge(paused ? 'paused' : 'open')),
    amount('Sessions', sessions),
    amount('Locks held', locks_held),
    amount('Waiting', waiting),
    amount('Longest wait', waiting > 0 ? `${duration(longest_wait_seconds)} of ${duration(wait_seconds)}` : '–'),
    cell('Action', pauseButton('tenants', name, paused)),
  ];
}

/** @param {Kind} kind @param {string} name @param {boolean} isPaused */
function pauseButton(kind, name, isPaused) {
  const action = isPaused ? 'Resume' : 'Pause';
  const subject = `${kind.slice(0, -1)} ${name}`;
  const text = isPaused
    ? 'Logins that wait go on at once, in their order.'
    : 'New logins wait, each for as long as its wait allows, and are then told to try again later. Sessions that are ' +
      'open go on. It stays paused until somebody resumes it, or popgate restarts.';
  const press = async () => {
    const question = { title: `${action} ${subject}?`, action, text: [text] };
    await change(question, path(kind, name, action.toLowerCase()), () => `The ${subject} is ${action.toLowerCase()}d.`);
    await refresh();
  };
  return button(action, `${action} ${plain(subject)}`, press, { 'data-key': 'pause' });
}
