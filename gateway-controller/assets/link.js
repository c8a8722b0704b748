// A stream of events that comes back by itself: after a restart of the controller, a lost network, a laptop that slept.

const SILENT_MS = 6000;
/** The first message is the whole fleet, maybe over a slow line. */
const FIRST_MS = 30000;
const AGAIN_MS = 1000;

/** Not all pages at the same moment. */
const soon = () => AGAIN_MS * (1 + Math.random());

/** Follows `url`; `handlers` by event name get parsed data; `onState` gets 'up', or 'down' with words. */
export function follow(url, handlers, onState) {
  let source = null;
  let timer = 0;
  let over = false;

  const again = (words) => {
    if (over) return;
    source?.close();
    source = null;
    onState('down', words);
    clearTimeout(timer);
    timer = setTimeout(open, soon());
  };
  const listen = (ms) => {
    clearTimeout(timer);
    timer = setTimeout(() => again('nothing is heard'), ms);
  };
  function open() {
    source = new EventSource(url);
    listen(FIRST_MS);
    for (const [name, handler] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        if (over) return;
        listen(SILENT_MS);
        onState('up');
        handler(JSON.parse(event.data));
      });
    }
    source.addEventListener('error', () => again('no connection'));
  }
  open();
  return () => {
    over = true;
    clearTimeout(timer);
    source?.close();
  };
}
