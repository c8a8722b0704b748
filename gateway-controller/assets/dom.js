// Elements. Texts of devices get in as text nodes only: nothing here, or anywhere on this page, makes markup from strings.

export const byId = (id) => document.getElementById(id);

/** An element: `el('p', { class: 'x', onclick }, 'text', child)`. */
export function el(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** Changes a text only if it is another one: what stays is not read out or laid out again. */
export function setText(element, text) {
  const wanted = text === null || text === undefined ? '' : String(text);
  if (element.textContent !== wanted) element.textContent = wanted;
}

/** Changes an attribute only if it is another one. */
export function setAttribute(element, name, value) {
  if (value === null || value === undefined) element.removeAttribute(name);
  else if (element.getAttribute(name) !== String(value)) element.setAttribute(name, value);
}

/** A table with a caption for those who listen. `rows` are lists of texts; `right` tells which columns are numbers. */
export function table(caption, head, rows, right = []) {
  const cell = (tag) => (text, at) => el(tag, { class: right.includes(at) ? 'r' : null, scope: tag === 'th' ? 'col' : null }, text instanceof Node ? text : String(text ?? '–'));
  return el('table', {},
    el('caption', { class: 'sr' }, caption),
    el('thead', {}, el('tr', {}, ...head.map(cell('th')))),
    el('tbody', {}, ...rows.map((row) => el('tr', {}, ...row.map(cell('td'))))));
}

/** Tells those who listen. */
export function say(text) {
  setText(byId('said'), text);
}
