import { describe, expect, it } from 'vitest';
import { missingOptional, readLock } from './lock-file.ts';

describe('the lock file', () => {
  it('knows the optional packages of every platform (else: npm run lock)', () => {
    const lock = readLock();
    expect(Object.values(lock.packages).filter((entry) => entry.optionalDependencies).length).toBeGreaterThan(2);
    expect(missingOptional(lock)).toEqual({});
  });

  it('would see one that is missing', () => {
    const packages = { 'node_modules/a': { optionalDependencies: { '@a/win32-x64': '1.2.3' }, dev: true } };
    expect(missingOptional({ packages })).toEqual({
      'node_modules/@a/win32-x64': { version: '1.2.3', os: ['win32'], cpu: ['x64'], dev: true, optional: true },
    });
  });
});
