import { ProtobufReader, WIRE } from './protobuf-reader.ts';
import { readSections } from './protobuf-sections.ts';
import { readAnyValue, readKeyValue } from './protobuf-values.ts';
import type { LogRecord, Sourced } from './records.ts';

/**
 * Reads an `ExportLogsServiceRequest` (collector/logs/v1), record after record.
 * @throws ProtobufError where the bytes are no such message
 */
export function readProtobufLogs(bytes: Buffer): Generator<Sourced<LogRecord>> {
  return readSections(new ProtobufReader(bytes), readLogRecord);
}

/** `LogRecord` of logs.proto. */
function readLogRecord(reader: ProtobufReader): LogRecord {
  const outer = reader.enter();
  const log: LogRecord = {
    timeUs: 0,
    observedUs: 0,
    severityNumber: 0,
    severityText: '',
    body: undefined,
    attributes: {},
    droppedAttributes: 0,
    traceId: '',
    spanId: '',
    eventName: '',
  };
  while (reader.next()) {
    if (reader.is(WIRE.length)) readLogMessage(reader, log);
    else if (reader.at(1, WIRE.fixed64)) log.timeUs = reader.nanosAsUs();
    else if (reader.at(11, WIRE.fixed64)) log.observedUs = reader.nanosAsUs();
    else if (reader.at(2, WIRE.varint)) log.severityNumber = reader.varint();
    else if (reader.at(7, WIRE.varint)) log.droppedAttributes = reader.varint();
    else reader.skip();
  }
  reader.leave(outer);
  return log;
}

function readLogMessage(reader: ProtobufReader, log: LogRecord): void {
  switch (reader.field) {
    case 3:
      log.severityText = reader.interned();
      break;
    case 5:
      log.body = readAnyValue(reader);
      break;
    case 6:
      readKeyValue(reader, log.attributes);
      break;
    case 9:
      log.traceId = reader.hex();
      break;
    case 10:
      log.spanId = reader.hex();
      break;
    case 12:
      log.eventName = reader.interned();
      break;
    default:
      reader.skip();
  }
}
