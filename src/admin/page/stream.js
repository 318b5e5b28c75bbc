// The event stream of the locks, read by fetch: EventSource cannot send the token's header.
import { ApiError, request } from './api.js';

// The gate says its status each second.
const SILENCE_MS = 10000;
const RETRY_MS = [500, 1000, 2000, 5000];

/**
 * Takes server-sent events apart.
 * @param {(event: {name: string, id: string, data: string}) => void} deliver
 * @returns {(text: string) => void} to be given what comes, as it comes
 */
export function parser(deliver) {
  let rest = '';
  let event = { name: '', id: '', data: '' };
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const ended of lines) {
      const line = ended.endsWith('\r') ? ended.slice(0, -1) : ended;
      const [, field, value] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (line === '') {
        if (event.data) deliver(event);
        event = { name: '', id: '', data: '' };
      } else if (field === 'event') event.name = value;
      else if (field === 'id') event.id = value;
      else if (field === 'data') event.data += value;
    }
  };
}

/**
 * Reads the stream, again and again, until it is stopped or the token is refused.
 * @param {{event: (name: string, data: any) => void, live: () => void, lost: (why: ApiError) => void}} listener
 * @returns {() => void} ends it
 */
export function follow(listener) {
  const stop = new AbortController();
  void keepReading(listener, stop.signal);
  return () => stop.abort();
}

/** @param {Parameters<typeof follow>[0]} listener @param {AbortSignal} stop */
async function keepReading(listener, stop) {
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

/**
 * @param {string} lastId @param {Parameters<typeof parser>[0]} deliver @param {AbortSignal} stop
 * @returns {Promise<ApiError>} why it ended
 */
async function readOnce(lastId, deliver, stop) {
  const silence = new AbortController();
  let timer = setTimeout(() => silence.abort(), SILENCE_MS);
  try {
    const headers = { Accept: 'text/event-stream', ...(lastId ? { 'Last-Event-ID': lastId } : {}) };
    const signal = AbortSignal.any([stop, silence.signal]);
    const response = await request('/locks/events?contended=true', { headers, signal });
    const decoder = new TextDecoder();
    const feed = parser(deliver);
    const reader = /** @type {ReadableStream<Uint8Array>} */ (response.body).getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      clearTimeout(timer);
      timer = setTimeout(() => silence.abort(), SILENCE_MS);
      feed(decoder.decode(part.value, { stream: true }));
    }
  } catch (error) {
    if (error instanceof ApiError) return error;
    if (error instanceof SyntaxError) throw error;
  } finally {
    clearTimeout(timer);
  }
  return new ApiError(0, 'the connection to popgate was lost');
}
