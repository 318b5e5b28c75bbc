// The block list: its columns, filters and history, and the release of a selection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage } from './support/browser.js';
import { Gate } from './support/gate.js';
import { Client } from './support/pop3.js';

test('selected blocks are released, after a question that names them', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.guess('dave@example.org', '203.0.113.7');
  await gate.guess('erin@example.org', '203.0.113.8');
  const page = await openPage(gate);
  const blocks = page.getByRole('region', { name: /^Block list/ });
  const release = blocks.getByRole('button', { name: /^Release selected/ });
  assert.ok(await release.isDisabled());
  await blocks.getByRole('checkbox', { name: 'Select 203.0.113.7 at dave@example.org' }).check();
  await release.click();
  const question = page.getByRole('dialog', { name: 'Release 1 entry?' });
  await question.getByText('dave@example.org').waitFor();
  await question.getByRole('button', { name: 'Release' }).click();
  await page.getByText('1 entry released.').waitFor();
  await blocks.getByRole('checkbox', { name: /dave/ }).waitFor({ state: 'detached' });
  assert.ok(await blocks.getByRole('checkbox', { name: /erin/ }).isVisible());
  assert.deepEqual((await gate.get('/blocks?state=released')).items.map((it) => it.address), ['203.0.113.7']);
});

test('what a release would not change is said before it, and where that is all, there is no question', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.guess('dave@example.org', '203.0.113.7');
  await gate.guess('erin@example.org', '203.0.113.8');
  const { items } = await gate.get('/blocks?maildrop=dave');
  await gate.post('/blocks/pin', { ids: items.map(({ id }) => id) });
  const page = await openPage(gate);
  await page.getByRole('checkbox', { name: /dave/ }).check();
  await page.getByRole('button', { name: 'Release selected (1)' }).click();
  await page.getByText('Nothing is released: what is selected is pinned, or not blocked.').waitFor();
  await page.getByRole('checkbox', { name: /erin/ }).check();
  await page.getByRole('button', { name: 'Release selected (2)' }).click();
  const question = page.getByRole('dialog', { name: 'Release 1 entry?' });
  await question.getByText('1 entry of the selected will not change').waitFor();
  assert.equal(await question.getByText('dave@example.org').count(), 0);
});

test('all that a filter leaves is selected and released with one question', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const names = Array.from({ length: 30 }, (_, index) => `user${index}@example.org`);
  for (const [host, name] of ['dave@example.com', ...names].entries()) await gate.guess(name, `203.0.113.${host}`);
  const page = await openPage(gate);
  const blocks = page.getByRole('region', { name: /^Block list/ });
  await blocks.getByLabel('Mailbox').fill('example.org');
  await blocks.getByLabel('Mailbox').press('Enter');
  await page.locator('#blocks-count').getByText('30', { exact: true }).waitFor();
  await blocks.getByLabel('Select all shown').check();
  await blocks.getByRole('button', { name: 'Select all 30' }).click();
  await blocks.getByRole('button', { name: 'Release selected (30)' }).click();
  const question = page.getByRole('dialog', { name: 'Release 30 entries?' });
  await question.getByText('user0@example.org').waitFor();
  await question.getByText('and 25 more').waitFor();
  await question.getByRole('button', { name: 'Release' }).click();
  await page.getByText('30 entries released.').waitFor();
  const left = await gate.get('/blocks?state=blocked');
  assert.deepEqual(left.items.map((it) => it.maildrop), ['dave@example.com']);
});

test('an address that is none is told, and the list stays', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.guess('dave@example.org', '203.0.113.7');
  const page = await openPage(gate);
  page.seen.expected.push(/status of 400/);
  await page.getByRole('checkbox', { name: /dave/ }).waitFor();
  await page.locator('#blocks').getByLabel('Address').fill('nobody');
  await page.locator('#blocks').getByLabel('Address').press('Enter');
  await page.getByText(/^The block list cannot be shown so: .*address/).waitFor();
  assert.ok(await page.getByRole('checkbox', { name: /dave/ }).isVisible());
});

test('the history of an entry says what became of it, and by whom', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.guess('dave@example.org', '203.0.113.7');
  const page = await openPage(gate);
  const [{ id }] = (await gate.get('/blocks')).items;
  await page.getByRole('checkbox', { name: /dave/ }).waitFor();
  await gate.post('/blocks/release', { ids: [id] });
  await page.locator('#blocks').getByLabel('State').selectOption('released');
  await page.getByRole('button', { name: 'History of 203.0.113.7 at dave@example.org' }).click();
  const history = page.getByRole('dialog', { name: 'History of 203.0.113.7 at dave@example.org' });
  await history.getByRole('row', { name: /released.*127\.0\.0\.1/ }).waitFor();
  await history.getByRole('row', { name: /blocked/ }).last().waitFor();
  assert.equal(await history.getByRole('row').count(), 3);
  await history.getByRole('button', { name: 'Close' }).click();
  await history.waitFor({ state: 'hidden' });
});

test('who is counted and not blocked yet stands apart, with the limit', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const holder = await Client.inside(gate.address, 'ann@example.org', { from: '203.0.113.2' });
  for (const many of [1, 2]) {
    const other = { from: '203.0.113.9', password: `another ${many}` };
    const stranger = await Client.login(gate.address, 'ann@example.org', other);
    await gate.waits('ann@example.org');
    stranger.leave();
    await gate.waits('ann@example.org', 0);
  }
  const page = await openPage(gate);
  const counting = page.locator('#counting');
  await counting.getByRole('row', { name: /ann@example\.org 203\.0\.113\.9 2 of 5/ }).waitFor();
  assert.equal(await page.locator('#blocks > table tbody tr').count(), 0);
  holder.leave();
});
