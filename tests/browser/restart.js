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

const CUT = /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|FAILED)/;

test('a question about a session is over once the gate restarts, for its number is that of another', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  page.seen.expected.push(CUT);
  await gate.contend('before@example.org');
  await rowOf(page, 'before@example.org').getByRole('button', { name: /which holds/ }).click();
  const question = page.getByRole('dialog', { name: /^Kick session/ });
  await question.waitFor();
  await gate.halt();
  await gate.run();
  await page.getByText(/^popgate has restarted/).waitFor();
  await question.waitFor({ state: 'hidden' });
});

test('a kick that is confirmed before the page knows of a restart is not done', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  page.seen.expected.push(CUT);
  const before = await gate.contend('before@example.org');
  await rowOf(page, 'before@example.org').getByRole('button', { name: /which holds/ }).click();
  const question = page.getByRole('dialog', { name: /^Kick session/ });
  const name = await question.getByRole('heading').innerText();
  await page.route('**/api/v1/locks/events**', (route) => route.abort());
  await gate.halt();
  [before.holder, ...before.waiters].forEach((it) => it.leave());
  await gate.run();
  const { holder, waiters } = await gate.contend('after@example.org');
  const { items } = await gate.get('/sessions');
  assert.ok(items.some(({ id, maildrop }) => name === `Kick session ${id}?` && maildrop === 'after@example.org'));
  await question.getByRole('button', { name: 'Kick session' }).click();
  await page.getByText('It is not done: popgate has restarted.').waitFor();
  assert.equal(await holder.command('NOOP'), '+OK');
  [holder, ...waiters].forEach((it) => it.leave());
});
