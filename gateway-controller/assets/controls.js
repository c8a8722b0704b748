// An operator's wishes: asked for twice, sent with a token that stays in this tab.

import { byId, el, say, setText } from './dom.js';

const KEY = 'control-token';
let remembered = null;

const token = () => {
  try { return sessionStorage.getItem(KEY) ?? remembered; } catch { return remembered; }
};
function remember(value) {
  remembered = value;
  try {
    if (value) sessionStorage.setItem(KEY, value);
    else sessionStorage.removeItem(KEY);
  } catch { /* then in memory alone */ }
  byId('token').hidden = !value;
}

const WISHES = [
  ['normal', 'Hold NORMAL', 'The gateway keeps the device in NORMAL whatever its miss rate, until “Auto”. What is stronger at the device itself (a person there, its own safety) still wins.'],
  ['degraded', 'Hold DEGRADED', 'The gateway keeps the device in DEGRADED whatever its miss rate, until “Auto”.'],
  ['release', 'Release', 'The gateway leaves the device alone, and the device decides by its own policy, until “Auto”.'],
  ['auto', 'Auto', 'The gateway’s policy decides again.'],
];

/** Buttons for a device; `held` marks the one in force. */
export function controls(id) {
  const buttons = WISHES.map(([wish, name, words]) => el('button', { type: 'button', 'data-wish': wish, 'aria-pressed': 'false', onclick: () => ask(id, wish, name, words) }, name));
  const node = el('div', { class: 'row controls', role: 'group', 'aria-label': 'Mode wanted by the operator' }, ...buttons);
  return {
    node,
    mark(view) {
      const wish = !view || view.wanted_by === 'policy' ? 'auto' : view.wanted === null ? 'release' : view.wanted.toLowerCase();
      buttons.forEach((button) => {
        const pressed = String(view !== null && button.dataset.wish === wish);
        if (button.getAttribute('aria-pressed') !== pressed) button.setAttribute('aria-pressed', pressed);
      });
    },
  };
}

let pending = null;

function ask(id, wish, name, words) {
  pending = { id, wish, name };
  setText(byId('dialog-title'), `${name}: ${id}?`);
  setText(byId('dialog-text'), words);
  setText(byId('dialog-ok'), name);
  byId('dialog-token-row').hidden = Boolean(token());
  byId('dialog-token').value = '';
  byId('dialog-error').hidden = true;
  byId('dialog-ok').disabled = false;
  byId('dialog').showModal();
  (token() ? byId('dialog-ok') : byId('dialog-token')).focus();
}

function fail(words) {
  const error = byId('dialog-error');
  error.hidden = false;
  setText(error, words);
  byId('dialog-ok').disabled = false;
}

async function send() {
  const { id, wish, name } = pending;
  const shown = token() ?? byId('dialog-token').value.trim();
  if (!shown) return fail('A token is needed.');
  byId('dialog-ok').disabled = true;
  let answer;
  try {
    answer = await fetch(`/api/device/${encodeURIComponent(id)}/mode`, {
      method: 'POST', headers: { Authorization: `Bearer ${shown}`, 'Content-Type': 'application/json' }, body: JSON.stringify({ wish }), credentials: 'omit', cache: 'no-store',
    });
  } catch {
    return fail('The controller does not answer. Nothing is known to have changed.');
  }
  const said = await answer.json().catch(() => ({}));
  if (answer.ok) {
    remember(shown);
    byId('dialog').close();
    return say(`${name}: sent to ${id}.`);
  }
  if (answer.status === 401) {
    remember(null);
    byId('dialog-token-row').hidden = false;
    byId('dialog-token').focus();
  }
  return fail(said.error ? `Refused: ${said.error}.` : `Refused (${answer.status}).`);
}

export function startControls() {
  byId('dialog-form').addEventListener('submit', (event) => {
    event.preventDefault();
    send();
  });
  byId('dialog-cancel').addEventListener('click', () => byId('dialog').close());
  byId('token').addEventListener('click', () => {
    remember(null);
    say('The token is forgotten.');
  });
  byId('token').hidden = !token();
}
