/** The JSON of a valid activity that carries its number. */
export function activityJson(index: number, attributes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: `01997b5e-3a6c-7c1e-b2a4-${index.toString(16).padStart(12, '0')}`,
    kind: 'event',
    name: 'test.counted',
    time: '2026-11-21T00:22:37.123456Z',
    severity: 'info',
    attributes: { index, ...attributes },
  });
}

export function activities(from: number, count: number): string[] {
  return Array.from({ length: count }, (_, offset) => activityJson(from + offset));
}
