import { type ProtobufReader, WIRE } from './protobuf-reader.ts';
import { readResource, readScopeName } from './protobuf-values.ts';
import type { Source, Sourced } from './records.ts';

/**
 * The frame that traces, logs and metrics share: request → resource section (1) → scope section (2) → record (2), with
 * the resource in field 1 of its section and the scope in field 1 of its own. Fields may come in any order, so a section
 * is looked over for its resource before its records are read; that look passes over them by their length.
 */
export function* readSections<T>(
  reader: ProtobufReader,
  readRecord: (reader: ProtobufReader) => T,
): Generator<Sourced<T>> {
  while (reader.next()) {
    if (!reader.at(1, WIRE.length)) {
      reader.skip();
      continue;
    }
    const outer = reader.enter();
    const resource = {};
    look(reader, () => readResource(reader, resource));
    while (reader.next()) {
      if (!reader.at(2, WIRE.length)) {
        reader.skip();
        continue;
      }
      // A generator of its own for each scope would make every record pass through both.
      const section = reader.enter();
      const source: Source = { resource, scope: lookForScope(reader) };
      while (reader.next()) {
        if (reader.at(2, WIRE.length)) yield { source, record: readRecord(reader) };
        else reader.skip();
      }
      reader.leave(section);
    }
    reader.leave(outer);
  }
}

function lookForScope(reader: ProtobufReader): string {
  let scope = '';
  look(reader, () => {
    scope = readScopeName(reader, scope);
  });
  return scope;
}

/** Reads field 1 of the entered message wherever it stands, and comes back to its start. */
function look(reader: ProtobufReader, read: () => void): void {
  const start = reader.position;
  while (reader.next()) {
    if (reader.at(1, WIRE.length)) read();
    else reader.skip();
  }
  reader.position = start;
}
