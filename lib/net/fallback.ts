// Whether this module can be more than node:net here, and the warning where it cannot.
import { Proactor } from '../proactor';
import { found } from './node-internals';

function reasonNot(): string | undefined {
  const { available, reason, hint } = Proactor.probe();
  if (!available) return `io_uring cannot be used: ${reason}; ${hint}`;
  if (typeof found === 'string') {
    return `this runtime's node:net is not known here (${process.version}: ${found})`;
  }
  return undefined;
}

/** Why `proactor/net` is `node:net` here; undefined where it runs on the Proactor. */
export const fallbackReason: string | undefined = reasonNot();

/** The variable that turns the warning off. */
const SILENCE = 'PROACTOR_NO_FALLBACK_WARNING';

if (fallbackReason !== undefined && !process.env[SILENCE]) {
  process.emitWarning(`proactor/net is node:net here: ${fallbackReason}`, {
    type: 'ProactorWarning',
    code: 'PROACTOR_NET_FALLBACK',
    detail: `Set ${SILENCE}=1 to turn this warning off.`,
  });
}
