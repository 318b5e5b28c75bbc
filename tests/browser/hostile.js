// Names that strangers send, as octets.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { entryOf, findUser, openPage, rowOf } from './support/browser.js';
import { Gate } from './support/gate.js';
import { Client, HOSTILE, HOSTILE_LINE } from './support/pop3.js';

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
  const { height } = await long.locator('th details').boundingBox();
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

/** A report is folded at its width. */
function withoutBlanks(text) {
  return text.replace(/\s/g, '');
}

/** Each hidden character is shown by its number, and the name turns nothing beside it around. */
async function showsMarked(page, part, numbers) {
  const name = rowOf(page, part).locator('th bdi').first();
  assert.deepEqual(await name.locator('.hidden-character').allInnerTexts(), numbers);
  const hidden = await name.evaluate((it) => /[\u202a-\u202e\u2066-\u2069\u200e\u200f\p{Cc}]/u.test(it.textContent));
  assert.ok(!hidden, `${part}: a hidden character reaches the page`);
}

test('hostile names and hostile words of a server do no harm in timeline, list and report', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  for (const name of [NAMES.markup, NAMES.attribute, NAMES['255 octets']]) {
    await (await Client.inside(gate.address, name)).quit();
    const refused = await Client.login(gate.address, name, { from: '203.0.113.9', password: HOSTILE });
    assert.equal(await refused.answer(), HOSTILE_LINE);
    await refused.quit();
    await gate.kept(name, ({ answer }) => answer === HOSTILE_LINE);
    await findUser(page, name);
    await entryOf(page, '203.0.113.9').getByText(HOSTILE_LINE).first().waitFor();
    await entryOf(page, '203.0.113.9').getByRole('button', { name: /^Report on session/ }).click();
    await page.locator('#report-copy:enabled').waitFor();
    const text = await page.locator('#report-text').inputValue();
    for (const said of [HOSTILE_LINE, name]) assert.ok(withoutBlanks(text).includes(withoutBlanks(said)), text);
    const markup = '#past :is(img, script, a, iframe, [onmouseover], [onerror]), dialog :is(img, script)';
    assert.equal(await page.locator(markup).count(), 0);
    await page.getByRole('button', { name: 'Close' }).last().click();
  }
  const width = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  assert.ok(width <= 0, `the page is ${width} px too wide`);
});
