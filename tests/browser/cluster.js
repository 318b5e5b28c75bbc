// What the page shows of other gates, and does there.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findsNothing, findUser, isLive, openPage, rowOf, WIDTHS } from './support/browser.js';
import { site } from './support/engine.js';
import { Gate } from './support/gate.js';

test('a lock is shown with its holder at another gate and the queues of both, and kicked there', async (t) => {
  const { gates: [a, b] } = await site(t, ['a', 'b']);
  const { holder } = await b.contend('ann@example.org', 1, '198.51.100');
  const waiter = await a.wait('ann@example.org', '203.0.113.3');
  await b.contend('bob@example.org', 1, '192.0.2');
  const page = await openPage(a);
  const row = rowOf(page, 'ann@example.org');
  await row.locator('td[data-heading="Held by"]').getByText('198.51.100.2 at b').waitFor();
  await row.locator('li', { hasText: '198.51.100.3 at b' }).waitFor();
  assert.equal(await row.locator('li', { hasText: '203.0.113.3' }).innerText().then((it) => / at /.test(it)), false);
  // Nobody waits for this one here.
  await rowOf(page, 'bob@example.org').locator('td[data-heading="Held by"]').getByText('192.0.2.2 at b').waitFor();

  await findUser(page, 'ann@example.org');
  const user = page.locator('#user-result');
  await user.getByText('198.51.100.2 at b').waitFor();
  await user.getByText('203.0.113.3').waitFor();

  await row.getByRole('button', { name: /^Kick session \d+ at b, which holds/ }).click();
  const question = page.getByRole('dialog', { name: /^Kick session \d+ at b\?$/ });
  await question.getByLabel('Reason').fill('asked for by phone');
  await question.getByRole('button', { name: 'Kick session' }).click();
  await page.getByText(/^Session \d+ at b is kicked\.$/).waitFor();
  await holder.closed;
  assert.match(b.log(), /by gate a: asked for by phone/);
  // One of the two is next, and is shown: at this gate it is no stranger to it.
  await row.locator('td[data-heading="Held by"]').getByText(/198\.51\.100\.3 at b|203\.0\.113\.3/).waitFor();
  waiter.leave();
});

test('the gates are shown with how they stand, and an engine that is away is said to be', async (t) => {
  const tenant = '[[tenant]]\nname = "shop"\ndomains = ["example.com"]\n';
  const { engine, gates: [a] } = await site(t, ['a', 'b', 'c'], { c: tenant });
  const page = await openPage(a);
  await isLive(page);
  await page.locator('#gate').getByText('gate a, with 2 others').waitFor();
  const gates = page.locator('#gates tbody tr');
  const told = (name) => gates.filter({ has: page.getByRole('rowheader', { name }) });
  await told(/^a\s*this gate/).getByText('healthy').waitFor();
  await told(/^b/).getByText('the same').waitFor();
  await told(/^c/).getByText('differ', { exact: true }).waitFor();
  await engine.halt();
  await told(/^a/).getByText('degraded').waitFor();
  await page.locator('#gate.bad').getByText(/cluster degraded: /).waitFor();
  await engine.run();
  await told(/^a/).getByText('healthy').waitFor();
  await page.locator('#gate:not(.bad)').waitFor();
});

test('axe-core finds no serious fault in what is shown of other gates', async (t) => {
  const { gates: [a, b] } = await site(t, ['a', 'b']);
  await b.contend('ann@example.org', 2);
  for (const [width, options] of Object.entries(WIDTHS)) {
    for (const colorScheme of ['light', 'dark']) {
      const page = await openPage(a, { ...options, colorScheme });
      await rowOf(page, 'ann@example.org').waitFor();
      await findsNothing(page, `${width}, ${colorScheme}`);
    }
  }
});

test('a gate that is alone shows no gates and asks for none', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  const { waiters } = await gate.contend('ann@example.org');
  await rowOf(page, 'ann@example.org').waitFor();
  await page.waitForResponse(/api\/v1\/locks\?/);
  await page.waitForResponse(/api\/v1\/locks\?/);
  assert.equal(await page.locator('#gates').isVisible(), false);
  assert.deepEqual(page.seen.requests.filter((it) => it.includes('/cluster')), []);
  waiters.forEach((it) => it.leave());
});
