import type { Sampler } from '@opentelemetry/sdk-trace-node';
import type { OtelEnvironment } from './otel-environment.ts';
import { loadTraceSdk } from './otlp-pipeline.ts';

/** The sampler that `OTEL_TRACES_SAMPLER` asks for. */
export function createSampler({ sampler: { name, ratio } }: OtelEnvironment): Sampler {
  const sdk = loadTraceSdk();
  const root = name.endsWith('always_off')
    ? new sdk.AlwaysOffSampler()
    : name.endsWith('always_on')
      ? new sdk.AlwaysOnSampler()
      : new sdk.TraceIdRatioBasedSampler(ratio);
  return name.startsWith('parentbased_') ? new sdk.ParentBasedSampler({ root }) : root;
}

/**
 * Spans that `sampler` turns down are recorded all the same, without the sampled flag: processors see them (the feed has
 * every span), exporters and the next services do not.
 */
export function recordAll(sampler: Sampler): Sampler {
  const { SamplingDecision } = loadTraceSdk();
  return {
    shouldSample(...question) {
      const answer = sampler.shouldSample(...question);
      return answer.decision === SamplingDecision.NOT_RECORD
        ? { ...answer, decision: SamplingDecision.RECORD }
        : answer;
    },
    toString: () => `LiveSampler{${sampler.toString()}}`,
  };
}
