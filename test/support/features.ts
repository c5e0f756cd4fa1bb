// Tests of what only newer kernels have. Where the kernel lacks it they are skipped, under a name that says so.
import { it } from '@jest/globals';
import { Proactor, type ProbeFeatures } from 'proactor';

const report = Proactor.probe();

type Body = () => Promise<unknown>;
export type NamedTest = (name: string, body: Body, timeoutMs?: number) => void;

function itWith(isThere: boolean, what: string): NamedTest {
  if (isThere) return it;
  return (name, body) => it.skip(`${name} [skipped: the kernel lacks ${what}]`, body);
}

/** `it`, or, where `Proactor.probe()` finds the feature missing, a visible skip. */
export function itWithFeature(feature: keyof ProbeFeatures): NamedTest {
  return itWith(report.features[feature], feature);
}

/** `it` for what happens where the feature is missing; elsewhere a visible skip. */
export function itWithoutFeature(feature: keyof ProbeFeatures): NamedTest {
  if (!report.features[feature]) return it;
  return (name, body) => it.skip(`${name} [skipped: the kernel has ${feature}]`, body);
}

/** `itWithFeature` for an operation; `it` for the name of anything else. */
export function itWithOperation(operation: string): NamedTest {
  return itWith(report.opcodes[operation] !== false, operation);
}
