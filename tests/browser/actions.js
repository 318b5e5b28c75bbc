// What an operator does: each asks once, by the pointer and by the keyboard alone.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openPage, rowOf } from './support/browser.js';
import { Gate } from './support/gate.js';

test('a kick asks once, says what will happen, and ends the session', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const { holder, waiters } = await gate.contend('ann@example.org');
  const page = await openPage(gate);
  const kick = rowOf(page, 'ann@example.org').getByRole('button', { name: /^Kick session \d+, which holds/ });
  await kick.click();
  const question = page.getByRole('dialog', { name: /^Kick session \d+\?$/ });
  await question.getByText('closed without QUIT').waitFor();
  await question.getByText('ann@example.org').waitFor();
  await question.getByRole('button', { name: 'Cancel' }).click();
  assert.equal(await holder.command('NOOP'), '+OK');
  await kick.click();
  // Enter in the field does what the question is about.
  await question.getByLabel('Reason').fill('asked for by phone');
  await question.getByLabel('Reason').press('Enter');
  await page.getByText(/^Session \d+ is kicked\.$/).waitFor();
  await holder.closed;
  assert.match(await waiters[0].answer(), /^\+OK/);
  assert.match(gate.log(), /asked for by phone/);
  waiters[0].leave();
});

test('a backend and a tenant are paused and resumed', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const page = await openPage(gate);
  for (const subject of ['backend legacy', 'tenant default']) {
    for (const action of ['Pause', 'Resume']) {
      await page.getByRole('button', { name: `${action} ${subject}` }).click();
      await page.getByRole('dialog', { name: `${action} ${subject}?` }).getByRole('button', { name: action }).click();
      await page.getByText(`The ${subject} is ${action.toLowerCase()}d.`).waitFor();
    }
  }
});

test('the keyboard alone does each of it', async (t) => {
  const gate = await Gate.start(t, { withoutToken: true });
  const { holder, waiters } = await gate.contend('ann@example.org');
  await gate.guess('dave@example.org', '203.0.113.7');
  const page = await openPage(gate);
  await rowOf(page, 'ann@example.org').waitFor();
  await page.getByRole('checkbox', { name: /dave/ }).waitFor();

  await tabTo(page, /^Find a user/);
  await page.keyboard.type('ann@example.org');
  await page.keyboard.press('Enter');
  await page.locator('#user-result').getByRole('heading', { name: 'ann@example.org' }).waitFor();
  await tabTo(page, /^Close/);
  await page.keyboard.press('Enter');
  assert.equal(await focused(page), 'Find a user');

  await tabTo(page, /^Kick session \d+, which holds/);
  await page.keyboard.press('Enter');
  await tabTo(page, /^Kick session$/);
  await page.keyboard.press('Enter');
  await holder.closed;

  await tabTo(page, /^Select 203\.0\.113\.7/);
  await page.keyboard.press('Space');
  await tabTo(page, /^Release selected/, 'Shift+Tab');
  await page.keyboard.press('Enter');
  // The question comes when the gate has said what would change.
  await page.getByRole('dialog').waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog').waitFor({ state: 'hidden' });
  assert.match(await focused(page), /^Release selected/, 'the focus comes back from the question');
  await page.keyboard.press('Enter');
  await page.getByRole('dialog').waitFor();
  await tabTo(page, /^Release$/);
  await page.keyboard.press('Enter');
  await page.getByText('1 entry released.').waitFor();

  for (const action of ['Pause', 'Resume']) {
    await tabTo(page, new RegExp(`^${action} backend legacy`));
    await page.keyboard.press('Enter');
    await tabTo(page, new RegExp(`^${action}$`));
    await page.keyboard.press('Enter');
    await page.getByText(`The backend legacy is ${action.toLowerCase()}d.`).waitFor();
  }
  waiters.forEach((it) => it.leave());
});

/** The accessible name of what has the focus, more or less. */
function focused(page) {
  return page.evaluate(() => {
    const { activeElement: it } = document;
    return it?.getAttribute('aria-label') ?? it?.labels?.[0]?.textContent ?? it?.textContent ?? '';
  });
}

/** Presses Tab until what is named so has the focus, and checks that this can be seen. */
async function tabTo(page, name, key = 'Tab') {
  for (let presses = 0; presses < 80; presses += 1) {
    if (name.test(await focused(page))) {
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      assert.notEqual(outline, 'none', `the focus on ${name} is not seen`);
      return;
    }
    await page.keyboard.press(key);
  }
  assert.fail(`${key} does not come to ${name}`);
}
