/** What a canvas cannot take from the style sheets by itself: colours as they are now, and word when they change. */
const PREFERENCES = ['(prefers-color-scheme: dark)', '(prefers-contrast: more)', '(forced-colors: active)'] as const;

/** The custom properties `--chart-<name>` as they hold in `place`, as colours that a canvas takes. */
export function readColours<Name extends string>(
  place: HTMLElement,
  names: readonly Name[],
): Readonly<Record<Name, string>> {
  // Asked for as a colour of something, names of the system's colours and other variables are resolved.
  const probe = place.appendChild(document.createElement('i'));
  const colours = {} as Record<Name, string>;
  for (const name of names) {
    probe.style.color = `var(--chart-${name})`;
    colours[name] = getComputedStyle(probe).color;
  }
  probe.remove();
  return colours;
}

/** Calls `told` when the theme or what the system asks for has changed, until the returned function is called. */
export function onLooksChange(told: () => void): () => void {
  const theme = new MutationObserver(told);
  theme.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const queries = PREFERENCES.map((preference) => matchMedia(preference));
  for (const query of queries) query.addEventListener('change', told);
  return () => {
    theme.disconnect();
    for (const query of queries) query.removeEventListener('change', told);
  };
}
