// The report of one incident, as text for a ticket: read, copied, or taken as files.
import { ApiError, get, path } from './api.js';
import { find, h } from './dom.js';

let login = '';
/** Which login it is about: an entry, or the nearest to a moment; else the last problem.
 * @typedef {{entry?: number | string, at?: string}} Which */
/** @type {Which} */
let which = {};
/** A ReportInfo of the API. @type {any} */
let shown = null;
let requests = 0;

/** @param {string} user @param {Which} asked */
export function open(user, asked) {
  login = user;
  which = asked;
  show(null);
  find('#report').showModal();
  return load();
}

async function load() {
  const own = (requests += 1);
  say('Asking popgate …');
  try {
    const report = await get(path('users', login, 'report'), { ...which, lang: find('#report-language').value });
    if (own !== requests) return;
    show(report);
    say(report.at === null ? 'Nothing is known of this login.' : '');
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (own === requests) say(`There is no report: ${error.message}.`);
  }
}

/** @param {any} report */
function show(report) {
  shown = report;
  const text = find('#report-text');
  text.value = report?.text ?? '';
  text.lang = report?.language ?? '';
  find('#report-at').value = report?.at ? local(report.at) : '';
  for (const name of ['#report-copy', '#report-save']) find(name).disabled = report === null;
  find('#report-picture').disabled = !report?.timeline_svg;
}

/** A time as its field has it: to the second, in the zone of this browser. @param {string} time */
function local(time) {
  const date = new Date(time);
  const shifted = new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 19);
}

/** @param {string} text */
function say(text) {
  find('#report-state').textContent = text;
}

/** Without TLS a browser lets no page write to the clipboard, so the text is selected for Ctrl+C. */
async function copy() {
  const text = find('#report-text');
  text.focus();
  text.select();
  const isDone = await navigator.clipboard?.writeText(text.value).then(() => true, () => false);
  say(isDone ? 'Copied.' : 'This browser lets the page copy nothing here. The text is selected: press Ctrl+C.');
}

/** @param {string} content @param {string} type @param {string} extension */
function save(content, type, extension) {
  const name = shown.login.replace(/[^\w.@+-]/g, '_').slice(0, 64);
  const time = local(shown.at ?? new Date().toISOString()).replace('T', ' ').replaceAll(':', '');
  const address = URL.createObjectURL(new Blob([content], { type }));
  h('a', { href: address, download: `popgate report ${name} ${time}.${extension}` }).click();
  URL.revokeObjectURL(address);
}

/** Wires the dialog. */
export function start() {
  const language = find('#report-language');
  language.value = navigator.language.slice(0, 2);
  language.value ||= 'en';
  language.addEventListener('change', load);
  find('#report-at').addEventListener('change', (/** @type {any} */ { target }) => {
    which = target.value ? { at: new Date(target.value).toISOString() } : {};
    void load();
  });
  find('#report-copy').addEventListener('click', copy);
  find('#report-save').addEventListener('click', () => save(shown.text, 'text/plain;charset=utf-8', 'txt'));
  find('#report-picture').addEventListener('click', () => save(shown.timeline_svg, 'image/svg+xml', 'svg'));
  find('#report-close').addEventListener('click', () => find('#report').close());
}
