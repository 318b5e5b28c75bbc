// A gate that goes away under the page, and comes back.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLive, logIn, openPage, rowOf } from './support/browser.js';
import { Gate } from './support/gate.js';

test('a gate that restarts is said to, and what is shown is that of the new one', async (t) => {
  const gate = await Gate.start(t);
  const page = await openPage(gate);
  await logIn(page, gate.token);
  await gate.contend('before@example.org');
  await rowOf(page, 'before@example.org').waitFor();
  page.seen.expected.push(/ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/);
  await gate.halt();
  await page.locator('#link').getByText(/^No connection/).waitFor();
  assert.match(await page.locator('#announcement').innerText(), /No connection/, 'a screen reader hears of it');

  await gate.run();
  await isLive(page);
  await page.getByText(/^popgate has restarted/).waitFor();
  await rowOf(page, 'before@example.org').waitFor({ state: 'detached' });
  const { holder, waiters } = await gate.contend('after@example.org');
  await rowOf(page, 'after@example.org').waitFor();
  [holder, ...waiters].forEach((it) => it.leave());
});
