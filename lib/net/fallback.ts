// Whether this module can be more than node:net here, and the warning where it cannot.
import { getEnvironmentData, setEnvironmentData } from 'node:worker_threads';
import { Proactor } from '../proactor';
import { found } from './node-internals';

/** The variable that asks for node:net, and the code of the warning where nobody did. */
const FALLBACK = 'PROACTOR_NET_FALLBACK';

const isWanted = Boolean(process.env[FALLBACK]);

function reasonNot(): string | undefined {
  if (isWanted) return `the environment has ${FALLBACK}`;
  const { available, reason, hint } = Proactor.probe();
  if (!available) return `io_uring cannot be used: ${reason}; ${hint}`;
  return typeof found === 'string' ? found : undefined;
}

/** Why `proactor/net` is `node:net` here; undefined where it runs on the Proactor. */
export const fallbackReason: string | undefined = reasonNot();

/** The variable that turns the warning off. */
const SILENCE = 'PROACTOR_NO_FALLBACK_WARNING';

/** A thread that warned leaves this to those it starts, which would say the same. */
const warned = () => getEnvironmentData(FALLBACK) !== undefined;

if (fallbackReason !== undefined && !isWanted && !process.env[SILENCE] && !warned()) {
  setEnvironmentData(FALLBACK, true);
  process.emitWarning(`proactor/net is node:net here: ${fallbackReason}`, {
    type: 'ProactorWarning',
    code: FALLBACK,
    detail: `Set ${SILENCE}=1 to turn this warning off.`,
  });
}
