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
        'cflags_cc': ['-std=c++17', '-fno-exceptions', '-fvisibility-inlines-hidden'],
        # libstdc++ is linked in and its symbols hidden: the binary then needs only the C library.
        'ldflags': [
          '-static-libstdc++',
          '-static-libgcc',
          '-Wl,--exclude-libs,ALL',
          '-Wl,--gc-sections',
          '-Wl,-z,relro,-z,now',
        ],
        'conditions': [['ci==1', { 'cflags': ['-Werror'] }]],
      }],
    ],
  }],
}
