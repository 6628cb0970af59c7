import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { undoAtExit } from './leftovers.ts'
import { eventually, type Outcome, run, stop } from './process.ts'
import { type SwanConnection, strongswanConf, swanctlConf } from './swan-conf.ts'
import { listOf, type RawSection, readRaw, sectionOf, textOf } from './swan-raw.ts'
import type { Namespace } from './topology.ts'

/** What one strongSwan says of one IKE SA; the words are strongSwan's. */
export type SwanIkeSa = {
  readonly name: string
  readonly uniqueId: number
  readonly version: number
  readonly state: string
  readonly initiator: boolean
  readonly localPort: number
  readonly remotePort: number
  readonly remoteId: string
  readonly initiatorSpi: string
  readonly responderSpi: string
  readonly encryption: string
  readonly integrity: string
  readonly prf: string
  readonly group: string
  readonly nat: 'any' | 'none'
  readonly children: readonly SwanChildSa[]
}

export type SwanChildSa = {
  readonly name: string
  readonly uniqueId: number
  readonly state: string
  readonly mode: string
  readonly protocol: string
  readonly udpEncapsulated: boolean
  readonly inboundSpi: string
  readonly outboundSpi: string
  readonly encryption: string
  readonly integrity: string
  readonly group: string
  readonly esn: boolean
  readonly packetsIn: number
  readonly packetsOut: number
  readonly localTs: readonly string[]
  readonly remoteTs: readonly string[]
}

/** How `swanctl` reaches a charon: in a namespace of this machine, or inside a guest. */
export type SwanRunner = (argv: readonly string[], timeout: number) => Promise<Outcome>

/** The commands that work with any running charon. */
export class SwanControl {
  readonly #swanctl: SwanRunner
  readonly #folder: string
  readonly #uri: string

  /** `folder` is where swanctl.conf is written; `uri` the vici socket as `swanctl` is given it. */
  constructor(swanctl: SwanRunner, folder: string, uri: string) {
    this.#swanctl = swanctl
    this.#folder = folder
    this.#uri = uri
  }

  /** Replaces all connections and secrets, given as such or as the text of a swanctl.conf; SAs that stand are left as they are. */
  async load(connections: readonly SwanConnection[] | string): Promise<void> {
    const file = join(this.#folder, 'swanctl.conf')
    writeFileSync(file, typeof connections === 'string' ? connections : swanctlConf(connections))
    await this.#must(['--load-all', '--clear', '--file', file])
  }

  /** Puts a copy of a file where the next `load` finds it, under `name`. */
  give(place: 'x509' | 'x509ca' | 'x509crl' | 'private', name: string, file: string): void {
    copyFileSync(file, join(this.#folder, place, name))
  }

  /** Negotiates a child and, where needed, its IKE SA. A failure is an outcome, not an exception. */
  initiate(
    child: string,
    { ike, timeout = 10 }: { ike?: string; timeout?: number } = {},
  ): Promise<Outcome> {
    return this.#run(
      [
        ...['--initiate', '--child', child, '--timeout', `${timeout}`, '--loglevel', '1'],
        ...(ike === undefined ? [] : ['--ike', ike]),
      ],
      (timeout + 10) * 1_000,
    )
  }

  async terminate(what: { readonly ike: string } | { readonly child: string }): Promise<void> {
    await this.#must(['--terminate', ...selector(what), '--timeout', '10'])
  }

  async rekey(what: { readonly ike: string } | { readonly child: string }): Promise<void> {
    await this.#must(['--rekey', ...selector(what)])
  }

  async ikeSas(): Promise<readonly SwanIkeSa[]> {
    const text = await this.#must(['--list-sas', '--raw'])
    return readRaw(text).flatMap((event) =>
      Object.entries(event).flatMap(([name, value]) =>
        typeof value === 'object' && !Array.isArray(value)
          ? [ikeSa(name, value as RawSection)]
          : [],
      ),
    )
  }

  /** The one IKE SA of a connection that is established, with its children. */
  async established(name: string): Promise<SwanIkeSa | undefined> {
    return (await this.ikeSas()).find((sa) => sa.name === name && sa.state === 'ESTABLISHED')
  }

  async isReady(): Promise<boolean> {
    return (await this.#run(['--stats'], 5_000)).code === 0
  }

  async #must(argv: readonly string[]): Promise<string> {
    const outcome = await this.#run(argv, 20_000)
    if (outcome.code === 0) return outcome.stdout
    throw new Error(
      `swanctl ${argv.join(' ')}: ${outcome.code}\n${outcome.stdout}${outcome.stderr}`,
    )
  }

  #run(argv: readonly string[], timeout: number): Promise<Outcome> {
    return this.#swanctl(['swanctl', ...argv, '--uri', this.#uri], timeout)
  }
}

/** A charon in a namespace, ESP in userspace (kernel-libipsec): always inside UDP, tunnel mode, no ESN. */
export class StrongSwan extends SwanControl {
  readonly #log: string
  readonly #end: (how: 'politely' | 'at once') => Promise<void>

