// Elements, rows that stay where they are, and text that a stranger may have typed.

/** @typedef {Node | string | number | null | undefined | false} Child */

/** @param {string} tag @param {...Child} children of which null, undefined and false are left out
 * @param {Record<string, any>} properties attributes, of which null and false are left out; a function is a listener
 * @returns {any} the element, of the kind that `tag` says */
export function h(tag, properties, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name, value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children) {
    if (child instanceof Node) element.append(child);
    else if (child !== null && child !== undefined && child !== false) element.append(String(child));
  }
  return element;
}

/** @param {...Child} children */
export function minor(...children) {
  return h('p', { class: 'minor' }, ...children);
}

/** @param {string} selector @param {ParentNode} [within] @returns {any} what the page's HTML has there */
export function find(selector, within = document) {
  const found = within.querySelector(selector);
  if (!found) throw new Error(`the page has no ${selector}`);
  return found;
}

/** @param {string} text @param {string} label @param {() => void} click @param {Record<string, any>} [more] */
export function button(text, label, click, more = {}) {
  return h('button', { type: 'button', 'data-key': label, 'aria-label': label, click, ...more }, text);
}

/** @param {string} state */
export function badge(state) {
  return h('span', { class: `state ${state}` }, state);
}

/** A cell; where rows are shown as cards, its heading is beside it.
 * @param {string} heading @param {...Child} children */
export function cell(heading, ...children) {
  return h('td', { role: 'cell', 'data-heading': heading }, ...children);
}

/** A cell with a number. @param {string} heading @param {number | string} value */
export function amount(heading, value) {
  return Object.assign(cell(heading, typeof value === 'number' ? count(value) : value), { className: 'number' });
}

/** The cell that names its row. @param {string} heading @param {...Child} children */
export function rowHeading(heading, ...children) {
  return h('th', { role: 'rowheader', scope: 'row', 'data-heading': heading }, ...children);
}

/** A table that is made as a whole. @param {string[]} headings @param {Child[][]} rows */
export function table(headings, rows) {
  const made = h('table', { role: 'table' });
  const cells = (/** @type {Child[]} */ row) => row.map((content, index) => cell(headings[index], content));
  fill(made, rows, (row) => String(rows.indexOf(row)), cells);
  return made;
}

const LONG = 64;
// What is not seen, or moves what stands around it: controls, formats (directions among them), line
// separators, private and unassigned characters, and blanks other than the space.
const HIDDEN = /[\p{C}\p{Zl}\p{Zp}\p{DI}\u2800]|(?! )\p{Zs}/u;

/** Text that anybody may have typed: on its own in its direction, with each hidden character as its number. A long one
 * is cut, and can be opened. @param {string} text */
export function typed(text) {
  const characters = [...text];
  const whole = said(text);
  if (characters.length <= LONG) return whole;
  const beginning = h('bdi', { class: 'typed' }, ...visible(characters.slice(0, LONG / 2)));
  const summary = h('summary', { 'data-key': `cut ${text}` }, beginning, ` … (${characters.length} characters)`);
  return h('details', { class: 'long', 'data-key': text }, summary, whole);
}

/** A sentence that can have words of others in it, and is no name to be cut. @param {string} text */
export function said(text) {
  return h('bdi', { class: 'typed' }, ...visible([...text]));
}

/** What anybody may have typed as plain text, for labels. @param {string} text */
export function plain(text) {
  const characters = [...text];
  const shown = characters.slice(0, LONG).map((it) => (HIDDEN.test(it) ? `<${number(it)}>` : it));
  return shown.join('') + (characters.length > LONG ? '…' : '');
}

/** @param {string[]} characters */
function visible(characters) {
  return characters.map((it) => (HIDDEN.test(it) ? h('span', { class: 'hidden-character' }, number(it)) : it));
}

/** @param {string} character */
function number(character) {
  return `U+${Number(character.codePointAt(0)).toString(16).toUpperCase().padStart(4, '0')}`;
}

/** What a row was made of. @type {WeakMap<Element, string>} */
const madeOf = new WeakMap();

/** Makes the rows of `table` those of `items`, below the headings of their cells. A row stays the same element as long
 * as its item is there, and keeps what it holds as long as the item is the same; focus and what is opened stay.
 * @template T @param {HTMLTableElement} table @param {T[]} items
 * @param {(item: T) => string} keyOf @param {(item: T) => Element[]} cellsOf */
