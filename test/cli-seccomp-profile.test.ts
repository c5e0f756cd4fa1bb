// `proactor doctor --seccomp-profile`: the rule that allows io_uring, alone or in a profile, and what is no profile.
import { describe, expect, it } from '@jest/globals';
import { expectNoStack, runCli } from './support/cli';
import { temporaryFile, temporaryFolder } from './support/files';

const CALLS = ['io_uring_setup', 'io_uring_enter', 'io_uring_register'];

describe('proactor doctor --seccomp-profile', () => {
  interface Profile {
    readonly syscalls: readonly { readonly names: readonly string[]; readonly action: string }[];
  }

  /** A profile of a good rule and this one. */
  const rules = (rule: object): string =>
    JSON.stringify({ syscalls: [{ names: ['write'], action: 'SCMP_ACT_ALLOW' }, rule] });

  it('prints the rule alone, and explains it beside', async () => {
    const ended = await runCli(['doctor', '--seccomp-profile']);
    expect(ended.code).toBe(0);
    const { syscalls } = JSON.parse(ended.stdout) as Profile;
    expect(syscalls).toHaveLength(1);
    expect(syscalls[0]).toMatchObject({ names: CALLS, action: 'SCMP_ACT_ALLOW' });
    expect(ended.stderr).toMatch(/docker run --security-opt seccomp=io_uring\.json/);
    expect(ended.stderr).toMatch(/localhostProfile: profiles\/io_uring\.json/);
    expect(ended.stderr).toMatch(/SECURITY\.md/);
  });

  it('puts it into a profile, and leaves the rest as it is', async () => {
    const profile = {
      defaultAction: 'SCMP_ACT_ERRNO',
      archMap: [{ architecture: 'SCMP_ARCH_X86_64' }],
      syscalls: [
        { names: ['read', 'write'], action: 'SCMP_ACT_ALLOW' },
        { names: ['io_uring_setup', 'kexec_load'], action: 'SCMP_ACT_KILL' },
        { name: 'io_uring_enter', action: 'SCMP_ACT_ERRNO' },
        { names: ['clone'], action: 'SCMP_ACT_ALLOW', args: [{ index: 0 }] },
      ],
    };
    const ended = await runCli([
      'doctor',
      '--seccomp-profile',
      temporaryFile(JSON.stringify(profile)),
    ]);
    expect(ended).toMatchObject({ code: 0, stderr: '' });
    expect(JSON.parse(ended.stdout)).toEqual({
      ...profile,
      syscalls: [
        profile.syscalls[0],
        { names: ['kexec_load'], action: 'SCMP_ACT_KILL' },
        profile.syscalls[3],
        expect.objectContaining({ names: CALLS, action: 'SCMP_ACT_ALLOW' }),
      ],
    });
  });

  it.each([
    ['text', 'nothing', /is not JSON/],
    ['a list', '[]', /no list "syscalls"/],
    ['null', 'null', /no list "syscalls"/],
    ['another object', '{"syscalls":{}}', /no list "syscalls"/],
    ['a rule that is null', '{"syscalls":[null]}', /"syscalls"\[0\] of the profile is no object/],
    [
      'a rule that is a text',
      '{"syscalls":["read"]}',
      /"syscalls"\[0\] of the profile is no object/,
    ],
    ['a rule that is a list', '{"syscalls":[[]]}', /"syscalls"\[0\] of the profile is no object/],
    ['a rule without names', rules({ action: 'SCMP_ACT_ALLOW' }), /\[1\] .* no list "names"/],
    ['names that are no list', rules({ names: 'read', action: 'x' }), /\[1\] .* no list "names"/],
    ['names that are null', rules({ names: null, action: 'x' }), /\[1\] .* no list "names"/],
    ['a name that is no text', rules({ names: ['read', 1], action: 'x' }), /\[1\] .* "names"/],
    ['a single name that is none', rules({ name: {}, action: 'x' }), /\[1\] .* "names"/],
    ['a rule without an action', rules({ names: ['read'] }), /\[1\] .* no "action"/],
    ['too deep a list', `{"syscalls":[],"x":${'['.repeat(1e5)}${']'.repeat(1e5)}}`, /too deeply/],
  ])('refuses what is no profile: %s', async (_name, text, message) => {
    const ended = await runCli(['doctor', '--seccomp-profile', temporaryFile(text)]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
    expectNoStack(ended);
  });

  it.each([
    ['a folder', () => temporaryFolder(), /cannot read the profile: EISDIR/],
    ['nothing', () => '/nowhere/default.json', /cannot read the profile: ENOENT/],
  ])('refuses what cannot be read: %s', async (_name, make, message) => {
    const ended = await runCli(['doctor', '--seccomp-profile', make()]);
    expect(ended).toMatchObject({ code: 2, stdout: '' });
    expect(ended.stderr).toMatch(message);
  });
});
