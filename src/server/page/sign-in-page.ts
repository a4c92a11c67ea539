/** Style of the sign-in page; its digest stands in the page's Content-Security-Policy. */
export const SIGN_IN_STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d9dce3, #2c313b); --text: light-dark(#1b1f27, #e6e9ef);
  --muted: light-dark(#5c6470, #98a1b0); --ground: light-dark(#f6f7f9, #0f1217); --card: light-dark(#fff, #171b22);
  --accent: light-dark(#0b6e4f, #4cc79a); --bad: light-dark(#b3261e, #ff8a80); }
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1rem; background: var(--ground);
  color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
main { width: min(24rem, 100%); padding: 2rem; background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
h1 { margin: 0 0 .25rem; font-size: 1.25rem; }
p { margin: 0 0 1.25rem; color: var(--muted); }
p[role=alert] { color: var(--bad); }
label { display: block; font-weight: 600; margin-bottom: .35rem; }
input, button { width: 100%; font: inherit; padding: .65rem .75rem; border-radius: 8px; border: 1px solid var(--line); }
input { background: var(--ground); color: inherit; }
button { margin-top: .75rem; border: 0; background: var(--accent); color: light-dark(#fff, #06281c); font-weight: 600; cursor: pointer; }
input:focus-visible, button:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
`;

/** @param message a sentence of ours (never the caller's text) about the last try, or nothing */
export function signInHtml(message: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>livespan: sign in</title>
<style>${SIGN_IN_STYLE}</style>
</head>
<body>
<main>
<h1>livespan</h1>
<p>This server is protected by a token: the value of <code>LIVESPAN_TOKEN</code> where it was started.</p>
${message === '' ? '' : `<p role="alert">${message}</p>`}
<form method="post" action="/sign-in">
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus>
<button>Sign in</button>
</form>
</main>
</body>
</html>
`;
}
