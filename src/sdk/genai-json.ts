/** An object of parsed JSON that is no array. */
export function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * The top-level members with simple values of a JSON object that was cut off: a request with long content still says its
 * model. Nested values are stepped over.
 */
export function topLevelScalars(text: string): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  const token = /"(?:[^"\\]|\\.)*"|[{}[\]:,]|[^\s"{}[\]:,]+/g;
  let depth = 0;
  let key: string | undefined;
  let pending: string | undefined;
  for (const [part] of text.matchAll(token)) {
    if (part === '{' || part === '[') depth += 1;
    else if (part === '}' || part === ']') depth -= 1;
    if (depth !== 1) continue;
    if (part === ':') key = pending;
    else if (part === ',') key = undefined;
    else if (key === undefined) pending = part;
    else if (!'{}[]'.includes(part)) define(found, parseJson(key), parseJson(part));
  }
  return found;
}

function define(target: Record<string, unknown>, key: unknown, value: unknown): void {
  if (typeof key !== 'string' || value === undefined || key === '__proto__') return;
  target[key] = value;
}
