// What the page shows of locks.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryOf, openPage, rowOf } from './support/browser.js';
import { Gate } from './support/gate.js';

test('contention appears within a second, with who holds and who waits, and goes', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await page.getByText('Nobody waits for a mailbox.').waitFor();
  const { holder } = await gate.contend('ann@example.org', 0);
  const begun = Date.now();
  const waiter = await gate.wait('ann@example.org', '203.0.113.3');
  const row = rowOf(page, 'ann@example.org');
  await row.waitFor();
  const took = Date.now() - begun;
  assert.ok(took < 1000, `it took ${took} ms`);
  t.diagnostic(`contention was seen after ${took} ms`);
  await row.getByText('203.0.113.2').waitFor();
  await row.getByText('203.0.113.3').waitFor();
  assert.match(await row.innerText(), /legacy/);
  await page.getByRole('group', { name: 'Waiting' }).getByText('1', { exact: true }).waitFor();

  await holder.command('STAT');
  holder.send('RETR 1');
  await row.getByText('RETR · 1 message').waitFor();
  holder.send('QUIT');
  await row.waitFor({ state: 'detached' });
  waiter.leave();
  await page.getByText('Nobody waits for a mailbox.').waitFor();
});

test('the next one in the queue is shown as the holder', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const { holder, waiters } = await gate.contend('bob@example.org', 2);
  const page = await openPage(gate);
  const row = rowOf(page, 'bob@example.org');
  const heldBy = row.locator('td[data-heading="Held by"]');
  await heldBy.getByText('203.0.113.2').waitFor();
  assert.equal(await row.locator('li').count(), 2);
  holder.leave();
  await heldBy.getByText(/203\.0\.113\.[34]/).waitFor();
  assert.equal(await row.locator('li').count(), 1);
  waiters.forEach((it) => it.leave());
});

test('a user is found with holder, waiters, limits, and the logins that are over', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.guess('carol@example.org', '203.0.113.9');
  const { holder, waiters } = await gate.contend('carol@example.org');
  const page = await openPage(gate);
  await page.getByRole('textbox', { name: 'Find a user' }).fill('Carol@Example.org');
  await page.getByRole('button', { name: 'Search' }).click();
  const result = page.locator('#user-result');
  await result.getByRole('heading', { name: 'carol@example.org' }).waitFor();
  await result.getByText('203.0.113.2', { exact: true }).waitFor();
  await result.getByText('203.0.113.3', { exact: true }).first().waitFor();
  await entryOf(page, '203.0.113.9').first().waitFor();
  await result.getByText('Limits').click();
  await result.getByRole('row', { name: /^wait 55/ }).waitFor();
  [holder, ...waiters].forEach((it) => it.leave());
  await result.getByText('nobody').nth(1).waitFor();
});