export function fill(table, items, keyOf, cellsOf) {
  const body = table.tBodies[0] ?? table.appendChild(h('tbody', { role: 'rowgroup' }));
  const before = new Map([...body.children].map((row) => [row.getAttribute('data-key'), row]));
  const rows = items.map((item) => {
    const key = keyOf(item);
    const row = before.get(key) ?? h('tr', { role: 'row', 'data-key': key });
    const json = JSON.stringify(item);
    if (madeOf.get(row) !== json) renew(row, cellsOf(item));
    madeOf.set(row, json);
    return row;
  });
  arrange(body, rows);
  if (!table.tHead && rows.length > 0) table.prepend(head([...rows[0].children]));
  table.hidden = rows.length === 0;
}

/** The headings of cells; what is plain to see has one for those alone who do not see. @param {Element[]} cells */
function head(cells) {
  const headings = cells.map((it) => {
    const text = it.getAttribute('data-heading');
    const isUnseen = text === 'Select' || text === 'Action';
    const words = h('span', { class: isUnseen && 'unseen' }, text);
    return h('th', { role: 'columnheader', scope: 'col', class: it.className || null }, words);
  });
  return h('thead', { role: 'rowgroup' }, h('tr', { role: 'row' }, ...headings));
}

/** Shows a part of a list in its section, or that there is nothing, and buttons that move it; never one behind the end.
 * @template T @param {Element} section @param {{items: T[], offset: number, size: number, total: number}} part
 * @param {(item: T) => string} keyOf @param {(item: T) => Element[]} cellsOf @param {(offset: number) => void} move */
export function list(section, { items, offset, size, total }, keyOf, cellsOf, move) {
  if (offset > 0 && offset >= total) return move(Math.max(0, Math.floor((total - 1) / size) * size));
  fill(find('table', section), items, keyOf, cellsOf);
  section.querySelector('.empty')?.toggleAttribute('hidden', total > 0);
  const nav = section.querySelector('.pager') ?? find('table', section).insertAdjacentElement('afterend', h('nav',
    { class: 'pager', 'aria-label': `Pages of ${section.id}` },
    h('button', { type: 'button' }, 'Previous'), h('span', {}), h('button', { type: 'button' }, 'Next')));
  const [previous, text, next] = nav.children;
  for (const [turn, to] of [[previous, offset - size], [next, offset + size]]) {
    const isOff = to < 0 || to >= total;
    turn.setAttribute('aria-disabled', String(isOff));
    turn.onclick = () => isOff || move(to);
  }
  text.textContent = `${count(offset + 1)} to ${count(Math.min(offset + size, total))} of ${count(total)}`;
  nav.toggleAttribute('hidden', total <= size);
}

/** Puts `children` in place of what `parent` has; focus and what is opened stay, by `data-key`.
 * @param {Element} parent @param {Element[]} children */
export function renew(parent, children) {
  const opened = new Set([...parent.querySelectorAll('details[open]')].map((it) => it.getAttribute('data-key')));
  const focused = parent.contains(document.activeElement) ? document.activeElement?.getAttribute('data-key') : null;
  parent.replaceChildren(...children);
  for (const it of parent.querySelectorAll('details')) it.open = opened.has(it.getAttribute('data-key'));
  if (focused) focus(parent.querySelector(`[data-key="${CSS.escape(focused)}"]`) ?? first(parent));
}

/** Rows that stay are not moved where that can be: a moved element loses the focus.
 * @param {Element} body @param {Element[]} rows */
function arrange(body, rows) {
  const focused = document.activeElement;
  const index = [...body.children].findIndex((row) => row.contains(focused));
  const wanted = new Set(rows);
  for (const row of [...body.children]) if (!wanted.has(row)) row.remove();
  let next = body.firstElementChild;
  for (const row of rows) {
    if (row === next) next = next.nextElementSibling;
    else body.insertBefore(row, next);
  }
  if (index < 0 || document.activeElement === focused) return;
  const neighbour = rows.length > 0 ? first(rows[Math.min(index, rows.length - 1)]) : null;
  focus(body.contains(focused) ? focused : (neighbour ?? body.closest('section')?.querySelector('h2')));
}

/** @param {Element} parent */
function first(parent) {
  return parent.querySelector('button:enabled, summary, input');
}

/** @param {Element | null | undefined} element */
function focus(element) {
  if (element instanceof HTMLElement) element.focus({ preventScroll: true });
}

const NUMBER = new Intl.NumberFormat('en');

/** @param {number} value */
export function count(value) {
  return NUMBER.format(value);
}
