/** The live page. It has no inline script or style: the Content-Security-Policy allows none. */
export const LIVE_PAGE_HTML = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>livespan</title>
<link rel="icon" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Cpath d='M2 4h7M5 8h9M3 12h6' stroke='%231a9e72' stroke-width='2.4' stroke-linecap='round'/%3E%3C/svg%3E">
<link rel="stylesheet" href="/page/live.css">
<script src="/page/live.js" type="module"></script>
</head>
<body>
<header>
<div class="bar">
<h1>livespan</h1>
<p id="state" class="state" role="status" data-state="connecting"><span class="dot" aria-hidden="true"></span><span id="state-text">Connecting</span></p>
<p class="figures"><span><b id="running">0</b> running</span><span><b id="rate">0</b>/s</span><span><b id="seen">0</b> seen</span></p>
<button id="pause" type="button" aria-pressed="false">Pause</button>
</div>
<form id="filter-form" role="search">
<label for="filter" class="hidden">Filter</label>
<input id="filter" name="filter" type="search" autocomplete="off" autocapitalize="off" spellcheck="false" maxlength="2000"
 placeholder="Filter: service:api severity:&gt;=warn name:gateway.* duration:&gt;500ms &quot;free text&quot;">
<button>Apply</button>
</form>
<p id="filter-problem" class="problem" role="alert" hidden></p>
</header>
<main>
<ol id="rows" role="log" aria-label="Live activities, newest first" aria-live="off"></ol>
<div id="empty" class="empty">
<h2>Nothing yet</h2>
<p>Activities show up here while they happen. From a terminal:</p>
<pre id="sample"></pre>
</div>
</main>
<noscript><p class="problem">This page needs JavaScript. <code>npx livespan tail</code> shows the same in a terminal.</p></noscript>
</body>
</html>
`;
