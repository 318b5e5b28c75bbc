// Times and amounts as people read them.
import { h } from './dom.js';

// Made once: to make one takes longer than all else in a row.
const DATE_TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const TIME = new Intl.DateTimeFormat(undefined, { timeStyle: 'medium' });

/** What the gate's clock is ahead of this one, in milliseconds. */
let ahead = 0;

/** @param {string} now the gate's */
export function setClock(now) {
  ahead = Date.parse(now) - Date.now();
}

/** The gate's time, in milliseconds. */
export function gateNow() {
  return Date.now() + ahead;
}

/** @param {number} seconds */
export function duration(seconds) {
  const whole = Math.max(0, Math.floor(seconds));
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0');
  if (seconds < 10) return `${Math.max(0, seconds).toFixed(1)} s`;
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  if (whole < 86400) return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
  return `${Math.floor(whole / 86400)} d ${Math.floor((whole % 86400) / 3600)} h`;
}

/** How long ago `since` is; it goes on by itself. @param {string} since */
export function elapsed(since) {
  const at = Date.parse(since);
  const text = duration((gateNow() - at) / 1000);
  return h('time', { datetime: since, title: dateTime(since), 'data-since': at }, text);
}

/** The part of a wait that is spent, as a bar that goes on by itself. @param {string} since @param {string} until */
export function spent(since, until) {
  const times = { 'data-since': Date.parse(since), 'data-until': Date.parse(until) };
  const label = { 'aria-label': 'Part of its wait that is spent' };
  const meter = h('meter', { ...times, ...label, low: 0.5, high: 0.8, optimum: 0 });
  advance(meter);
  return meter;
}

/** @param {HTMLMeterElement} meter */
function advance(meter) {
  const since = Number(meter.dataset.since);
  meter.value = (gateNow() - since) / (Number(meter.dataset.until) - since);
}

/** Brings all that goes on by itself to now. */
export function tick() {
  for (const time of document.querySelectorAll('time[data-since]')) {
    const text = duration((gateNow() - Number(time.getAttribute('data-since'))) / 1000);
    if (time.textContent !== text) time.textContent = text;
  }
  document.querySelectorAll('meter').forEach(advance);
}

/** @param {string} time */
export function dateTime(time) {
  return DATE_TIME.format(new Date(time));
}

/** A time, short where it is today's. @param {string | null} time */
export function clock(time) {
  if (!time) return '–';
  const date = new Date(time);
  const isToday = date.toDateString() === new Date(gateNow()).toDateString();
  return h('time', { datetime: time, title: dateTime(time) }, isToday ? TIME.format(date) : dateTime(time));
}

/** @param {number} octets */
export function size(octets) {
  const unit = octets < 1000 ? 0 : Math.min(4, Math.floor(Math.log10(octets) / 3));
  const value = octets / 1000 ** unit;
  return `${value < 10 && unit > 0 ? value.toFixed(1) : Math.round(value)} ${['B', 'kB', 'MB', 'GB', 'TB'][unit]}`;
}
