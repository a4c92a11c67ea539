import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { optionTable, README, withTable } from './readme-table.ts';

const readme = readFileSync(README, 'utf8');

describe('the README', () => {
  it('holds the option table as the code has it (else: npm run readme)', () => {
    expect(optionTable().split('\n').length).toBeGreaterThan(20);
    expect(withTable(readme)).toBe(readme);
  });

  it('points at files that exist', () => {
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map((match) => match[1] ?? '');
    expect(links.length).toBeGreaterThan(5);
    expect(links.filter((link) => !existsSync(join(dirname(README), link)))).toEqual([]);
  });

  it('names scripts that package.json has', () => {
    const manifest = JSON.parse(readFileSync(join(dirname(README), 'package.json'), 'utf8')) as { scripts: object };
    const named = [
      ...readme.matchAll(/npm (?:run )?(demo|test|bench|check|peers|fuzz|soak|screenshots|readme|format)\b/g),
    ];
    expect(named.length).toBeGreaterThan(2);
    expect(named.map((match) => match[1] ?? '').filter((name) => !(name in manifest.scripts))).toEqual([]);
  });
});
