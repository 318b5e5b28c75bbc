// One question before something is done, and what came of it.
import { ApiError, gate, get, post } from './api.js';
import { button, find, h } from './dom.js';

/** Tells a screen reader, once it is quiet. @param {string} text */
export function announce(text) {
  find('#announcement').textContent = text;
}

/** Says what came of a request. @param {string} text @param {'done' | 'failed'} kind */
export function tell(text, kind) {
  const dismiss = button('Dismiss', 'Dismiss', () => notice.remove());
  const notice = h('p', { class: `notice ${kind}` }, h('span', {}, text), dismiss);
  find('#notices').replaceChildren(notice);
}

/** What to do with the answer that a button did not get. @param {string} what */
export function failed(what) {
  return (/** @type {any} */ error) => {
    if (!(error instanceof ApiError)) throw error;
    tell(`${what}: ${error.message}.`, 'failed');
  };
}

/** @param {{title: string, action: string, text: (string | Element)[]}} question
 * @returns {Promise<boolean>} whether it shall be done */
function ask({ title, action, text }) {
  const dialog = find('#question');
  find('#question-title').textContent = title;
  find('#question-text').replaceChildren(...text.map((part) => (part instanceof Element ? part : h('p', {}, part))));
  find('button.main', dialog).hidden = action === '';
  find('button.main', dialog).textContent = action;
  // No submit button: Enter in a field presses the first of these.
  const cancel = find('button[type="button"]', dialog);
  cancel.textContent = action === '' ? 'Close' : 'Cancel';
  cancel.onclick = () => dialog.close();
  dialog.classList.toggle('wide', action === '');
  dialog.returnValue = '';
  dialog.showModal();
  return new Promise((resolve) => {
    // The event of the question before comes late where the next one is asked at once.
    dialog.onclose = () => dialog.open || resolve(dialog.returnValue === 'yes');
  });
}

/** Shows something to read. @param {string} title @param {Element} content */
export function show(title, content) {
  void ask({ title, action: '', text: [content] });
}

/** Asks, does it, and says what came of it.
 * @param {Parameters<typeof ask>[0] & {isNumbered?: boolean}} question is it of what has a number? @param {string} path
 * @param {(answer: any) => string} done the sentence for what was done
 * @param {() => object} [body] of the request, once it is to be sent @returns {Promise<boolean>} whether it is done */
export async function change(question, path, done, body) {
  const { started } = gate;
  if (!(await ask(question))) return false;
  try {
    const isOf = question.isNumbered ? (await get('/status')).started : started;
    if (isOf !== started) throw new ApiError(409, 'popgate has restarted');
    tell(done(await post(path, body?.())), 'done');
    return true;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    tell(`${question.title} It ${error.status ? 'is not' : 'may not be'} done: ${error.message}.`, 'failed');
    return false;
  }
}
