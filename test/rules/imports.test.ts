import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Import, type Source, sourcesUnder } from './sources.ts'

/** What the engine and the versions of IKE are made of. */
const ENGINE = [
  'bytes',
  'iana',
  'wire',
  'crypto',
  'policy',
  'pki',
  'types: config/config',
  'esp/sa',
] as const

/**
 * Who may import whom: folders, or single files where only these may be used. What is not said here is forbidden.
 * `types: …` stands for imports that leave no trace at run time.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  bytes: [],
  iana: [],
  // Both versions' payloads decode to the same identities and selectors.
  wire: ['bytes', 'iana', 'types: policy/identity', 'types: policy/traffic-selector'],
  crypto: ['bytes', 'iana'],
  // A suite is a choice among the registry's algorithms.
  policy: ['bytes', 'iana', 'crypto/registry'],
  // The packet path must not know who negotiated.
  esp: ['bytes', 'iana', 'wire', 'crypto', 'policy'],
  // Names and keys out of certificates, as domain values.
  pki: ['bytes', 'iana', 'crypto', 'policy'],
  // docs/decisions/0002: the engine takes a Config and hands out SAs as values, so it may name these types.
  ike: [...ENGINE, 'config/diff'],
  ikev1: ['ike', ...ENGINE],
  // It makes the cipher contexts of the packet path, whose interface and suites it names.
  platform: ['bytes', 'crypto/registry', 'types: esp/transform', 'types: policy/proposal'],
  dataplane: ['esp', 'platform', 'bytes', 'iana', 'wire', 'crypto', 'policy'],
  config: ['bytes', 'iana', 'policy', 'pki', 'crypto/registry'],
  diagnosis: [
    'bytes',
    'iana',
    'wire',
    'policy',
    'crypto/registry',
    'ike',
    'config',
    'pki/certificate',
    'pki/moment',
    'types: capture/conversation',
    'types: capture/esp-flows',
    'types: capture/traffic',
  ],
  // docs/decisions/0007: it opens messages as the engine does, and knows no gateway.
  capture: ['bytes', 'iana', 'wire', 'crypto', 'policy', 'ike', 'ikev1'],
  probe: ['ike', 'ikev1', 'bytes', 'iana', 'wire', 'crypto', 'policy'],
  rehearsal: ['ike', 'ikev1', 'esp', 'config', 'bytes', 'policy', 'pki', 'crypto'],
  // What it carries is made of the engine's events.
  control: ['bytes', 'types: ike/events', 'types: config/changes'],
  cli: [
    'control',
    'config',
    'diagnosis',
    'rehearsal',
    'capture',
    'wire/capture-file',
    'wire/pcapng',
    'pki',
    'policy',
    'bytes',
    'types: ike/events',
    // docs/decisions/0006: what a command does on its own, without a gateway.
    'platform/openssl-ecdsa',
    'platform/addresses',
    'platform/arena',
    'platform/capabilities',
    'platform/clock',
    'platform/datagram-socket',
    'platform/errno',
    'platform/icmp-socket',
    'platform/kernel-view',
    'platform/links',
    'platform/netlink',
    'platform/packet-capture',
    'platform/poll',
    'platform/port-holders',
    'platform/routes',
    'platform/socket-address',
    'platform/source-nat',
    'platform/sysctls',
    'platform/udp-socket',
    // docs/decisions/0012: what `check` looks at on this host.
    'platform/addresses',
    'platform/capabilities',
    'platform/clock',
    'platform/links',
    'platform/port-holders',
    'platform/sysctls',
    'crypto/node',
    'crypto/node-key-agreement',
    'probe',
    'iana',
    'wire/v1/vendor-id',
    'wire/icmp-echo',
    'ike/version-probe',
  ],
}

/** Libraries, and the one place each is known in. */
const LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  koffi: ['platform'],
  'ipaddr.js': ['bytes'],
  yaml: ['config'],
  zod: ['config', 'control'],
  commander: ['cli'],
  pkijs: ['pki'],
  pino: ['daemon'],
}

const sources = sourcesUnder('src').filter(({ isTest }) => !isTest)

test('every folder under src has its row in the table', () => {
  const folders = new Set(sources.map(({ folder }) => folder))
  assert.deepEqual(
    [...folders].filter((folder) => folder !== 'daemon' && !(folder in MAY_IMPORT)),
    [],
  )
})

test('imports go only the ways the table allows', () => {
  assert.deepEqual(
    violations((source, { target, typesOnly }) => {
      if (target === undefined || source.folder === 'daemon') return false
      const folder = target.split('/')[0] ?? ''
      if (folder === source.folder) return false
      const allowed = MAY_IMPORT[source.folder] ?? []
      if (allowed.includes(folder) || allowed.includes(target)) return false
      // `causeway run` is the daemon; the next test says who else may not.
      if (source.path === 'src/cli/run.ts' && folder === 'daemon') return false
      return !(typesOnly && allowed.some((entry) => matchesTypes(entry, folder, target)))
    }),
    [],
  )
})

test('nothing imports the daemon or a test, and only the cli itself and the daemon’s starter the cli', () => {
  assert.deepEqual(
    violations((source, { target }) => {
      const folder = target?.split('/')[0]
      if (folder === 'test' || target?.endsWith('.test')) return true
      return (folder === 'daemon' || folder === 'cli') && folder !== source.folder
    }).filter((violation) => !violation.startsWith('src/cli/run')),
    [],
  )
})

test('across folders imports are subpath imports, within one they are relative', () => {
  assert.deepEqual(
    violations((source, { specifier, target }) => {
      if (target === undefined) return false
      const sameFolder = target.split('/')[0] === source.folder
      return specifier.startsWith('#') === sameFolder
    }),
    [],
  )
})

test('relative imports carry the extension and subpath imports do not', () => {
  assert.deepEqual(
    violations((_, { specifier, target }) => {
      if (target === undefined) return false
      return specifier.endsWith('.ts') === specifier.startsWith('#')
    }),
    [],
  )
})

test('each library is known in its one place', () => {
  assert.deepEqual(
    violations((source, { specifier, target }) => {
      if (target !== undefined || specifier.startsWith('node:')) return false
      return !(LIBRARIES[specifier] ?? []).includes(source.folder)
    }),
    [],
  )
})

function violations(isWrong: (source: Source, imported: Import) => boolean): readonly string[] {
  return sources.flatMap((source) =>
    source.imports
      .filter((imported) => isWrong(source, imported))
      .map(({ specifier }) => `${source.path} imports ${specifier}`),
  )
}

function matchesTypes(entry: string, folder: string, target: string): boolean {
  return entry === `types: ${folder}` || entry === `types: ${target}`
}
