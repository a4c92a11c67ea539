/** A no of the server, in its own words where it gives any (RFC 9457). */
export interface Refusal {
  status: number;
  code: string;
  detail: string;
  column: number | undefined;
  /** From `Retry-After`; 0 where it says nothing. */
  retryAfterMs: number;
}

export async function readRefusal(response: Response): Promise<Refusal> {
  const retryAfter = Number(response.headers.get('retry-after') ?? 0);
  const base = { status: response.status, retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1_000 : 0 };
  let problem: Record<string, unknown> = {};
  try {
    const body: unknown = JSON.parse((await response.text()).slice(0, 65_536));
    if (typeof body === 'object' && body !== null) problem = body as Record<string, unknown>;
  } catch {
    // A proxy answers with a page of its own: the status has to do.
  }
  const { code, detail, column } = problem;
  return {
    ...base,
    code: typeof code === 'string' ? code : `http_${response.status}`,
    detail: typeof detail === 'string' ? detail : `The server answered ${response.status}`,
    column: typeof column === 'number' ? column : undefined,
  };
}
