// A thousand contended mailboxes, of real sessions that come and go.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLive, openPage } from './support/browser.js';
import { Gate } from './support/gate.js';
import { Client } from './support/pop3.js';

const MAILBOXES = 1000;
const AT_ONCE = 50;
const ROWS = 15;
const FRAME_MS = 50;

test('a thousand contended mailboxes are shown, and turned over in frames under 50 ms', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await isLive(page);
  const names = Array.from({ length: MAILBOXES }, (_, index) => `user${index}@example.org`);
  const clients = new Map();
  for (let i = 0; i < names.length; i += AT_ONCE) {
    await Promise.all(names.slice(i, i + AT_ONCE).map(async (name) => clients.set(name, await gate.contend(name))));
  }
  await page.locator('#locks-count').getByText('1,000').waitFor();
  assert.equal(await page.locator('#locks tbody tr').count(), ROWS);

  const browser = page.context().browser();
  await browser.startTracing(page, { categories: ['toplevel'] });
  const turning = turnOver(gate, names, clients);
  for (let turn = 0; turn < 20; turn += 1) {
    await page.getByRole('navigation', { name: /contended/ }).getByRole('button', { name: 'Next' }).click();
    await page.mouse.wheel(0, turn % 2 ? -900 : 900);
    await page.evaluate(() => new Promise((resolve) => setTimeout(resolve, 100)));
  }
  await turning;
  const tasks = tasksOfPage(await browser.stopTracing());
  t.diagnostic(`${tasks.length} tasks of the page; the longest took ${tasks.slice(0, 5).join(', ')} ms`);
  assert.ok(tasks.length > 100);
  assert.ok(tasks[0] < FRAME_MS, `a task kept the page from its next frame for ${tasks[0]} ms`);
});

/**
 * What each task of the page's thread took, in milliseconds, the longest first: a frame is late where one of them is
 * long. Counted is the processor's time, for other programs of the machine are not the page's fault.
 */
function tasksOfPage(trace) {
  const { traceEvents } = JSON.parse(trace.toString());
  const thread = ({ pid, tid }) => `${pid} ${tid}`;
  const isMain = ({ name, args }) => name === 'thread_name' && args.name === 'CrRendererMain';
  const mains = new Set(traceEvents.filter(isMain).map(thread));
  return traceEvents
    .filter((it) => it.ph === 'X' && it.name.endsWith('RunTask') && mains.has(thread(it)))
    .map(({ tdur = 0 }) => tdur / 1000)
    .sort((one, other) => other - one);
}

/** Gives two hundred of the mailboxes over from one session to the next, with a new one behind. */
async function turnOver(gate, names, clients) {
  for (const name of names.slice(0, 200)) {
    const { holder, waiters } = clients.get(name);
    const next = await Client.login(gate.address, name, { from: '203.0.113.5' });
    holder.leave();
    await waiters[0].answer();
    clients.set(name, { holder: waiters[0], waiters: [next] });
  }
}
