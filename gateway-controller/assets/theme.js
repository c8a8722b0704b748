// Light or dark: as the system says, until somebody chooses.

import { byId, setText } from './dom.js';

const KEY = 'theme';
const NEXT = { auto: 'light', light: 'dark', dark: 'auto' };
const NAMES = { auto: 'Auto', light: 'Light', dark: 'Dark' };
const system = matchMedia('(prefers-color-scheme: dark)');
const listeners = new Set();
let chosen = 'auto';

const load = () => {
  try { return localStorage.getItem(KEY) ?? 'auto'; } catch { return 'auto'; }
};
const store = (value) => {
  try { localStorage.setItem(KEY, value); } catch { /* a browser that keeps nothing forgets the choice */ }
};

function apply() {
  const dark = chosen === 'dark' || (chosen === 'auto' && system.matches);
  document.documentElement.dataset.theme = dark ? 'dark' : 'light';
  setText(byId('theme-name'), NAMES[chosen]);
  byId('theme').setAttribute('aria-label', `Colours: ${chosen === 'auto' ? 'as the system' : chosen}`);
  listeners.forEach((listener) => listener());
}

/** Calls `listener` when the colours have changed. */
export function onTheme(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A colour of the style sheet. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

export function startTheme() {
  chosen = load();
  if (!NAMES[chosen]) chosen = 'auto';
  byId('theme').addEventListener('click', () => {
    chosen = NEXT[chosen];
    store(chosen);
    apply();
  });
  system.addEventListener('change', apply);
  apply();
}
