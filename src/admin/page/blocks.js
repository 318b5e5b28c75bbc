// The block list: what is on it, who is on the way there, and the release of what is selected.
import { get, path, post } from './api.js';
import { change, failed, show, tell } from './dialog.js';
import {
  amount, badge, button, cell, count, find, h, list, minor, plain, renew, rowHeading, table, typed,
} from './dom.js';
import { clock } from './time.js';

const PAGE = 25;
const NAMED_MAX = 5;
/** How many are selected at a time: their numbers must fit into one request. */
const SELECTED_MAX = 5000;

/** What of the list is shown: BlockViews of the API. @type {any[]} */
let shown = [];
let total = 0;
/** The numbers of entries. @type {Set<number>} */
export const selected = new Set();
let offset = 0;

/** Asks for the list anew. */
export async function refresh() {
  const wanted = filter();
  const { state, ...counted } = wanted;
  const [listed, counting] = await Promise.all([
    get('/blocks', { ...wanted, limit: PAGE, offset }),
    get('/blocks', { ...counted, state: 'counting', sort: '-last', limit: PAGE }),
  ]);
  shown = listed.items;
  total = listed.total;
  list(find('#blocks'), { items: shown, total, offset, size: PAGE }, ({ id }) => String(id), cellsOf, move);
  find('#blocks-count').textContent = total > 0 ? count(total) : '';
  showCounting(counting);
  showSelection();
}

/** What the fields above the list say. @returns {Record<string, any>} */
function filter() {
  return Object.fromEntries([...new FormData(find('#blocks-filter'))].filter(([, value]) => value));
}

/** @param {number} to */
function move(to) {
  offset = to;
  refresh().catch(failed('The block list cannot be shown so'));
}

/** @param {any} block */
function cellsOf(block) {
  const { id, maildrop, address } = block;
  const who = `${address}${maildrop === null ? '' : ` at ${plain(maildrop)}`}`;
  const pick = (/** @type {any} */ { target }) => select([id], target.checked);
  return [
    cell('Select', h('input',
      { type: 'checkbox', 'data-key': 'select', value: id, 'aria-label': `Select ${who}`, change: pick })),
    rowHeading('What', maildrop === null ? 'any mailbox' : typed(maildrop), minor(block.tenant)),
    cell('Who', h('bdi', { class: 'address' }, address)),
    cell('Faults', clock(block.first), minor('last ', clock(block.last))),
    cell('Reason and faults', block.reason, minor(`${block.fault_class} faults`)),
    amount('Transient today', today(block)),
    cell('State', badge(block.state), minor('since ', clock(block.since)),
      block.pinned && minor('pinned'), block.shadow && minor('shadow: refuses nobody')),
    cell('Ends', block.pinned ? 'when unpinned' : clock(block.expires)),
    amount('Blocked', block.times_blocked),
    amount('Released', block.times_released),
    cell('Action', button('History', `History of ${who}`,
      () => showHistory(id, who).catch(failed('There is no history')))),
  ];
}

/** Passing faults of today beside how many may be. @param {any} block */
function today({ transient }) {
  return transient ? `${transient.today} of ${transient.limit}` : '–';
}

/** Who is not blocked, and will be if it goes on. @param {{items: any[], total: number}} counting */
function showCounting({ items, total: many }) {
  const rows = items.map((it) => [
    it.maildrop === null ? 'any mailbox' : typed(it.maildrop), h('bdi', { class: 'address' }, it.address),
    today(it), clock(it.first), clock(it.last),
  ]);
  const part = many > items.length ? `, the latest ${items.length} of ${count(many)}` : '';
  renew(find('#counting'), many === 0 ? [] : [
    h('h3', {}, `Counting, not blocked${part}`),
    minor('Transient faults of today. Those with more than the limit are blocked.'),
    table(['Mailbox', 'Who', 'Transient today', 'First', 'Last'], rows),
  ]);
}

