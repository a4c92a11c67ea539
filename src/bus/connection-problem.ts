/** The URL schemes of a protocol, to say which one to write. */
export interface Schemes {
  plain: string;
  tls: string;
}

/**
 * Why a connection could not be made, for people, where the error of the socket says it; `at` is `host:port`.
 * @returns undefined for an error that says nothing an operator could act on
 */
export function connectionProblem(thrown: unknown, at: string, { plain, tls }: Schemes): string | undefined {
  const code = codeOf(thrown);
  if (code === 'ECONNREFUSED') return `nothing listens at ${at} (connection refused)`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `the host of ${at} cannot be found`;
  if (code === 'ETIMEDOUT') return `nothing answers at ${at}`;
  if (code.startsWith('ERR_SSL') || code === 'EPROTO') {
    return `what listens at ${at} does not speak TLS: use ${plain} instead of ${tls}, or check the port`;
  }
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    return `the certificate of ${at} is for another host: the URL must name the host as the certificate does`;
  }
  if (/^CERT_(HAS_EXPIRED|NOT_YET_VALID)$/.test(code)) {
    return `the certificate of ${at} is not valid at this time (${code})`;
  }
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) {
    return `the certificate of ${at} is not trusted (${code}): NODE_EXTRA_CA_CERTS names a file with its CA`;
  }
  return undefined;
}

/** `ECONNRESET` and the like; empty where there is none. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
}
