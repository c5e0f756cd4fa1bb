// The seccomp rule that allows io_uring, in the form of Docker, Podman, containerd and Kubernetes; alone, or merged
// into a profile. Everything else of a profile stays as it is.
import { readFileSync } from 'node:fs';
import { UsageError } from '../usage';

const CALLS: readonly string[] = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];

const RULE = {
  comment:
    'io_uring: what it performs is not seen by the other rules, see SECURITY.md of the npm package proactor',
  names: CALLS,
  action: 'SCMP_ACT_ALLOW',
} as const;

interface Rule {
  readonly names?: readonly string[];
  readonly name?: string;
  readonly action?: string;
}

export const PROFILE_EXPLANATION = `This rule allows the three system calls of io_uring. It has to become part of a whole profile:

  1. Take the default profile of your container engine, of its own version.
     Docker: seccomp/default.json of github.com/moby/profiles (older: profiles/seccomp/default.json of moby/moby)
     Podman: /usr/share/containers/seccomp.json
  2. Merge:      proactor doctor --seccomp-profile default.json > io_uring.json
  3. Use it.
     Docker:     docker run --security-opt seccomp=io_uring.json ...
     Podman:     podman run --security-opt seccomp=io_uring.json ...
     Kubernetes: copy it to /var/lib/kubelet/seccomp/profiles/io_uring.json on the nodes, and say in the container's
                 securityContext: { seccompProfile: { type: Localhost, localhostProfile: profiles/io_uring.json } }

The risk: io_uring is much code of the kernel that had many faults, and what is done through it (opening, connecting,
sending) is not seen by the profile's other rules. Allow it only to containers that need it, keep the rest of the
profile, and keep the kernel up to date. Turning seccomp off (unconfined, privileged) would open far more. SECURITY.md
has the details.
`;

/** The rule alone, or a profile that has it. A UsageError says where `profile` is none. */
export function seccompProfile(profile?: unknown): unknown {
  if (profile === undefined) return { syscalls: [RULE] };
  if (!isObject(profile) || !Array.isArray(profile['syscalls'])) {
    throw notAProfile('the profile has no list "syscalls"');
  }
  const rules = profile['syscalls'].map(checkRule);
  // A rule that refuses the calls by name would contradict ours.
  const others = rules.flatMap((rule) => {
    const names = rule.names ?? (rule.name === undefined ? [] : [rule.name]);
    if (!names.some((name) => CALLS.includes(name))) return [rule];
    const kept = names.filter((name) => !CALLS.includes(name));
    const { name: _name, ...rest } = rule;
    return kept.length === 0 ? [] : [{ ...rest, names: kept }];
  });
  return { ...profile, syscalls: [...others, RULE] };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const notAProfile = (what: string): UsageError =>
  new UsageError(`${what}: it is no seccomp profile of Docker's form`);

/** Of a rule what is looked at here; whether the rest is right is for the engine to say. */
function checkRule(rule: unknown, index: number): Rule {
  const place = `"syscalls"[${index}]`;
  if (!isObject(rule)) throw notAProfile(`${place} of the profile is no object`);
  const { names, name, action } = rule;
  const isText = (value: unknown): boolean => typeof value === 'string';
  const hasNames = names === undefined ? isText(name) : Array.isArray(names) && names.every(isText);
  if (!hasNames) throw notAProfile(`${place} of the profile has no list "names" of system calls`);
  if (!isText(action)) throw notAProfile(`${place} of the profile has no "action"`);
  return rule;
}

/** A profile from a file; a UsageError says what is wrong with it. */
export function readProfile(file: string): unknown {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`cannot read the profile: ${(error as Error).message}`);
  }
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${file} is not JSON: ${(error as Error).message}`);
  }
}
