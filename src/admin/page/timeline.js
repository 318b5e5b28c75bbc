// The past of one user as a picture: an hour, a day or a week on one time axis.
import { ApiError, getText, path } from './api.js';
import { find } from './dom.js';
import * as history from './history.js';
import * as report from './report.js';
import { dateTime, gateNow } from './time.js';

const HOUR_MS = 3_600_000;
/** How long the axis is, and how often the picture is made anew while it ends now: on a long one little moves.
 * @type {Record<string, {length: number, pause: number}>} */
const SPANS = {
  hour: { length: HOUR_MS, pause: 4_000 },
  day: { length: 24 * HOUR_MS, pause: 30_000 },
  week: { length: 168 * HOUR_MS, pause: 120_000 },
};

let login = '';
let span = SPANS.hour;
/** The end of the axis; null where that is now, whenever now is. @type {number | null} */
let end = null;
let drawn = { at: 0, text: '' };
let requests = 0;

/** Shows the last hour of a login. @param {string} name */
export async function open(name) {
  login = name;
  span = SPANS.hour;
  end = null;
  drawn = { at: 0, text: '' };
  // Of another login.
  for (const stale of ['#picture', '#entries', '#journal']) find(stale).replaceChildren();
  await load();
}

export function close() {
  login = '';
  requests += 1;
  find('#past').hidden = true;
}

/** Asks anew, where what is shown goes on. */
export async function refresh() {
  if (login && end === null && Date.now() >= drawn.at + span.pause) await load(true);
}

/** Asks for the picture and the list. @param {boolean} [goesOn] of the time that is shown, which ends now */
async function load(goesOn = false) {
  const own = (requests += 1);
  const until = end ?? gateNow();
  const time = { since: new Date(until - span.length).toISOString(), until: new Date(until).toISOString() };
  const zone = { utc_offset_minutes: -new Date(until).getTimezoneOffset() };
  describe(time);
  find('#past').setAttribute('aria-busy', 'true');
  let failure = '';
  try {
    const asked = [history.get(login, time), getText(path('users', login, 'timeline.svg'), { ...time, ...zone })];
    const [page, text] = await Promise.all(asked);
    if (own !== requests) return;
    draw(text);
    history.show(login, time, page, goesOn);
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    failure = `The past cannot be shown: ${error.message}.`;
  }
  if (own !== requests) return;
  find('#past-failure').textContent = failure;
  find('#past').removeAttribute('aria-busy');
}

/** Which time is shown, and which of the buttons do something. @param {history.Time} time */
function describe({ since, until }) {
  find('#past').hidden = false;
  find('#past-time').textContent = `${dateTime(since)} to ${end === null ? 'now' : dateTime(until)}`;
  for (const button of find('#spans').children) {
    button.setAttribute('aria-pressed', String(SPANS[button.value] === span));
  }
  for (const name of ['#later', '#latest']) find(name).setAttribute('aria-disabled', String(end === null));
}

/** Puts a picture in place, unless it is there. @param {string} text */
function draw(text) {
  const isSame = text === drawn.text;
  drawn = { at: Date.now(), text };
  if (isSame) return;
  const { documentElement: picture } = new DOMParser().parseFromString(text, 'image/svg+xml');
  const isPicture = picture instanceof SVGSVGElement && !picture.querySelector('parsererror');
  if (!isPicture) throw new ApiError(0, 'popgate sent no picture');
  find('#picture').replaceChildren(document.importNode(picture, true));
}

/** @param {number | null} to */
function moveTo(to) {
  end = to === null || to >= gateNow() ? null : to;
  void load();
}

/** Wires the controls. */
export function start() {
  find('#spans').addEventListener('click', (/** @type {any} */ { target }) => {
    span = SPANS[target.value] ?? span;
    void load();
  });
  find('#earlier').addEventListener('click', () => moveTo((end ?? gateNow()) - span.length));
  find('#later').addEventListener('click', () => end === null || moveTo(end + span.length));
  find('#latest').addEventListener('click', () => end === null || moveTo(null));
  find('#report-open').addEventListener('click', () => report.open(login, {}));
  find('#picture').addEventListener('click', (/** @type {any} */ { target }) => {
    const { entry, at } = target.closest('[data-entry], [data-at]')?.dataset ?? {};
    if (entry ?? at) void report.open(login, entry ? { entry } : { at });
  });
}
