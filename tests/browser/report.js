// The report: from a lock to the text for a ticket.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { entryOf, findUser, openPage, rowOf } from './support/browser.js';
import { Gate } from './support/gate.js';

const ANN = 'ann@example.org';

test('from the list of locks, the report for the one that lost is two clicks away', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true, wait: '12s' });
  const error = await gate.refuse(ANN);
  await gate.kept(ANN, ({ end }) => end === 'quit');
  const page = await openPage(gate);
  const { holder, waiters } = await gate.contend(ANN, 1, '198.51.100');
  await rowOf(page, ANN).getByRole('button', { name: `Timeline of ${ANN}` }).click();
  await entryOf(page, '203.0.113.3').getByRole('button', { name: /^Report on session/ }).click();
  // It is folded at its width.
  const text = (await textOf(page)).replace(/\s+/g, ' ');
  for (const fact of [ANN, error, '203.0.113.3', '203.0.113.2', 'pop3']) {
    assert.ok(text.includes(fact), `${fact} is not in:\n${text}`);
  }
  [holder, ...waiters].forEach((it) => it.leave());
});

test('a report is read in other languages, copied, and saved as text and picture', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true, wait: '4s' });
  await gate.refuse(ANN);
  await gate.kept(ANN, ({ end }) => end === 'quit');
  const page = await openPage(gate);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await findUser(page, ANN);
  await page.getByRole('button', { name: 'Report', exact: true }).click();
  const report = page.getByRole('dialog', { name: 'Report' });
  const titles = new Set();
  for (const language of ['de', 'pt', 'vi', 'en']) {
    await report.getByLabel('Language').selectOption(language);
    await page.locator(`#report-text[lang="${language}"]`).waitFor();
    titles.add((await textOf(page)).split('\n')[0]);
  }
  assert.equal(titles.size, 4, [...titles].join(', '));

  await report.getByRole('button', { name: 'Copy' }).click();
  await report.getByText('Copied.').waitFor();
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await textOf(page));
  const saved = await save(page, 'Save as text');
  assert.match(saved.name, /^popgate report ann@example\.org \d{4}-\d\d-\d\d \d{6}\.txt$/);
  assert.equal(saved.content, await textOf(page));
  const picture = await save(page, 'Save the picture');
  assert.match(picture.name, /\.svg$/);
  assert.match(picture.content, /^(<\?xml[^>]*>\s*)?<svg/);
  await report.getByRole('button', { name: 'Close' }).click();
  await report.waitFor({ state: 'hidden' });
});

test('of two that lost at once, the report is about the one whose row is clicked on', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true, wait: '4s' });
  const { holder, waiters } = await gate.contend(ANN, 2);
  for (const waiter of waiters) {
    await waiter.answer();
    await waiter.quit();
  }
  await holder.quit();
  await gate.kept(ANN, ({ end }) => end === 'quit');
  const page = await openPage(gate);
  await findUser(page, ANN);
  for (const address of ['203.0.113.3', '203.0.113.4']) {
    await entryOf(page, address).getByRole('button', { name: /^Report on session/ }).click();
    assert.match(await textOf(page), new RegExp(`Client address +${address}\\n`));
    await page.getByRole('dialog', { name: 'Report' }).getByRole('button', { name: 'Close' }).click();
  }
});

test('a click on a bar of the picture asks for the report of that login', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true, wait: '4s' });
  await gate.refuse(ANN);
  await gate.kept(ANN, ({ end }) => end === 'quit');
  const { id } = await gate.kept(ANN, ({ end }) => end === 'wait_spent');
  const page = await openPage(gate);
  await findUser(page, ANN);
  const [request] = await Promise.all([
    page.waitForRequest(/\/report\?/),
    page.locator('#picture .timeline-wait').first().click({ force: true }),
  ]);
  assert.equal(new URL(request.url()).searchParams.get('entry'), String(id));
  assert.match(await textOf(page), /203\.0\.113\.3/);
});

test('a report that cannot be had says why', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await findUser(page, ANN);
  page.seen.expected.push(/status of 503/);
  await page.route('**/report?**', (route) => route.fulfill({ status: 503, json: { error: 'the gate is busy' } }));
  await page.getByRole('button', { name: 'Report', exact: true }).click();
  const report = page.getByRole('dialog', { name: 'Report' });
  await report.getByText('There is no report: the gate is busy.').waitFor();
  assert.ok(await report.getByRole('button', { name: 'Copy' }).isDisabled());
});

/** The text, once it is there. */
async function textOf(page) {
  await page.locator('#report-copy:enabled').waitFor();
  return page.locator('#report-text').inputValue();
}

async function save(page, button) {
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('button', { name: button }).click(),
  ]);
  return { name: download.suggestedFilename(), content: fs.readFileSync(await download.path(), 'utf8') };
}
