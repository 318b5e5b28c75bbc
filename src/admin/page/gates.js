// The gates of a cluster: how they stand, and the lock of a mailbox as it is at all of them.
import { get } from './api.js';
import { badge, cell, fill, find, minor, rowHeading, typed } from './dom.js';
import { withIdleSince } from './sessions.js';
import { gateNow } from './time.js';

/** What a gate has of a mailbox, and when it said so; this gate is null.
 * @typedef {{lock: any, gate: {name: string, id: string} | null, at: number}} Told */

/** The GateInfo of this gate, once the engine has told of it. @type {any} */
let here = null;
/** Those of the others. @type {any[]} */
let others = [];

/** @param {any} cluster a ClusterInfo of the API; null where the gate is alone */
export function take(cluster) {
  const gates = cluster?.gates ?? [];
  here = gates.find((/** @type {any} */ gate) => gate.here) ?? null;
  others = gates.filter((/** @type {any} */ gate) => !gate.here);
  find('#gates').hidden = cluster === null;
  const own = { name: 'this gate', ...here, state: cluster?.state, why: cluster?.why };
  const rows = cluster === null ? [] : [own, ...others.map((gate) => ({ ...gate, state: 'alive', why: null }))];
  fill(find('#gates table'), rows, ({ id }) => id ?? '', cellsOf);
}

/** @param {any} gate a GateInfo and its state */
function cellsOf({ name, here: isHere, settings_differ: differ, state, why }) {
  const settings = differ ? [badge('differ'), minor('from this gate: domains, aliases or backends')] : ['the same'];
  return [
    rowHeading('Gate', typed(name), isHere && minor('this gate')),
    cell('State', badge(state), why && minor(why)),
    cell('Settings', ...(isHere === false ? settings : [])),
  ];
}

/** Which gate it is, and what is wrong, for the head of the page. @param {any} cluster */
export function summary(cluster) {
  const name = here && `gate ${here.name}, with ${others.length} other${others.length === 1 ? '' : 's'}`;
  return { name, trouble: cluster && cluster.state !== 'healthy' && `cluster ${cluster.state}: ${cluster.why}` };
}

/** Asks all gates; where there are no others, nobody. Who waits here the events say. @param {Record<string, any>} query
 * @returns {Promise<{told: Told[], left_out: number, unanswered: string[]}>} */
export async function ask(query) {
  if (others.length === 0) return { told: [], left_out: 0, unanswered: [] };
  const at = gateNow();
  const { items, left_out, unanswered } = await get('/cluster/locks', query);
  const told = items.map((/** @type {any} */ { gate: name, gate_id: id, lock }) => {
    const isHere = id === here?.id;
    return { lock: { ...withIdleSince(lock), ...(isHere && { waiters: [] }) }, gate: isHere ? null : { name, id }, at };
  });
  return { told, left_out, unanswered };
}

/** A lock with all holders (two can be, while the engine is away) and all that wait, in their order: in each lane gates
 * take turns. @param {any} own as this gate knows it now @param {Told[]} told */
export function joined(own, told) {
  // What was said of a holder before this gate's was granted the lock is over.
  const isNews = (/** @type {Told} */ { at }) => !own?.holder || Date.parse(own.holder.since) < at;
  const elsewhere = told.filter(({ gate }) => gate !== null || !own);
  const parts = own ? [{ lock: own, gate: null, at: Infinity }, ...elsewhere] : elsewhere;
  const holders = parts.filter(isNews).map(({ lock, gate }) => lock.holder && { ...lock.holder, gate }).filter(Boolean);
  const waiters = parts.flatMap(({ lock, gate }) =>
    lock.waiters.map((/** @type {any} */ it, /** @type {number} */ turn) => ({ ...it, gate, turn })));
  const lane = (/** @type {any} */ it) => Number(it.lane !== 'main');
  const bySince = (/** @type {any} */ one, /** @type {any} */ other) => Date.parse(one.since) - Date.parse(other.since);
  waiters.sort((one, other) => lane(one) - lane(other) || one.turn - other.turn || bySince(one, other));
  return { ...parts[0]?.lock, holders, waiters, longest: waiters.toSorted(bySince)[0] };
}
