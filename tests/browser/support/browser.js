// A real Chromium, and what it asked for and complained about.
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { chromium } from 'playwright-core';

const ARGUMENTS = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
const DESKTOP = { viewport: { width: 1280, height: 900 } };
const PHONE = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const axe = fs.readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

export const WIDTHS = { desktop: DESKTOP, phone: PHONE };

/** @type {Promise<import('playwright-core').Browser> | null} */
let browser = null;

/** Ends it, once all tests are over. */
export async function closeBrowser() {
  await (await browser)?.close();
}

/**
 * A page of a browser of its own, with what goes wrong in it. Before the gate ends, nothing may have.
 * @param {import('./gate.js').Gate} gate
 */
export async function openPage(gate, options = DESKTOP) {
  // The profile is a new, empty folder, which playwright makes and removes.
  browser ??= chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ARGUMENTS });
  const context = await (await browser).newContext({ colorScheme: 'light', ...options });
  const page = await context.newPage();
  const seen = { requests: [], failures: [], faults: [], expected: [] };
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('requestfailed', (request) => seen.failures.push(`${request.url()}: ${request.failure()?.errorText}`));
  page.on('pageerror', (error) => seen.faults.push(error.stack));
  page.on('dialog', (dialog) => seen.faults.push(`a dialog: ${dialog.message()}`));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) seen.faults.push(`${message.text()} ${message.location().url}`);
  });
  gate.readers.push(async () => {
    // Of a test that has failed they may say why.
    for (const it of [...seen.failures, ...seen.faults]) gate.test.diagnostic(it);
    await context.close();
    const outside = seen.requests.filter((url) => !url.startsWith(gate.url) && !url.startsWith('data:'));
    assert.deepEqual(outside, [], 'nothing is fetched from outside');
    const faults = seen.faults.filter((it) => !seen.expected.some((expected) => expected.test(it)));
    assert.deepEqual(faults, [], 'nothing is on the console');
  });
  page.setDefaultTimeout(15000);
  if (process.env.PAGE_FOLDER) await context.route(isOfThePage, (route) => fromFolder(route, process.env.PAGE_FOLDER));
  await page.goto(gate.url);
  return Object.assign(page, { seen });
}

/** Whether this is a file of the page. @param {URL} url */
function isOfThePage({ pathname }) {
  return pathname === '/' || pathname.startsWith('/page/');
}

/** Answers as the gate does for a file of that kind, but with the file as it is in `folder` now: no build between two
 * tries, for new files neither. */
async function fromFolder(route, folder) {
  const url = new URL(route.request().url());
  const name = path.basename(url.pathname) || 'page.html';
  url.pathname = name === 'page.html' ? '/' : `/page/page${path.extname(name)}`;
  const response = await route.fetch({ url: url.href, headers: {} });
  await route.fulfill({ response, body: fs.readFileSync(path.join(folder, name)) });
}

/** Logs in by the form. */
export async function logIn(page, token) {
  // The browser itself notes the answer 401 by which the page learns that there is a login.
  page.seen.expected.push(/status of 401 .*\/api\/v1\/status$/);
  await page.getByLabel('Token').fill(token);
  await page.getByRole('button', { name: 'Log in' }).click();
  await isLive(page);
}

/** Waits until the page follows the gate. */
export function isLive(page) {
  return page.locator('#link').getByText('Live', { exact: true }).waitFor();
}

/** Finds a user by the form, and waits for the past. */
export async function findUser(page, login) {
  await page.getByRole('textbox', { name: 'Find a user' }).fill(login);
  await page.getByRole('button', { name: 'Search' }).click();
  await page.locator('#picture svg').waitFor();
}

/** The row of a login that is over. */
export function entryOf(page, text) {
  return page.locator('#entries tbody tr', { hasText: text });
}

/** The row of a mailbox where somebody waits. */
export function rowOf(page, mailbox) {
  return page.locator('#locks tbody tr', { hasText: mailbox });
}

/** Has axe-core look at the page. */
export async function findsNothing(page, where) {
  // By the driver, which the content security policy does not bind.
  await page.evaluate(axe);
  const { violations } = await page.evaluate(() => window.axe.run());
  const said = violations
    .filter(({ impact }) => ['serious', 'critical'].includes(impact))
    .map(({ id, nodes }) => `${where}: ${id}: ${nodes.map((it) => it.html).slice(0, 3).join(' ')}`);
  assert.deepEqual(said, []);
}
