// Requests to the gate. The token is kept for this tab only and goes nowhere but into a header.

const KEY = 'popgate token';
const PATIENCE_MS = 15000;

/** When the gate started that is shown. The numbers of sessions and of block list entries are those of this start. */
export const gate = { started: '' };

export class ApiError extends Error {
  /** @param {number} status 0 where there was no answer @param {string} why */
  constructor(status, why) {
    super(why);
    this.status = status;
  }
}

export const token = {
  get: () => sessionStorage.getItem(KEY),
  set: (/** @type {string} */ value) => sessionStorage.setItem(KEY, value),
  forget: () => sessionStorage.removeItem(KEY),
};

/** @param {string} path below the API's root @param {RequestInit & {headers?: Record<string, string>}} [options]
 * @returns {Promise<Response>} an answer that is no error @throws {ApiError} */
export async function request(path, options = {}) {
  const shown = token.get();
  const headers = { ...options.headers, ...(shown ? { Authorization: `Bearer ${shown}` } : {}) };
  /** @type {RequestInit} */
  const settings = { ...options, cache: 'no-store', credentials: 'omit', redirect: 'error', headers };
  const response = await fetch(`/api/v1${path}`, settings).catch(silence);
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  throw new ApiError(response.status, answer.error ?? `popgate answered ${response.status}`);
}

/** @typedef {Record<string, string | number | null>} Query of which null is left out */

/** @param {string} path @param {Query} [query] */
export async function get(path, query) {
  return (await read(path, query)).json().catch(silence);
}

/** @param {string} path @param {Query} [query] @returns {Promise<string>} */
export async function getText(path, query) {
  return (await read(path, query)).text().catch(silence);
}

/** @param {string} path @param {Query} [query] */
function read(path, query = {}) {
  const given = Object.entries(query).filter(([, value]) => value !== null);
  const words = new URLSearchParams(given.map(([key, value]) => [key, String(value)])).toString();
  return request(words ? `${path}?${words}` : path, { signal: AbortSignal.timeout(PATIENCE_MS) });
}

/** @param {string} path @param {object} [body] */
export async function post(path, body = {}) {
  const sent = { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await request(path, { method: 'POST', ...sent, signal: AbortSignal.timeout(PATIENCE_MS) });
  return response.json().catch(silence);
}

/** @returns {never} */
function silence() {
  throw new ApiError(0, 'popgate does not answer');
}

/** The path of one thing. @param {...string | number} parts */
export function path(...parts) {
  return `/${parts.map(encodeURIComponent).join('/')}`;
}