/** @param {number[]} ids @param {boolean} isSelected */
function select(ids, isSelected) {
  for (const id of ids) selected[isSelected ? 'add' : 'delete'](id);
  showSelection();
}

function showSelection() {
  const button = find('#release');
  button.disabled = selected.size === 0;
  button.textContent = selected.size > 0 ? `Release selected (${count(selected.size)})` : 'Release selected';
  const boxes = /** @type {HTMLInputElement[]} */ ([...find('#blocks tbody').querySelectorAll('input')]);
  for (const box of boxes) box.checked = selected.has(Number(box.value));
  const all = find('#blocks-all');
  all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  all.indeterminate = !all.checked && boxes.some((box) => box.checked);
  const rest = find('#blocks-rest');
  const most = Math.min(total, SELECTED_MAX);
  rest.hidden = !all.checked || total <= PAGE || selected.size >= most;
  rest.textContent = most < total ? `Select the first ${count(most)}` : `Select all ${count(total)}`;
}

/** Selects what the filter leaves, beyond the part that is shown. */
async function selectRest() {
  for (let from = 0; from < Math.min(total, SELECTED_MAX); from += 1000) {
    const { items } = await get('/blocks', { ...filter(), limit: 1000, offset: from });
    select(items.map((/** @type {any} */ { id }) => id), true);
  }
}

/** Asks once for all of them, and releases. @param {number[]} ids */
export async function release(ids) {
  const entries = (/** @type {number} */ many) => (many === 1 ? '1 entry' : `${count(many)} entries`);
  // The gate says what would change: it knows which are pinned, released or gone by now.
  const { items, total: open } = await post('/blocks/release', { ids, dry_run: true });
  if (open === 0) return tell('Nothing is released: what is selected is pinned, or not blocked.', 'failed');
  const names = items.slice(0, NAMED_MAX).map((/** @type {any} */ { address, maildrop }) =>
    h('li', {}, h('bdi', { class: 'address' }, address), ...(maildrop === null ? [] : [' at ', typed(maildrop)])));
  if (open > NAMED_MAX) names.push(h('li', {}, `and ${count(open - NAMED_MAX)} more`));
  const stay = ids.length - open;
  const text = [
    h('ul', {}, ...names),
    'They may log in again at once, and are blocked again if they go on.',
    ...(stay > 0 ? [`${entries(stay)} of the selected will not change: pinned, or not blocked.`] : []),
  ];
  const question = { title: `Release ${entries(open)}?`, action: 'Release', text, isNumbered: true };
  const done = (/** @type {any} */ answer) => `${entries(answer.total)} released.`;
  if (await change(question, '/blocks/release', done, () => ({ ids }))) selected.clear();
  await refresh();
}

/** What became of an entry since it is there, the latest first. @param {number} id @param {string} who */
async function showHistory(id, who) {
  const { items, incomplete } = await get(path('blocks', id, 'history'));
  const rows = items.map((/** @type {any} */ it) => [
    clock(it.at), it.change, it.state, it.reason, it.times_blocked, it.times_released, it.by ?? '–',
  ]);
  const changes = table(['When', 'Change', 'State', 'Reason', 'Blocked', 'Released', 'By'], rows);
  show(`History of ${who}`, h('div', {}, incomplete && minor(`Changes may be missing: ${incomplete}.`), changes));
}

/** Wires the controls of the list. */
export function start() {
  find('#blocks-all').addEventListener('change', (/** @type {any} */ { target }) => {
    select(shown.map(({ id }) => id), target.checked);
  });
  find('#blocks-filter').addEventListener('change', () => move(0));
  find('#blocks-filter').addEventListener('submit', (/** @type {Event} */ event) => event.preventDefault());
  find('#blocks-rest').addEventListener('click', () => selectRest().catch(failed('Not all are selected')));
  find('#release').addEventListener('click', () => release([...selected]).catch(failed('Nothing is released')));
}
