// The pictures of the manual, made anew where UPDATE_SCREENSHOTS=1.
import { test } from 'node:test';
import { openPage, rowOf, WIDTHS } from './support/browser.js';
import { Gate } from './support/gate.js';

const FOLDER = '../../deploy/manual/images';

test('screenshots', { skip: process.env.UPDATE_SCREENSHOTS !== '1' && 'only with UPDATE_SCREENSHOTS=1' }, async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  await gate.contend('ann@example.org', 3);
  await gate.contend('bob@example.org', 1);
  await gate.contend('carol@example.net', 2);
  await gate.guess('dave@example.org', '127.0.0.7');
  const pictures = {
    'page-desktop-light': { ...WIDTHS.desktop, colorScheme: 'light' },
    'page-desktop-dark': { ...WIDTHS.desktop, colorScheme: 'dark' },
    'page-phone': { ...WIDTHS.phone, colorScheme: 'light' },
  };
  for (const [name, options] of Object.entries(pictures)) {
    const page = await openPage(t, gate, options);
    await rowOf(page, 'carol@example.net').waitFor();
    await page.getByRole('checkbox', { name: /dave/ }).waitFor();
    await page.screenshot({ path: `${FOLDER}/${name}.png` });
  }
});
