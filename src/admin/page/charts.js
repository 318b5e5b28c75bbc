// The five figures, and their last 15 minutes as small charts.
import { get } from './api.js';
import { count, find } from './dom.js';
import { duration } from './time.js';

/** @typedef {(number | null)[]} Series oldest first; null where nothing was recorded */
/** What is shown of a status; nothing of refusals, which are counted.
 * @typedef {{key: string, name: string, text: (value: number) => string, of?: (status: any) => number}} Figure */

/** @type {Figure[]} */
const FIGURES = [
  { key: 'sessions', name: 'Sessions', text: count, of: (status) => status.sessions.open },
  { key: 'locks_held', name: 'Locks held', text: count, of: ({ locks }) => locks.held },
  { key: 'waiting', name: 'Waiting', text: count, of: ({ locks }) => locks.waiting },
  { key: 'longest_wait_seconds', name: 'Longest wait', text: duration, of: ({ locks }) => locks.longest_wait_seconds },
  { key: 'refusals', name: 'Refused in 15 min', text: count },
];
// As the picture's in the page's HTML.
const WIDTH = 180;
const HEIGHT = 40;

/** @type {Record<string, Series> | null} */
let recorded = null;
let intervalMs = 5000;
/** When the newest point begins. */
let newest = 0;
/** Refusals since the gate's start: as of the newest point's begin, and as of now. */
let refused = { before: 0, now: 0 };

/** Takes what the gate has recorded, and begins a point that is not. @param {any} status of now */
export async function load(status) {
  const samples = await get('/samples');
  recorded = Object.fromEntries(FIGURES.map(({ key }) => [key, [...samples[key].slice(1), null]]));
  intervalMs = samples.interval_seconds * 1000;
  newest = Date.parse(samples.newest ?? status.now);
  refused = { before: refusals(status), now: refusals(status) };
  add(status);
}

/** Takes a status: it moves the newest point, and begins a new one each interval. @param {any} status */
export function add(status) {
  if (!recorded) return;
  while (Date.parse(status.now) - newest >= intervalMs) {
    newest += intervalMs;
    refused.before = refused.now;
    for (const key of Object.keys(recorded)) recorded[key] = [...recorded[key].slice(1), null];
  }
  refused.now = refusals(status);
  for (const figure of FIGURES) {
    const values = recorded[figure.key];
    values[values.length - 1] = figure.of?.(status) ?? refused.now - refused.before;
    draw(figure, values);
  }
}

/** @param {any} status */
function refusals({ refusals: { lock, auth, rule } }) {
  return lock + auth + rule;
}

/** @param {Figure} figure @param {Series} values */
function draw({ key, name, text, of }, values) {
  const isSum = !of;
  const known = values.filter((value) => value !== null);
  const highest = Math.max(0, ...known);
  const now = isSum ? known.reduce((sum, value) => sum + value, 0) : known[known.length - 1];
  const chart = document.getElementById(`chart-${key}`) ?? create(key, name);
  find('.value', chart).textContent = text(now ?? 0);
  find('.highest', chart).textContent = `${isSum ? `most in ${intervalMs / 1000} s:` : 'highest'} ${text(highest)}`;
  const lines = runs(values, highest);
  find('.line', chart).setAttribute('d', lines.map((points) => `M${points.join('L')}`).join(''));
  const areas = lines.map((points) => `M${points[0].split(',')[0]},${HEIGHT}L${points.join('L')}V${HEIGHT}Z`);
  find('.area', chart).setAttribute('d', areas.join(''));
}

/** The points of each stretch that was recorded. @param {Series} values @param {number} highest */
function runs(values, highest) {
  /** @type {string[][]} */
  const found = [];
  values.forEach((value, index) => {
    if (value === null) return;
    if (index === 0 || values[index - 1] === null) found.push([]);
    const x = (index / (values.length - 1)) * WIDTH;
    const y = HEIGHT - 1 - (value / (highest || 1)) * (HEIGHT - 3);
    found[found.length - 1].push(`${x.toFixed(1)},${y.toFixed(1)}`);
  });
  return found;
}

/** @param {string} key @param {string} name */
function create(key, name) {
  const chart = find('template').content.firstElementChild.cloneNode(true);
  find('h3', chart).textContent = name;
  return find('#charts').appendChild(Object.assign(chart, { id: `chart-${key}`, ariaLabel: name }));
}
