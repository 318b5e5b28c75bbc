// The token: asked for once, kept for the tab, and never in an address.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLive, logIn, openPage } from './support/browser.js';
import { Gate } from './support/gate.js';

test('a gate that asks for a token gets it in a header, and nothing else shows it', async (t) => {
  const gate = await Gate.start(t);
  const page = await openPage(gate);
  page.seen.expected.push(/status of 401/);
  // No header can hold it: the form says so, and nothing is asked.
  await page.getByLabel('Token').fill('nöt the token €');
  const asked = page.seen.requests.length;
  await page.getByRole('button', { name: 'Log in' }).click();
  assert.ok(await page.getByLabel('Token').evaluate((it) => it.validity.patternMismatch));
  assert.equal(page.seen.requests.length, asked);
  await page.getByLabel('Token').fill('not the token');
  await page.getByRole('button', { name: 'Log in' }).click();
  await page.getByText('this is not the token of this gate').waitFor();
  await logIn(page, gate.token);
  await page.getByText('Nobody waits for a mailbox.').waitFor();

  await page.reload();
  await isLive(page);
  const shown = [...page.seen.requests, page.url(), await page.content()].join('\n');
  assert.ok(!shown.includes(gate.token), 'the token is in an address, or in the page');
  assert.deepEqual(await page.context().cookies(), []);
  assert.equal(await page.evaluate(() => localStorage.length), 0);

  await page.getByRole('button', { name: 'Log out' }).click();
  await page.getByLabel('Token').waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  assert.ok(await page.locator('#board').isHidden());
});

test('where the operator trusts this machine, nobody is asked', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await isLive(page);
  assert.ok(await page.getByLabel('Token').isHidden());
  assert.ok(await page.getByRole('button', { name: 'Log out' }).isHidden());
});
