import { ProtobufReader, WIRE } from './protobuf-reader.ts';
import { readSections } from './protobuf-sections.ts';
import { readKeyValue } from './protobuf-values.ts';
import { EVENTS_MAX, type EventRecord, type Sourced, type SpanRecord } from './records.ts';

/**
 * Reads an `ExportTraceServiceRequest` (collector/trace/v1), span after span.
 * @throws ProtobufError where the bytes are no such message
 */
export function readProtobufSpans(bytes: Buffer): Generator<Sourced<SpanRecord>> {
  return readSections(new ProtobufReader(bytes), readSpan);
}

function emptySpan(): SpanRecord {
  return {
    traceId: '',
    spanId: '',
    parentSpanId: '',
    name: '',
    kind: 0,
    startUs: 0,
    endUs: 0,
    attributes: {},
    events: [],
    droppedAttributes: 0,
    droppedEvents: 0,
    unreadEvents: 0,
    links: 0,
    droppedLinks: 0,
    statusCode: 0,
    statusMessage: '',
  };
}

/** `Span` of trace.proto. A field with a wire type that is not its own is unknown and passed over. */
function readSpan(reader: ProtobufReader): SpanRecord {
  const outer = reader.enter();
  const span = emptySpan();
  readIds(reader, span);
  while (reader.next()) {
    if (reader.is(WIRE.length)) readSpanMessage(reader, span);
    else if (reader.at(7, WIRE.fixed64)) span.startUs = reader.nanosAsUs();
    else if (reader.at(8, WIRE.fixed64)) span.endUs = reader.nanosAsUs();
    else if (reader.at(6, WIRE.varint)) span.kind = reader.varint();
    else if (reader.at(10, WIRE.varint)) span.droppedAttributes = reader.varint();
    else if (reader.at(12, WIRE.varint)) span.droppedEvents = reader.varint();
    else if (reader.at(14, WIRE.varint)) span.droppedLinks = reader.varint();
    else reader.skip();
  }
  reader.leave(outer);
  return span;
}

const TRACE_ID_HEAD = 0x0a_10;
const SPAN_ID_HEAD = 0x12_08;
const PARENT_ID_HEAD = 0x22_08;

/**
 * The ids, where they stand as all encoders write them: at the beginning, one after the other. Then one conversion makes
 * the hex of all, heads and all. Anything else is left to the loop over the fields.
 */
function readIds(reader: ProtobufReader, span: SpanRecord): void {
  const at = reader.position;
  if (reader.pairAt(at) !== TRACE_ID_HEAD || reader.pairAt(at + 18) !== SPAN_ID_HEAD) return;
  if (at + 28 > reader.end) return;
  const hasParent = reader.pairAt(at + 28) === PARENT_ID_HEAD && at + 38 <= reader.end;
  const end = at + (hasParent ? 38 : 28);
  const hex = reader.bytes.hexSlice(at, end);
  span.traceId = hex.slice(4, 36);
  span.spanId = hex.slice(40, 56);
  if (hasParent) span.parentSpanId = hex.slice(60, 76);
  reader.position = end;
}

function readSpanMessage(reader: ProtobufReader, span: SpanRecord): void {
  switch (reader.field) {
    case 1:
      span.traceId = reader.hex();
      break;
    case 2:
      span.spanId = reader.hex();
      break;
    case 4:
      span.parentSpanId = reader.hex();
      break;
    case 5:
      span.name = reader.interned();
      break;
    case 9:
      readKeyValue(reader, span.attributes);
      break;
    case 11:
      if (span.events.length < EVENTS_MAX) span.events.push(readEvent(reader));
      else {
        span.unreadEvents++;
        reader.skip();
      }
      break;
    case 13:
      span.links++;
      reader.skip();
      break;
    case 15:
      readStatus(reader, span);
      break;
    default:
      reader.skip();
  }
}

function readEvent(reader: ProtobufReader): EventRecord {
  const outer = reader.enter();
  const event: EventRecord = { timeUs: 0, name: '', attributes: {}, droppedAttributes: 0 };
  while (reader.next()) {
    if (reader.at(1, WIRE.fixed64)) event.timeUs = reader.nanosAsUs();
    else if (reader.at(2, WIRE.length)) event.name = reader.interned();
    else if (reader.at(3, WIRE.length)) readKeyValue(reader, event.attributes);
    else if (reader.at(4, WIRE.varint)) event.droppedAttributes = reader.varint();
    else reader.skip();
  }
  reader.leave(outer);
  return event;
}

function readStatus(reader: ProtobufReader, span: SpanRecord): void {
  const outer = reader.enter();
  while (reader.next()) {
    if (reader.at(2, WIRE.length)) span.statusMessage = reader.text();
    else if (reader.at(3, WIRE.varint)) span.statusCode = reader.varint();
    else reader.skip();
  }
  reader.leave(outer);
}
