import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';
import { describe, expect, it } from 'vitest';
import { listSources } from './imports.ts';

const ROOT = join(import.meta.dirname, '../..');
const FILE_LINES_MAX = 350;
const FUNCTION_LINES_MAX = 70;

function longFunctions(path: string, text: string): string[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.ESNext, true);
  const found: string[] = [];
  const lineAt = (position: number) => source.getLineAndCharacterOfPosition(position).line;
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node) && 'body' in node && node.body !== undefined) {
      const lines = lineAt(node.end) - lineAt(node.getStart(source)) + 1;
      // A factory is as long as the object it makes; its methods are measured on their own.
      const isFactory = /^create[A-Z]/.test(node.name?.getText(source) ?? '');
      if (lines > FUNCTION_LINES_MAX && !isFactory)
        found.push(`${path}:${lineAt(node.getStart(source)) + 1} ${lines} lines`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

describe('sizes', () => {
  const files = listSources(ROOT).map((path) => ({ path, text: readFileSync(join(ROOT, path), 'utf8') }));

  it(`has no file over ${FILE_LINES_MAX} lines`, () => {
    const long = files.map(({ path, text }) => ({ path, lines: text.split('\n').length }));
    expect(long.filter(({ lines }) => lines > FILE_LINES_MAX)).toEqual([]);
  });

  it(`has no function over ${FUNCTION_LINES_MAX} lines`, () => {
    expect(files.flatMap(({ path, text }) => longFunctions(path, text))).toEqual([]);
  });

  it('would see a long function', () => {
    expect(longFunctions('planted.ts', `function f() {\n${'  f();\n'.repeat(FUNCTION_LINES_MAX)}}\n`)).toHaveLength(1);
  });
});
