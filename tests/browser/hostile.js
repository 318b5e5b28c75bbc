// Names that strangers send, as octets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, rowOf } from './support/browser.js';
import { Gate } from './support/gate.js';

const octets = (text) => Buffer.from(text, 'utf8').toString('latin1');

const NAMES = {
  markup: '<img/src=x/onerror=alert(1)><script>alert(2)</script>@a.example',
  attribute: '"onmouseover="alert(3)"x="@b.example',
  direction: octets('\u202Egro.elpmaxe@evil\u2066\u200F'),
  'control characters': 'a\x01b\x07\x1b[31m\x7f@c.example',
  '255 octets': `${'m'.repeat(243)}@d.example.x`,
  'no UTF-8': '\xff\xfe\xc3@e.example',
};

test('hostile names do no harm', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.guess(NAMES.markup, '203.0.113.9');
  const clients = [];
  for (const name of Object.values(NAMES)) {
    const { holder, waiters } = await gate.contend(name);
    clients.push(holder, ...waiters);
  }
  const page = await openPage(gate);
  const rows = page.locator('#locks tbody tr');
  await rows.nth(Object.keys(NAMES).length - 1).waitFor();
  assert.equal(await rows.count(), Object.keys(NAMES).length);

  await page.locator('#locks tbody').getByText('<script>alert(2)</script>', { exact: false }).first().waitFor();
  await page.locator('#blocks tbody').getByText('<script>alert(2)</script>', { exact: false }).first().waitFor();
  assert.equal(await page.locator('tbody :is(img, script), tbody [onmouseover], tbody [onerror]').count(), 0);

  await showsMarked(page, 'gro.elpmaxe', ['U+202E', 'U+2066', 'U+200F']);
  // These the gate escapes itself.
  await showsMarked(page, '[31m', []);

  const long = rowOf(page, '(255 characters)');
  const { height } = await long.locator('th').boundingBox();
  assert.ok(height < 120, `the cut name is ${height} px high`);
  await long.locator('summary').first().click();
  await long.getByText(NAMES['255 octets']).waitFor();

  const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(width <= 0, `the page is ${width} px too wide`);

  await long.getByRole('button', { name: /which holds/ }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'Kick session' }).click();
  await page.getByText(/is kicked\.$/).waitFor();
  await page.getByRole('textbox', { name: 'Find a user' }).fill(NAMES.markup);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.locator('#user-result').getByText('203.0.113.2', { exact: true }).waitFor();
  clients.forEach((it) => it.leave());
});

/** Each hidden character is shown by its number, and the name turns nothing beside it around. */
async function showsMarked(page, part, numbers) {
  const name = rowOf(page, part).locator('th bdi').first();
  assert.deepEqual(await name.locator('.hidden-character').allInnerTexts(), numbers);
  const hidden = await name.evaluate((it) => /[\u202a-\u202e\u2066-\u2069\u200e\u200f\p{Cc}]/u.test(it.textContent));
  assert.ok(!hidden, `${part}: a hidden character reaches the page`);
}
