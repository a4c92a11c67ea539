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
      if (reader.at(2, WIRE.length)) yield* readScope(reader, resource, readRecord);
      else reader.skip();
    }
    reader.leave(outer);
  }
}

function* readScope<T>(
  reader: ProtobufReader,
  resource: Source['resource'],
  readRecord: (reader: ProtobufReader) => T,
): Generator<Sourced<T>> {
  const outer = reader.enter();
  let scope = '';
  look(reader, () => {
    scope = readScopeName(reader, scope);
  });
  const source: Source = { resource, scope };
  while (reader.next()) {
    if (reader.at(2, WIRE.length)) yield { source, record: readRecord(reader) };
    else reader.skip();
  }
  reader.leave(outer);
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
