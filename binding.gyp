{
  # CI=true (as every CI service sets it) turns warnings into errors.
  'variables': { 'ci%': '<!(node -p "process.env.CI ? 1 : 0")' },
  'targets': [{
    'target_name': 'proactor',
    'conditions': [
      ['OS!="linux"', { 'type': 'none' }, {
        # Every native/*.cc, so that a new file needs no edit here.
        'sources': [
          '<!@(node -p "require(\'node:fs\').readdirSync(\'native\').filter((name) => name.endsWith(\'.cc\')).map((name) => \'native/\' + name).join(\' \')")',
        ],
        'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
        'defines': [
          'NAPI_VERSION=8',
          'NAPI_DISABLE_CPP_EXCEPTIONS',
          'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
          'NODE_ADDON_API_DISABLE_DEPRECATED',
          '_GNU_SOURCE',
        ],
        'cflags!': ['-O3', '-Wno-unused-parameter'],
        'cflags': ['-O2', '-Wall', '-Wextra', '-fvisibility=hidden', '-ffunction-sections', '-fdata-sections'],
        'cflags_cc!': ['-std=gnu++17', '-std=gnu++20', '-std=gnu++23'],
        'cflags_cc': ['-std=c++17', '-fno-exceptions', '-fno-rtti', '-fvisibility-inlines-hidden'],
        # native/cxx_runtime.cc has what is needed of libstdc++. Should that lack something, it is linked in and hidden
        # where there is a fitting one: the binary needs only the C library.
        'ldflags': [
          '-static-libstdc++',
          '-static-libgcc',
          '-Wl,--version-script=<(module_root_dir)/native/exports.map',
          '-Wl,--gc-sections',
          '-Wl,-z,relro,-z,now,-z,noexecstack',
          # An ArrayBuffer that a worker gave away calls back into the addon when the worker is gone.
          '-Wl,-z,nodelete',
        ],
        'conditions': [
          ['ci==1', { 'cflags': ['-Werror'] }],
          # gcc's functions that choose between two kinds of atomics need __getauxval, which musl does not show. There is
          # one such instruction a batch.
          ['target_arch=="arm64"', { 'cflags': ['-mno-outline-atomics'] }],
        ],
      }],
    ],
  }],
}
