// Judges what trying said: the process that was to probe, the self-tests, and limits that leave no room. Pure.
import {
  ALLOW_IN_NODE,
  allowInSeccomp,
  raiseDescriptors,
  raiseMemlock,
  raiseProcesses,
  raiseSystemFiles,
} from './remedies';
import type { Facts, Finding, SelfTest } from './report';

export const MEMLOCK_BYTES_WANTED = 8 * 1024 * 1024;
export const DESCRIPTORS_WANTED = 65536;
const PROCESSES_WANTED = 4096;
/** A process of Node that tries a proactor and an echo has some 30 of them. */
const NODE_DESCRIPTORS_MIN = 64;
const REPORT_IT = 'report this as a bug, with the output of proactor doctor --json';
const MORE_TIME = 'proactor doctor --timeout 60, where the machine is slow or busy';

/** Of its process, not of io_uring: what that is like is not known. */
export function judgeProbeFailure(facts: Facts): Finding {
  const { container, limits, probeFailure: failure, probeObstacle: obstacle } = facts;
  if (failure.includes('SIGSYS')) {
    return {
      id: 'seccomp',
      severity: 'error',
      what: 'a seccomp filter kills processes that use io_uring',
      why: 'the process that tried it got SIGSYS; new Proactor() and Proactor.probe() would be killed as well',
      remedy: allowInSeccomp(container.kind),
    };
  }
  // Node itself may not come up with them, and says then what it likes.
  const { soft } = limits.descriptors;
  if (obstacle === null && typeof soft === 'number' && soft < NODE_DESCRIPTORS_MIN) {
    const why = `only ${soft} can be open, which are too few for Node itself: ${failure}`;
    return judgeShortage(facts, 'descriptors', 'error', why);
  }
  if (obstacle === 'descriptors' || obstacle === 'processes') {
    return judgeShortage(facts, obstacle, 'error', failure);
  }
  if (obstacle === 'permissions') {
    return {
      id: 'permissions',
      severity: 'error',
      what: "Node's permission model does not let the doctor try io_uring",
      why: `it tries that in processes of their own; ${failure}`,
      remedy: ALLOW_IN_NODE,
    };
  }
  return {
    id: 'probe',
    severity: 'error',
    what: 'it could not be found out whether io_uring can be used',
    why: failure,
    remedy: obstacle === 'time' ? [MORE_TIME, REPORT_IT] : [REPORT_IT],
  };
}

type Shortage = 'memlock' | 'descriptors' | 'processes';

/** A limit that leaves no room: for `whom`, a ring if nothing else is said. */
export function judgeShortage(
  { container: { kind } }: Facts,
  id: Shortage,
  severity: Finding['severity'],
  why: string,
  whom = '',
): Finding {
  const finding = (what: string, remedy: readonly string[]): Finding => ({
    ...{ id, severity, what: `${what}${whom}`, why, remedy },
  });
  switch (id) {
    case 'memlock':
      return finding(
        `there is too little locked memory for a ${whom === '' ? 'ring' : 'proactor'}`,
        [...raiseMemlock(kind, MEMLOCK_BYTES_WANTED), 'or free memory'],
      );
    case 'descriptors':
      return finding('there are too few descriptors', [
        ...(/ENFILE/.test(why)
          ? raiseSystemFiles(kind)
          : raiseDescriptors(kind, DESCRIPTORS_WANTED)),
        'or close descriptors',
      ]);
    case 'processes':
      return finding('no process or thread can be started any more', [
        ...raiseProcesses(kind, PROCESSES_WANTED),
        'or end some',
      ]);
  }
}

export function judgeSelfTests(facts: Facts): Finding[] {
  const { selfTests } = facts;
  const failed = selfTests.filter(({ passed }) => !passed);
  // What is common to both is told once, with the first: that is the default.
  const causes = failed.filter(
    ({ cause }, index) =>
      cause === null || failed.findIndex((other) => other.cause === cause) === index,
  );
  const findings = causes.map((test) => judgeFailedTest(facts, test, failed));
  if (!selfTests.some(({ sleepsIn }) => sleepsIn === 'eventfd')) return findings;
  return [
    ...findings,
    {
      id: 'dispatch',
      severity: 'note',
      what: 'loop dispatch is woken by an eventfd, since this runtime does not let it sleep in the ring',
      why: 'each wake-up takes more system calls; with few connections that is felt',
      remedy: [],
    },
  ];
}

function judgeFailedTest(facts: Facts, test: SelfTest, failed: readonly SelfTest[]): Finding {
  const { dispatch, failure, cause } = test;
  const { probe, selfTests } = facts;
  const isDefault = dispatch === probe?.defaultDispatch;
  const severity = isDefault ? 'error' : 'warning';
  const same = failed.filter(
    (other) => other === test || (cause !== null && other.cause === cause),
  );
  const whom = ` (${same.map((each) => each.dispatch).join(' and ')} dispatch)`;
  switch (cause) {
    case 'memlock':
      return judgeShortage(
        facts,
        cause,
        severity,
        `${failure}; the limit is one for all rings of a user`,
        whom,
      );
    case 'descriptors':
    case 'processes':
      return judgeShortage(facts, cause, severity, failure, whom);
    case 'network':
      return {
        id: 'network',
        severity: 'warning',
        what: 'TCP does not work on the loopback interface, with node:net neither: no echo could be tried',
        why: failure,
        remedy: [
          'ip link set lo up (in a new network namespace it is down)',
          'or look for what else is in the way: a firewall, a sandbox',
        ],
      };
    default:
      return {
        id: 'dispatch',
        severity,
        what: `${dispatch} dispatch does not work${isDefault ? ', and it is the default' : ''}`,
        why: failure,
        remedy: [
          ...(cause === 'time' ? [MORE_TIME] : []),
          ...(selfTests.some((other) => other.passed && other.dispatch === 'thread')
            ? ["try new Proactor({ dispatch: 'thread' })"]
            : []),
          REPORT_IT,
        ],
      };
  }
}
