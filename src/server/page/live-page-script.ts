/**
 * Script of the live page, as a browser runs it. Whatever comes from the feed is set by `textContent`, never as markup.
 * Rows are drawn once an animation frame, however many activities came.
 */
export const LIVE_PAGE_SCRIPT = String.raw`
const ROWS_MAX = 500;
const FRAME_MAX = 1000;
const KINDS = ['event', 'span.start', 'span.end', 'log', 'notice', 'gap', 'lagged', 'reset'];
const MARKS = { running: '◐ running', ok: '✓ ok', error: '✕ error', lost: '? lost', warn: '! warn', info: '· event' };
const $ = (id) => document.getElementById(id);
const list = $('rows');
const spans = new Map();
let pending = [];
let source;
let paused = false;
let seen = 0;
let recent = 0;
let generation = 0;

$('sample').textContent = [
  'curl ' + location.origin + '/ingest -H "content-type: application/json" \\',
  "  -d '{\"activities\":[{\"name\":\"hello.world\",\"summary\":\"It works\"}]}'",
  '',
  'LIVESPAN_URL=' + location.origin + ' node --import livespan/register app.js',
].join('\n');

function say(state, text) {
  $('state').dataset.state = state;
  $('state-text').textContent = text;
}

function make(tag, className, text) {
  const element = document.createElement(tag);
  element.className = className;
  if (text !== undefined) element.textContent = text;
  return element;
}

function clock(iso) {
  const time = new Date(iso);
  const two = (n) => String(n).padStart(2, '0');
  return two(time.getHours()) + ':' + two(time.getMinutes()) + ':' + two(time.getSeconds()) + '.' + iso.slice(20, 23);
}

function took(ms) {
  if (ms < 1) return ms.toFixed(2) + ' ms';
  if (ms < 1000) return ms.toFixed(ms < 10 ? 1 : 0) + ' ms';
  return ms < 60000 ? (ms / 1000).toFixed(2) + ' s' : Math.floor(ms / 60000) + ' min ' + Math.floor((ms % 60000) / 1000) + ' s';
}

function addRow(activity) {
  const item = make('li', '');
  const button = make('button', 'row');
  button.type = 'button';
  button.setAttribute('aria-expanded', 'false');
  const row = { item, mark: make('span', 'mark'), took: make('span', 'took'), name: make('span', 'name'), summary: make('span', 'summary'), activity };
  const what = make('span', 'what');
  what.append(row.name, row.summary);
  button.append(make('span', 'time', clock(activity.time)), row.mark, make('span', 'service', activity.service ?? ''), what, row.took);
  button.addEventListener('click', () => toggle(row, button));
  item.append(button);
  list.prepend(item);
  fill(row, activity);
  return row;
}

function fill(row, activity) {
  row.activity = activity;
  row.name.textContent = activity.name;
  const code = activity.attributes['http.response.status_code'];
  row.summary.textContent = activity.summary ?? activity.statusMessage ?? (code === undefined ? '' : 'HTTP ' + code);
  if (row.detail) row.detail.textContent = JSON.stringify(activity, null, 2);
}

function setState(row, state) {
  row.item.dataset.state = state;
  row.mark.textContent = MARKS[state];
}

function toggle(row, button) {
  if (row.detail) row.detail.remove();
  row.detail = row.detail ? undefined : make('pre', 'detail', JSON.stringify(row.activity, null, 2));
  if (row.detail) row.item.append(row.detail);
  button.setAttribute('aria-expanded', String(Boolean(row.detail)));
}

function eventState(activity) {
  if (activity.severity === 'error' || activity.severity === 'fatal') return 'error';
  return activity.severity === 'warn' ? 'warn' : 'info';
}

function show(activity) {
  seen += 1;
  const key = activity.traceId + activity.spanId;
  if (activity.kind === 'span.start') {
    if (spans.has(key)) return;
    const row = addRow(activity);
    row.startMs = Date.parse(activity.time);
    setState(row, 'running');
    spans.set(key, row);
  } else if (activity.kind === 'span.end') {
    const row = spans.get(key) ?? addRow(activity);
    spans.delete(key);
    fill(row, activity);
    setState(row, activity.status === 'error' ? 'error' : 'ok');
    row.took.textContent = activity.durationMs === undefined ? '' : took(activity.durationMs);
  } else {
    setState(addRow(activity), eventState(activity));
    if (activity.name === 'livespan.instance_lost') markInstance(activity.instance, 'lost');
    if (activity.name === 'livespan.instance_back') markInstance(activity.instance, 'running');
  }
}

function markInstance(instance, state) {
  for (const row of spans.values()) if (row.activity.instance === instance) setState(row, state);
}

function note(text) {
  const item = make('li', '');
  item.append(make('div', 'note', text));
  list.prepend(item);
}

function control(type, data) {
  const count = data.missed ?? 0;
  if (type === 'gap') note(count + ' activities were gone from the log before they could be read');
  else if (type === 'lagged') note(count + ' activities were left out because this page could not keep up');
  else {
    note('The log was made anew; what follows is another history');
    for (const row of spans.values()) setState(row, 'lost');
    spans.clear();
  }
}

function draw() {
  if (!paused && pending.length > 0) {
    // A backlog is drawn over several frames, so that the page stays usable meanwhile.
    const batch = pending.splice(0, FRAME_MAX);
    for (const { type, data } of batch) {
      if (type === 'activity') show(data);
      else control(type, data);
    }
    while (list.childElementCount > ROWS_MAX) list.lastElementChild.remove();
    for (const [key, row] of spans) if (!row.item.isConnected) spans.delete(key);
    $('empty').hidden = list.childElementCount > 0;
    $('seen').textContent = String(seen);
  }
  requestAnimationFrame(draw);
}

function tick() {
  const nowMs = Date.now();
  let running = 0;
  for (const row of spans.values()) {
    if (row.item.dataset.state !== 'running') continue;
    running += 1;
    row.took.textContent = took(Math.max(0, nowMs - row.startMs));
  }
  $('running').textContent = String(running);
}

function push(type, data) {
  recent += 1;
  pending.push({ type, data });
  if (pending.length > 20000) pending.splice(0, 10000, { type: 'lagged', data: { missed: 10000 } });
  if (paused) $('pause').textContent = 'Resume (+' + pending.length + ')';
}

function follow(filter, since) {
  const query = new URLSearchParams({ since });
  if (filter !== '') query.set('filter', filter);
  source = new EventSource('/activity/stream?' + query);
  source.addEventListener('open', () => { if (!paused) say('live', 'Live'); });
  source.addEventListener('error', () => {
    if (source.readyState === EventSource.CLOSED) stopped();
    else say('connecting', 'Reconnecting');
  });
  for (const kind of KINDS) {
    source.addEventListener(kind, (event) => {
      push(['gap', 'lagged', 'reset'].includes(kind) ? kind : 'activity', JSON.parse(event.data));
    });
  }
}

/** An EventSource that was refused once stays closed: say why, and try again where that can help. */
async function stopped() {
  const turn = generation;
  const answer = await fetch('/activity?limit=1').catch(() => undefined);
  if (turn !== generation) return;
  if (answer?.status === 401) {
    say('stopped', 'Signed out');
    location.assign('/');
    return;
  }
  say('connecting', answer === undefined ? 'Server unreachable' : answer.ok ? 'Stream refused, retrying' : 'The log is away, retrying');
  setTimeout(() => { if (turn === generation) start(); }, 2000);
}

async function start() {
  generation += 1;
  const turn = generation;
  source?.close();
  say('connecting', 'Connecting');
  const filter = $('filter').value.trim();
  const query = new URLSearchParams({ limit: '200' });
  if (filter !== '') query.set('filter', filter);
  const answer = await fetch('/activity?' + query).catch(() => undefined);
  if (turn !== generation) return;
  if (answer === undefined || (!answer.ok && answer.status !== 400)) {
    stopped();
    return;
  }
  const page = await answer.json();
  $('filter-problem').hidden = answer.ok;
  if (!answer.ok) {
    $('filter-problem').textContent = page.detail;
    say('stopped', 'Filter not applied');
    return;
  }
  list.replaceChildren();
  spans.clear();
  $('empty').hidden = false;
  pending = page.items.toReversed().map((data) => ({ type: 'activity', data }));
  // Goes on exactly after the newest one shown; before anything is logged, from the very beginning.
  follow(filter, page.items[0]?.cursor ?? (page.complete ? '0-0' : '1s'));
}

$('filter-form').addEventListener('submit', (event) => {
  event.preventDefault();
  const filter = $('filter').value.trim();
  history.replaceState(null, '', filter === '' ? location.pathname : '?filter=' + encodeURIComponent(filter));
  start();
});
$('pause').addEventListener('click', () => {
  paused = !paused;
  $('pause').setAttribute('aria-pressed', String(paused));
  $('pause').textContent = paused ? 'Resume' : 'Pause';
  say(paused ? 'paused' : source?.readyState === EventSource.OPEN ? 'live' : 'connecting', paused ? 'Paused' : source?.readyState === EventSource.OPEN ? 'Live' : 'Reconnecting');
});
$('filter').value = new URLSearchParams(location.search).get('filter') ?? '';
setInterval(tick, 100);
setInterval(() => { $('rate').textContent = String(recent); recent = 0; }, 1000);
requestAnimationFrame(draw);
start();
`;
