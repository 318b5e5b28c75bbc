// Lists that become shorter, and figures that were recorded before the page was opened.
import { test } from 'node:test';
import { openPage } from './support/browser.js';
import { Gate } from './support/gate.js';

test('a list that becomes shorter than the part that is shown goes back to its last part', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  const [tenant] = (await gate.get('/tenants')).items;
  let total = 12;
  await page.route('**/api/v1/tenants?**', (route) => {
    const offset = Number(new URL(route.request().url()).searchParams.get('offset'));
    const all = Array.from({ length: total }, (_, index) => ({ ...tenant, name: `tenant${index}` }));
    return route.fulfill({ json: { items: all.slice(offset, offset + 10), total } });
  });
  await page.reload();
  const pages = page.getByRole('navigation', { name: 'Pages of tenants' });
  await pages.getByRole('button', { name: 'Next' }).click();
  await page.locator('#tenants').getByText('tenant11', { exact: true }).waitFor();
  total = 2;
  await page.locator('#tenants').getByText('tenant1', { exact: true }).waitFor();
  await pages.waitFor({ state: 'hidden' });
});

test('what the gate has recorded last is not written over by what is of now', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  await page.route('**/api/v1/samples', async (route) => {
    const json = await (await route.fetch()).json();
    const refusals = [...json.refusals.slice(0, -1), 7];
    await route.fulfill({ json: { ...json, refusals, newest: new Date().toISOString() } });
  });
  await page.reload();
  await page.locator('#chart-refusals .value').getByText('7', { exact: true }).waitFor();
});
