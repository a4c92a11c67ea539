import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Files of one certificate in PEM. */
export interface CertificateFiles {
  key: string;
  certificate: string;
}

/** An authority of the test's own, made by the real openssl, that no machine trusts by itself. */
export interface Authority {
  /** Its certificate (PEM): what `NODE_EXTRA_CA_CERTS` names. */
  readonly ca: string;
  /** Signs a certificate for `names` (`DNS:localhost`, `IP:127.0.0.1`). */
  issue(names: readonly string[]): Promise<CertificateFiles>;
  remove(): Promise<void>;
}

const EC_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

export async function createAuthority(): Promise<Authority> {
  const dir = await mkdtemp(join(tmpdir(), 'livespan-ca-'));
  const [ca, caKey] = [join(dir, 'ca.crt'), join(dir, 'ca.key')];
  const openssl = (...args: string[]) => run('openssl', args);
  await openssl('req', '-x509', ...EC_KEY, '-keyout', caKey, '-out', ca, '-days', '2', '-subj', '/CN=livespan test CA');
  let count = 0;
  return {
    ca,
    async issue(names) {
      count += 1;
      const file = (ending: string): string => join(dir, `${count}.${ending}`);
      await openssl('req', ...EC_KEY, '-keyout', file('key'), '-out', file('csr'), '-subj', `/CN=test ${count}`);
      await writeFile(file('ext'), `subjectAltName=${names.join(',')}\n`);
      const signing = ['-CA', ca, '-CAkey', caKey, '-set_serial', String(count), '-extfile', file('ext')];
      await openssl('x509', '-req', '-in', file('csr'), '-out', file('crt'), '-days', '2', ...signing);
      return { key: file('key'), certificate: file('crt') };
    },
    remove: () => rm(dir, { recursive: true, force: true }),
  };
}
