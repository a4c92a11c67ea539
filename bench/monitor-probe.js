// Runs in the page that is measured, before its first script; the bench calls it by `livespanProbe`.
const seen = {};
const frames = [];
/** Of frames over 50 ms: when they began and ended. */
const slow = [];
const longTasks = [];
const inputs = [];
let shownMs = 0;
let isFilterAsked = false;
let firstKeyMs = 0;
let historyRows = 0;
let historyMs = 0;
let answeredMs = 0;

let lastMs = performance.now();
const onFrame = (nowMs) => {
  frames.push(nowMs - lastMs);
  if (nowMs - lastMs > 50.5) slow.push([lastMs, nowMs]);
  lastMs = nowMs;
  if (historyRows > 0 && firstKeyMs === 0) lookForFilter();
  if (historyRows > 0 && answeredMs === 0) lookForRows();
  requestAnimationFrame(onFrame);
};
requestAnimationFrame(onFrame);

const press = (key) =>
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));

/** The first key, as soon as there is something to see: it leads into the filter. Without the way from outside into the browser. */
function lookForFilter() {
  if (shownMs === 0) return;
  if (!isFilterAsked) press('/');
  isFilterAsked = true;
  if (document.activeElement?.id !== 'filter') return;
  firstKeyMs = performance.now();
  document.activeElement.blur();
}

/** In the frame after the one that drew them. Then the first of them is chosen by key. */
function lookForRows() {
  if (historyMs === 0) {
    if (!(inspect().rows >= historyRows) || document.querySelector('.row') === null) return;
    historyMs = performance.now();
    press('j');
  } else if (document.querySelector('.row.is-focused') !== null) answeredMs = performance.now();
}

/** The page's own counts; nothing before it listens. */
function inspect() {
  const detail = {};
  dispatchEvent(new CustomEvent('livespan:inspect', { detail }));
  return detail;
}

// A frame may be late because of us, or because the machine had no time for the browser: a task of ours tells them apart.
new PerformanceObserver((list) => {
  for (const { startTime, duration } of list.getEntries()) longTasks.push([startTime, startTime + duration]);
}).observe({ type: 'longtask' });
const isHeld = ([from, to]) => longTasks.some(([begin, end]) => begin < to && end > from);

addEventListener('keydown', (event) => inputs.push(performance.now() - event.timeStamp), true);

new MutationObserver((changes) => {
  const isFirst = shownMs === 0 && (document.getElementById('app')?.childElementCount ?? 0) > 0;
  const fresh = new Set();
  for (const { target, addedNodes } of changes) {
    for (const node of addedNodes.length > 0 ? addedNodes : [target]) {
      for (const [name] of (node.textContent ?? '').matchAll(/probe-\d+-/g)) if (!(name in seen)) fresh.add(name);
    }
  }
  if (fresh.size === 0 && !isFirst) return;
  for (const name of fresh) seen[name] = null;
  // The next frame is the one that draws it.
  requestAnimationFrame(() => {
    if (isFirst) shownMs = performance.now();
    for (const name of fresh) seen[name] = Date.now();
  });
}).observe(document, { childList: true, subtree: true, characterData: true });

globalThis.livespanProbe = {
  /** So many rows are waited for, and a key is pressed then. */
  await(rows) {
    historyRows = rows;
  },
  /** shownMs, firstKeyMs, historyMs, answeredMs: since navigation; seen: marker → ms since the epoch; frames, longTasks, inputs: ms. */
  read: () => ({
    shownMs,
    firstKeyMs,
    historyMs,
    answeredMs,
    seen,
    frames,
    heldFrames: slow.filter(isHeld).length,
    longTasks: longTasks.map(([begin, end]) => end - begin),
    inputs,
  }),
  reset() {
    frames.length = 0;
    slow.length = 0;
    longTasks.length = 0;
    inputs.length = 0;
  },
  counts() {
    const { totals, loss, rows, behind } = inspect();
    return { activities: totals.activities, missed: loss.missed, rows, behind };
  },
  /** Address → whether it was asked for before something was shown. */
  loaded: () => performance.getEntriesByType('resource').map(({ name, startTime }) => [name, startTime < shownMs]),
  /** Scrolls the longest list from top to bottom; returns its height, 0 where there is none. */
  async scroll(forMs) {
    const longest = [...document.querySelectorAll('*')].sort((a, b) => b.scrollHeight - a.scrollHeight);
    const list = longest.find(
      (one) => one.scrollHeight > one.clientHeight + 1_000 && getComputedStyle(one).overflowY !== 'visible',
    );
    if (list === undefined) return 0;
    const beginMs = performance.now();
    for (let ms = 0; ms < forMs; ms = performance.now() - beginMs) {
      list.scrollTop = (ms / forMs) * list.scrollHeight;
      await new Promise((resolve) => requestAnimationFrame(resolve));
    }
    return list.scrollHeight;
  },
};
