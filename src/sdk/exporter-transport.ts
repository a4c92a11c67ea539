/**
 * What the OTLP exporters of the pinned version hold the process with and have no option for. Everything is looked for by
 * shape, and left alone where it is not found.
 */
interface Transport {
  /** OTLP/HTTP: tries again after a pause. */
  retry?(data: Uint8Array, timeoutMs: number, inMs: number): Promise<unknown>;
  _transport?: { send?(data: Uint8Array, timeoutMs: number): Promise<unknown> };
  /** OTLP/gRPC: made at the first export and again where it is missing. */
  _client?: { close?(): void } | undefined;
}

function transportOf(exporter: object): Transport | undefined {
  return (exporter as { _delegate?: { _transport?: Transport } })._delegate?._transport;
}

/** The pause before another try no longer holds the process. */
export function unholdRetries(exporter: object): void {
  const transport = transportOf(exporter);
  const inner = transport?._transport;
  if (typeof transport?.retry !== 'function' || typeof inner?.send !== 'function') return;
  const send = inner.send.bind(inner);
  transport.retry = (data, timeoutMs, inMs) =>
    new Promise((resolve, reject) => {
      setTimeout(() => send(data, timeoutMs).then(resolve, reject), inMs).unref();
    });
}

/** Calls that wait for a connection fail now, they would hold the process until their deadline; a later export connects anew. */
export function abandonCalls(exporter: object): void {
  const transport = transportOf(exporter);
  if (typeof transport?._client?.close !== 'function') return;
  transport._client.close();
  transport._client = undefined;
}
