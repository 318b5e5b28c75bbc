// axe-core at both widths, in both schemes, on each state of the page.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryOf, findsNothing, isLive, logIn, openPage, rowOf, WIDTHS } from './support/browser.js';
import { Gate } from './support/gate.js';

test('axe-core finds no serious fault, at phone and desktop width, in light and dark', async (t) => {
  const gate = await Gate.start(t);
  await gate.guess('dave@example.org', '203.0.113.7');
  await gate.guess('ann@example.org', '203.0.113.9');
  for (const [width, options] of Object.entries(WIDTHS)) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await openPage(gate, { ...options, colorScheme });
      const contended = [await gate.contend('ann@example.org', 5), await gate.contend(`${'m'.repeat(100)}@example.org`)];
      const check = (state) => findsNothing(page, `${state}, ${width}, ${colorScheme}`);
      await page.getByLabel('Token').waitFor();
      await check('login');
      await logIn(page, gate.token);
      await rowOf(page, 'ann@example.org').waitFor();
      await page.getByRole('checkbox', { name: /dave/ }).check();
      await page.getByRole('textbox', { name: 'Find a user' }).fill('ann@example.org');
      await page.getByRole('button', { name: 'Search' }).click();
      await entryOf(page, '203.0.113.9').first().waitFor();
      await page.locator('#picture svg').waitFor();
      await check('board');
      await page.getByRole('button', { name: 'Report', exact: true }).click();
      await page.locator('#report-copy:enabled').waitFor();
      await check('report');
      await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
      await page.getByRole('button', { name: /^History of 203\.0\.113\.7/ }).click();
      await page.getByRole('dialog').getByRole('row').nth(1).waitFor();
      await check('history of a block');
      await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click();
      await rowOf(page, 'ann@example.org').getByRole('button', { name: /which holds/ }).click();
      await page.getByRole('dialog').waitFor();
      await check('question');
      for (const { holder, waiters } of contended) [holder, ...waiters].forEach((it) => it.leave());
    }
  }
});

test('rows keep the focus, and what is opened, while others come and go', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const before = await gate.contend('first@example.org');
  const { holder, waiters } = await gate.contend('second@example.org', 5);
  const page = await openPage(gate);
  const row = rowOf(page, 'second@example.org');
  await row.getByText('2 more').click();
  const kick = row.getByRole('button', { name: /which holds/ });
  await kick.focus();
  const label = await kick.getAttribute('aria-label');
  before.holder.leave();
  before.waiters[0].leave();
  await rowOf(page, 'first@example.org').waitFor({ state: 'detached' });
  await gate.contend('third@example.org');
  await rowOf(page, 'third@example.org').waitFor();
  waiters.pop().leave();
  await row.getByText('1 more').waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute('aria-label')), label);
  assert.ok(await row.locator('details').evaluate((it) => it.open));
  holder.leave();
});

test('who wants no motion sees none', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate, { ...WIDTHS.desktop, reducedMotion: 'reduce' });
  await isLive(page);
  const moving = await page.evaluate(() => {
    const moves = (it) => getComputedStyle(it).transitionDuration !== '0s' || getComputedStyle(it).animationName !== 'none';
    return [...document.querySelectorAll('*')].filter(moves).map((it) => it.outerHTML.slice(0, 80));
  });
  assert.deepEqual(moving, []);
});