  private constructor(
    swanctl: SwanRunner,
    folder: string,
    uri: string,
    log: string,
    end: (how: 'politely' | 'at once') => Promise<void>,
  ) {
    super(swanctl, folder, uri)
    this.#log = log
    this.#end = end
  }

  static async start(
    namespace: Namespace,
    options: {
      readonly logLevel?: 'normal' | 'secrets'
      readonly fragmentSize?: number
      readonly dosProtection?: boolean
    } = {},
  ): Promise<StrongSwan> {
    const folder = mkdtempSync(join(tmpdir(), 'cw-swan-'))
    const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
    for (const part of SWANCTL_FOLDERS) mkdirSync(join(folder, part))
    const uri = `unix://${folder}/vici`
    const log = join(folder, 'charon.log')
    const conf = join(folder, 'strongswan.conf')
    writeFileSync(
      conf,
      strongswanConf({
        esp: 'userspace',
        vici: uri,
        log,
        level: options.logLevel ?? 'normal',
        ...(options.fragmentSize === undefined ? {} : { fragmentSize: options.fragmentSize }),
        dosProtection: options.dosProtection ?? false,
      }),
    )
    const env = { STRONGSWAN_CONF: conf, SWANCTL_DIR: folder }
    // charon's process id file has a fixed name below /run: each gets a /run of its own.
    const charon = namespace.start(
      ['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs tmpfs /run && exec /usr/lib/ipsec/charon'],
      { env, stdio: 'ignore' },
    )
    const swan = new StrongSwan(
      (argv, timeout) => run(argv, { env, timeout }),
      folder,
      uri,
      log,
      async (how) => {
        await stop(charon, how === 'politely' ? 5_000 : 0)
        forget()
      },
    )
    await eventually('charon answers', async () => {
      if (charon.exitCode !== null) throw new Error(`charon ended: ${swan.log()}`)
      return swan.isReady()
    })
    return swan
  }

  /** All that charon has logged so far. */
  log(): string {
    try {
      return readFileSync(this.#log, 'utf8')
    } catch {
      return '' // Not yet written.
    }
  }

  /** Length of the log now, for `logSince`. */
  mark(): number {
    return this.log().length
  }

  logSince(mark: number): string {
    return this.log().slice(mark)
  }

  /** Ends it as an administrator would: peers are told. */
  stop(): Promise<void> {
    return this.#end('politely')
  }

  /** Ends it so that no peer hears of it. */
  crash(): Promise<void> {
    return this.#end('at once')
  }
}

/** The folders `swanctl --load-all` looks into. */
export const SWANCTL_FOLDERS: readonly string[] = [
  'x509',
  'x509ca',
  'x509aa',
  'x509ac',
  'x509crl',
  'x509ocsp',
  'pubkey',
  'private',
  'rsa',
  'ecdsa',
  'pkcs8',
  'pkcs12',
  'bliss',
  'conf.d',
]

function selector(what: { readonly ike: string } | { readonly child: string }): readonly string[] {
  return 'ike' in what ? ['--ike', what.ike] : ['--child', what.child]
}

function ikeSa(name: string, raw: RawSection): SwanIkeSa {
  const text = (key: string): string => textOf(raw, key)
  return {
    name,
    uniqueId: Number(text('uniqueid')),
    version: Number(text('version')),
    state: text('state'),
    initiator: text('initiator') === 'yes',
    localPort: Number(text('local-port')),
    remotePort: Number(text('remote-port')),
    remoteId: text('remote-id'),
    initiatorSpi: text('initiator-spi'),
    responderSpi: text('responder-spi'),
    encryption: withSize(raw, 'encr'),
    integrity: withSize(raw, 'integ'),
    prf: text('prf-alg'),
    group: text('dh-group'),
    nat: text('nat-any') === 'yes' ? 'any' : 'none',
    children: Object.values(sectionOf(raw, 'child-sas')).map((child) =>
      childSa(child as RawSection),
    ),
  }
}

function childSa(raw: RawSection): SwanChildSa {
  const text = (key: string): string => textOf(raw, key)
  return {
    name: text('name'),
    uniqueId: Number(text('uniqueid')),
    state: text('state'),
    mode: text('mode'),
    protocol: text('protocol'),
    udpEncapsulated: text('encap') === 'yes',
    inboundSpi: text('spi-in'),
    outboundSpi: text('spi-out'),
    encryption: withSize(raw, 'encr'),
    integrity: withSize(raw, 'integ'),
    group: text('dh-group'),
    esn: text('esn') === '1',
    packetsIn: Number(text('packets-in')),
    packetsOut: Number(text('packets-out')),
    localTs: listOf(raw, 'local-ts'),
    remoteTs: listOf(raw, 'remote-ts'),
  }
}

/** `AES_CBC-128`: algorithm and key size, as strongSwan prints them elsewhere. */
function withSize(raw: RawSection, kind: 'encr' | 'integ'): string {
  const size = textOf(raw, `${kind}-keysize`)
  return [textOf(raw, `${kind}-alg`), ...(size === '' ? [] : [size])].join('-')
}
