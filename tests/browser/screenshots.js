// The pictures of the manual, made anew where UPDATE_SCREENSHOTS=1.
import { test } from 'node:test';
import { entryOf, findUser, openPage, rowOf, WIDTHS } from './support/browser.js';
import { site } from './support/engine.js';
import { Gate } from './support/gate.js';
import { Client } from './support/pop3.js';

const FOLDER = new URL('../../deploy/manual/images', import.meta.url).pathname;

const OPTIONS = { skip: process.env.UPDATE_SCREENSHOTS !== '1' && 'only with UPDATE_SCREENSHOTS=1' };

test('screenshots', OPTIONS, async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const first = await openPage(gate);
  await gate.guess('dave@example.org', '198.51.100.7');
  await busy(gate, 'ann@example.org', 2, '203.0.113');
  await rowOf(first, 'ann@example.org').locator('td > time').getByText(/^1\d s/).waitFor();
  await busy(gate, 'bob@example.org', 1, '198.51.100');
  await rowOf(first, 'bob@example.org').locator('td > time').getByText(/^[4-9]\.\d s/).waitFor();
  await busy(gate, 'carol@example.net', 3, '192.0.2');
  const pictures = {
    'page-desktop-light': { ...WIDTHS.desktop, colorScheme: 'light' },
    'page-desktop-dark': { ...WIDTHS.desktop, colorScheme: 'dark' },
    'page-phone': { ...WIDTHS.phone, colorScheme: 'light' },
  };
  for (const [name, options] of Object.entries(pictures)) {
    const page = await openPage(gate, options);
    // To record them would take a quarter of an hour.
    await page.route('**/api/v1/samples', (route) => route.fulfill({ json: samples() }));
    await page.reload();
    await rowOf(page, 'carol@example.net').waitFor();
    await page.getByRole('checkbox', { name: /dave/ }).waitFor();
    await page.screenshot({ path: `${FOLDER}/${name}.png` });
  }
});

test('screenshots of the past', OPTIONS, async (t) => {
  const gate = await Gate.start(t, { withoutToken: true, wait: '9s' });
  const ann = 'ann@example.org';
  const begun = Date.now();
  for (const round of [1, 2]) {
    await gate.refuse(ann, { holder: '203.0.113.4', loser: '192.0.2.17' });
    const phone = await Client.inside(gate.address, ann, { from: '203.0.113.4' });
    await phone.command('STAT');
    const pc = await gate.wait(ann, '192.0.2.17');
    await pause(round * 1500);
    phone.leave();
    await pc.answer();
    for (const command of ['STAT', 'LIST', 'UIDL']) pc.send(command);
    await pause(2500);
    await pc.quit();
    await pause(3000);
  }
  const page = await openPage(gate, WIDTHS.desktop);
  // An hour of it would take an hour.
  await page.route('**/timeline.svg?**', (route) => {
    const url = new URL(route.request().url());
    url.searchParams.set('since', new Date(begun - 5000).toISOString());
    return route.continue({ url: url.href });
  });
  await findUser(page, ann);
  await entryOf(page, '192.0.2.17').first().waitFor();
  const clip = { ...(await page.locator('#user').boundingBox()), height: 760 };
  await page.screenshot({ path: `${FOLDER}/page-user-light.png`, fullPage: true, clip });
});

test('screenshot of several gates', OPTIONS, async (t) => {
  const { gates: [a, b, c] } = await site(t, ['mx1', 'mx2', 'mx3']);
  const page = await openPage(a, WIDTHS.desktop);
  await busy(b, 'ann@example.org', 1, '203.0.113');
  await a.wait('ann@example.org', '198.51.100.9');
  await busy(a, 'bob@example.org', 1, '198.51.100');
  await c.wait('bob@example.org', '192.0.2.41');
  await rowOf(page, 'bob@example.org').getByText('192.0.2.41 at mx3').waitFor();
  for (const [name, section] of [['page-gates-locks', '#locks'], ['page-gates', '#gates']]) {
    await page.locator(section).screenshot({ path: `${FOLDER}/${name}.png` });
  }
});

/** @param {number} length in milliseconds: what is in the picture takes its time */
function pause(length) {
  return new Promise((resolve) => setTimeout(resolve, length));
}

/** A mailbox that is being read while others wait. */
async function busy(gate, user, waiting, network) {
  const { holder } = await gate.contend(user, waiting, network);
  for (let message = 1; message <= waiting; message += 1) holder.send(`RETR ${message}`);
}

/** Fifteen minutes of a morning. */
function samples() {
  const values = (of) => Array.from({ length: 180 }, (_, index) => Math.max(0, Math.round(of(index))));
  const wave = (index, length) => Math.sin((2 * Math.PI * index) / length);
  const waiting = values((index) => 4 * wave(index, 61) + 3 * wave(index, 17) + 2);
  return {
    interval_seconds: 5,
    newest: new Date().toISOString(),
    sessions: values((index) => 9 + index / 30 + 3 * wave(index, 90) + wave(index, 7)),
    locks_held: values((index) => 5 + index / 60 + 2 * wave(index, 90) + wave(index, 5)),
    waiting,
    longest_wait_seconds: waiting.map((value, index) => (value ? 2 * value + 1 + 2 * wave(index, 13) : 0)),
    refusals: values((index) => Number(index % 37 === 5) + Number(index % 53 === 0)),
    logins: values(() => 3),
  };
}
