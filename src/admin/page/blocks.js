// The block list, and the release of what is selected in it.
import { get } from './api.js';
import { change } from './dialog.js';
import { amount, cell, count, fill, find, h, minor, pager, plain, rowHeading, typed } from './dom.js';
import { clock } from './time.js';

const PAGE = 25;
const NAMED_MAX = 5;

/** What of the list is shown: BlockViews of the API. @type {any[]} */
let shown = [];
export const selected = /** @type {Map<number, any>} */ (new Map());
let offset = 0;

/** Asks for the list anew. */
export async function refresh() {
  const state = find('#blocks-state').value;
  const { items, total } = await get('/blocks', { ...(state && { state }), limit: PAGE, offset });
  shown = items;
  const section = find('#blocks');
  fill(find('tbody', section), shown, ({ id }) => String(id), cellsOf);
  find('table', section).hidden = total === 0;
  find('.empty', section).hidden = total > 0;
  find('#blocks-count').textContent = total > 0 ? count(total) : '';
  pager(find('.pager', section), { offset, size: PAGE, total }, move);
  showSelection();
}

/** @param {number} to */
function move(to) {
  offset = to;
  void refresh();
}

/** @param {any} block */
function cellsOf(block) {
  const { id, maildrop, address } = block;
  const label = `Select ${address}${maildrop === null ? '' : ` at ${plain(maildrop)}`}`;
  const pick = (/** @type {any} */ { target }) => select(block, target.checked);
  return [
    cell('', h('input', { type: 'checkbox', 'data-key': 'select', value: id, 'aria-label': label, change: pick })),
    rowHeading(maildrop === null ? 'any mailbox' : typed(maildrop), minor(block.tenant)),
    cell('Who', h('bdi', { class: 'address' }, address)),
    cell('First', clock(block.first)),
    cell('Last', clock(block.last)),
    cell('Reason and faults', block.reason, minor(`${block.fault_class} faults`)),
    cell('State', h('span', { class: `state ${block.state}` }, block.state), block.pinned && minor('pinned'),
      block.shadow && minor('shadow: refuses nobody')),
    amount('Blocked', block.times_blocked),
    amount('Released', block.times_released),
    cell('Ends', block.pinned ? 'when unpinned' : clock(block.expires)),
  ];
}

/** @param {any} block @param {boolean} isSelected */
function select(block, isSelected) {
  if (isSelected) selected.set(block.id, block);
  else selected.delete(block.id);
  showSelection();
}

function showSelection() {
  const button = find('#release');
  button.disabled = ![...selected.values()].some(isOpen);
  button.textContent = selected.size > 0 ? `Release selected (${selected.size})` : 'Release selected';
  const boxes = /** @type {HTMLInputElement[]} */ ([...find('#blocks tbody').querySelectorAll('input')]);
  for (const box of boxes) box.checked = selected.has(Number(box.value));
  const all = find('#blocks-all');
  all.checked = boxes.length > 0 && boxes.every((box) => box.checked);
  all.indeterminate = !all.checked && boxes.some((box) => box.checked);
}

/** Whether a release changes it. @param {any} block */
function isOpen({ state, pinned }) {
  return state === 'blocked' && !pinned;
}

/** Asks, and releases. @param {any[]} blocks */
export async function release(blocks) {
  const open = blocks.filter(isOpen);
  const stay = blocks.length - open.length;
  const entries = (/** @type {number} */ many) => (many === 1 ? '1 entry' : `${many} entries`);
  const names = open.slice(0, NAMED_MAX).map(({ address, maildrop }) =>
    h('li', {}, h('bdi', { class: 'address' }, address), ...(maildrop === null ? [] : [' at ', typed(maildrop)])));
  if (open.length > NAMED_MAX) names.push(h('li', {}, `and ${open.length - NAMED_MAX} more`));
  const text = [
    h('ul', {}, ...names),
    'They may log in again at once, and are blocked again if they go on.',
    ...(stay > 0 ? [`${entries(stay)} of the selected will not change: pinned, or not blocked.`] : []),
  ];
  const isDone = await change(
    { title: `Release ${entries(open.length)}?`, action: 'Release', text, isNumbered: true },
    '/blocks/release',
    ({ total }) => `${entries(total)} released.`,
    () => ({ ids: blocks.map(({ id }) => id) }),
  );
  if (isDone) selected.clear();
  await refresh();
}

/** Wires the controls of the list. */
export function start() {
  find('#blocks-all').addEventListener('change', (/** @type {any} */ { target }) => {
    for (const block of shown) select(block, target.checked);
  });
  find('#blocks-state').addEventListener('change', () => move(0));
  find('#release').addEventListener('click', () => release([...selected.values()]));
}
