// The past of a user: the timeline, the list below it, and what is said of what is not kept.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryOf, findUser, openPage } from './support/browser.js';
import { Gate } from './support/gate.js';
import { Client } from './support/pop3.js';

const ANN = 'ann@example.org';

test('a conflict is seen: the wait of one beside the hold of the other, and what the loser was told', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true, wait: '4s' });
  const error = await gate.refuse(ANN);
  assert.match(error, /^-ERR \[IN-USE\]/);
  await gate.kept(ANN, ({ end }) => end === 'quit');
  const page = await openPage(gate);
  await findUser(page, ANN);
  const loser = entryOf(page, '203.0.113.3');
  await loser.getByText(error).waitFor();
  const waited = await loser.locator('[data-heading="Waited"]').innerText();
  assert.match(waited, /^[1-4]\.\d s$/);
  assert.equal(await loser.locator('[data-heading="Held"]').innerText(), '0.0 s');
  assert.match(await entryOf(page, '203.0.113.2').innerText(), /the client quit/i);

  const wait = await boxOf(page, 'wait');
  const hold = await boxOf(page, 'hold');
  assert.ok(wait.width > 0 && hold.x <= wait.x && wait.x + wait.width <= hold.x + hold.width + 1, 'one is within the other');
  assert.ok(wait.y > hold.y + hold.height || wait.y + wait.height < hold.y, 'each has a row of its own');
});

/** Where the only bar of this kind is in the picture. */
function boxOf(page, kind) {
  return page.locator(`#picture .timeline-${kind} > rect`).first().boundingBox();
}

test('the timeline shows a day and a week, goes back and forth, and returns to now', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await (await Client.inside(gate.address, ANN)).quit();
  await gate.kept(ANN);
  const page = await openPage(gate);
  await findUser(page, ANN);
  const button = (name) => page.locator('#past').getByRole('button', { name, exact: true });
  const asked = () => page.waitForRequest(/timeline\.svg/).then((it) => {
    const { since, until } = Object.fromEntries(new URL(it.url()).searchParams);
    return { since: Date.parse(since), until: Date.parse(until) };
  });
  const after = async (name) => (await Promise.all([asked(), button(name).click()]))[0];
  const DAY = 86_400_000;

  const day = await after('Day');
  assert.equal(day.until - day.since, DAY);
  assert.equal(await button('Day').getAttribute('aria-pressed'), 'true');
  const before = await after('Earlier');
  assert.ok(Math.abs(before.until - day.since) < 60_000, 'it goes on where the other began');
  await page.getByText('None in this time.').waitFor();
  const week = await after('Week');
  assert.deepEqual([week.until, week.until - week.since], [before.until, 7 * DAY]);
  await after('Now');
  await entryOf(page, '203.0.113.1').waitFor();
  assert.equal(await button('Later').getAttribute('aria-disabled'), 'true');
});

test('a login that ends while the timeline is shown comes into list and picture', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await findUser(page, ANN);
  await page.getByText('None in this time.').waitFor();
  await (await Client.inside(gate.address, ANN)).quit();
  await entryOf(page, '203.0.113.1').waitFor();
  await page.locator('#picture .timeline-hold').first().waitFor();
});

test('more of a long list is shown, and stays while it goes on', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  for (let login = 0; login < 40; login += 1) await (await Client.inside(gate.address, ANN)).quit();
  await gate.kept(ANN, ({ id }) => id >= 40);
  const page = await openPage(gate);
  await findUser(page, ANN);
  const rows = page.locator('#entries tbody tr');
  assert.equal(await rows.count(), 25);
  await page.getByRole('button', { name: 'Show more' }).click();
  await rows.nth(39).waitFor();
  await (await Client.inside(gate.address, ANN, { from: '203.0.113.77' })).quit();
  await entryOf(page, '203.0.113.77').waitFor();
  assert.equal(await rows.count(), 41);
});

test('what is not kept is said', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await findUser(page, ANN);
  const journal = page.locator('#journal');
  await journal.getByText('It is kept in memory alone').waitFor();
  const states = [
    [{ kept_in: 'file', trouble: 'the disk is full' }, /the disk is full/],
    [{ kept_in: 'file', lost: 1234 }, /^1,234 entries were lost/],
    [{ kept_in: 'file', since: new Date().toISOString() }, /^Nothing is kept from before/],
    [{ kept_in: 'file' }, null],
  ];
  for (const [state, said] of states) {
    const whole = { since: null, entries: 0, bytes: null, lost: 0, trouble: null, ...state };
    await page.route('**/api/v1/history?**', (route) => route.fulfill({ json: { items: [], next: null, journal: whole } }));
    await Promise.all([page.waitForResponse(/history\?/), page.getByRole('button', { name: 'Day' }).click()]);
    await (said ? journal.getByText(said) : page.locator('#journal:empty')).waitFor({ state: 'attached' });
    await page.unroute('**/api/v1/history?**');
  }
});
