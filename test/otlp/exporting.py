"""Sends a parent and a child span and a log record by OpenTelemetry's own exporters.
argv: grpc | http | json, endpoint, gzip | none. Prints the trace id.
"""

import logging
import sys
import warnings

from opentelemetry import trace
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

warnings.simplefilter("ignore")
door, endpoint, compression = sys.argv[1:4]
if door == "grpc":
    from grpc import Compression
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    kind = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    spans = OTLPSpanExporter(endpoint=endpoint, insecure=True, compression=kind)
    logs = OTLPLogExporter(endpoint=endpoint, insecure=True, compression=kind)
elif door == "json":
    from opentelemetry.exporter.otlp.common.http import Compression
    from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.json.http.trace_exporter import OTLPSpanExporter

    kind = Compression.GZIP if compression == "gzip" else Compression.NONE
    spans = OTLPSpanExporter(endpoint=endpoint + "/v1/traces", compression=kind)
    logs = OTLPLogExporter(endpoint=endpoint + "/v1/logs", compression=kind)
else:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    kind = Compression.Gzip if compression == "gzip" else Compression.NoCompression
    spans = OTLPSpanExporter(endpoint=endpoint + "/v1/traces", compression=kind)
    logs = OTLPLogExporter(endpoint=endpoint + "/v1/logs", compression=kind)

resource = Resource.create({"service.name": "python-client", "service.instance.id": "py-1"})
tracers = TracerProvider(resource=resource)
tracers.add_span_processor(BatchSpanProcessor(spans))
tracer = tracers.get_tracer("python-scope")
with tracer.start_as_current_span("parent") as parent:
    with tracer.start_as_current_span("child", kind=trace.SpanKind.CLIENT) as child:
        child.set_attributes({"n": 42, "big": 2**60, "ok": True, "list": ["a", "b"], "ratio": 0.5})
        child.add_event("cache.miss", {"key": "k1"})
        child.set_status(trace.StatusCode.ERROR, "went wrong")
    loggers = LoggerProvider(resource=resource)
    loggers.add_log_record_processor(BatchLogRecordProcessor(logs))
    logger = logging.getLogger("python-logger")
    logger.addHandler(LoggingHandler(logger_provider=loggers))
    logger.warning("disk is %s", "full")
    loggers.shutdown()
tracers.shutdown()
print(format(parent.get_span_context().trace_id, "032x"))
