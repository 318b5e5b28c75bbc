// The event stream of the locks, read by fetch: EventSource cannot send the token's header.
import { ApiError, request } from './api.js';

// The gate says its status each second.
const SILENCE_MS = 10000;
const RETRY_MS = [500, 1000, 2000, 5000];

/** Takes server-sent events apart: what comes is given to what this returns, as it comes.
 * @param {(event: {name: string, id: string, data: string}) => void} deliver */
function parser(deliver) {
  let rest = '';
  return (/** @type {string} */ text) => {
    const events = (rest + text).split('\n\n');
    rest = events.pop() ?? '';
    for (const event of events) {
      const lines = event.split('\n').map((line) => /^([^:]*): ?(.*)$/s.exec(line) ?? []);
      const field = (/** @type {string} */ wanted) => lines.find(([, name]) => name === wanted)?.[2] ?? '';
      if (field('data')) deliver({ name: field('event'), id: field('id'), data: field('data') });
    }
  };
}

/** Reads the stream, again and again, until `stop` says so or the token is refused. @param {AbortSignal} stop
 * @param {{event: (name: string, data: any) => void, live: () => void, lost: (why: ApiError) => void}} listener */
export async function follow(listener, stop) {
  let lastId = '';
  let failures = 0;
  const deliver = (/** @type {{name: string, id: string, data: string}} */ event) => {
    listener.live();
    failures = 0;
    lastId = event.id || lastId;
    listener.event(event.name, JSON.parse(event.data));
  };
  for (;;) {
    const why = await readOnce(lastId, deliver, stop);
    if (stop.aborted) return;
    listener.lost(why);
    if (why.status === 401) return;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS[Math.min(failures, RETRY_MS.length - 1)]));
    failures += 1;
  }
}

/** @param {string} lastId @param {Parameters<typeof parser>[0]} deliver @param {AbortSignal} stop
 * @returns {Promise<ApiError>} why it ended */
async function readOnce(lastId, deliver, stop) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const headers = { Accept: 'text/event-stream', ...(lastId ? { 'Last-Event-ID': lastId } : {}) };
    const signal = AbortSignal.any([stop, silence.signal]);
    const response = await request('/locks/events?contended=true', { headers, signal });
    const feed = parser(deliver);
    const reader = /** @type {ReadableStream} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      feed(part.value);
    }
  } catch (error) {
    if (error instanceof ApiError) return error;
    if (error instanceof SyntaxError) throw error;
  } finally {
    clearTimeout(timer);
  }
  return new ApiError(0, 'the connection to popgate was lost');
}
