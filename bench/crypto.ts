import { spawnSync } from 'node:child_process'
import { Secret } from '#bytes/secret'
import { encryption, integrity } from '#crypto/registry'
import type { EspTransform } from '#esp/transform'
import { opensslTransformFactory } from '#platform/openssl'
import type { EspSuite } from '#policy/proposal'
import { allocateArena } from '../src/platform/arena.ts'
import { compile } from './programs.ts'
import { type CryptoResult, median } from './report.ts'

const SIZES = [64, 256, 512, 1400, 4096, 16_384] as const

type Case = {
  readonly suite: EspSuite
  /** Names of `openssl speed -evp` (or `-hmac`) whose times together make the suite. */
  readonly evp: readonly (readonly string[])[]
  /** The cipher as `bench/reference/packets.c` takes it. */
  readonly packets: string
}

const CASES: readonly Case[] = [
  {
    suite: { encryption: 'aes128-gcm16', integrity: 'none', esn: false },
    evp: [['-evp', 'aes-128-gcm']],
    packets: 'aes-128-gcm',
  },
  {
    suite: { encryption: 'aes256-gcm16', integrity: 'none', esn: false },
    evp: [['-evp', 'aes-256-gcm']],
    packets: 'aes-256-gcm',
  },
  {
    suite: { encryption: 'chacha20poly1305', integrity: 'none', esn: false },
    evp: [['-evp', 'chacha20-poly1305']],
    packets: 'chacha20-poly1305',
  },
  {
    suite: { encryption: 'aes128-cbc', integrity: 'hmac-sha256-128', esn: false },
    evp: [
      ['-evp', 'aes-128-cbc'],
      ['-hmac', 'sha256'],
    ],
    packets: 'aes-128-cbc',
  },
]

/**
 * Seals and opens packets without any I/O, beside `openssl speed` for as many octets and beside C with the system's OpenSSL for as many
 * packets.
 */
export async function measureCrypto(quick: boolean): Promise<CryptoResult[]> {
  const arena = allocateArena(65_536)
  const factory = opensslTransformFactory(arena)
  if (factory === undefined) return []
  const results: CryptoResult[] = []
  const program = await compile('packets', '-lcrypto')
  for (const { suite, evp, packets } of CASES) {
    const name =
      suite.integrity === 'none' ? suite.encryption : `${suite.encryption} ${suite.integrity}`
    const { keyOctets, saltOctets } = encryption(suite.encryption)
    const macOctets = suite.integrity === 'none' ? 0 : integrity(suite.integrity).keyOctets
    const keys = [
      new Secret(new Uint8Array(keyOctets + saltOctets).fill(3)),
      new Secret(new Uint8Array(macOctets).fill(4)),
    ] as const
    for (const octets of quick ? [1400] : SIZES) {
      const out = factory('outbound', suite, ...keys)
      const into = factory('inbound', suite, ...keys)
      const seal: number[] = []
      const open: number[] = []
      const speed: number[] = []
      const inC: number[] = []
      const place = { view: arena.view, octets, sequence: 0 }
      for (let round = 0; round < (quick ? 3 : 5); round++) {
        seal.push(timeSealing(out, place))
        open.push(timeOpening(into, place))
        inC.push(timeInC(program, packets, octets))
        speed.push(evp.reduce((sum, args) => sum + opensslSpeed(args, octets), 0))
      }
      out.free()
      into.free()
      const openssl = median(speed)
      results.push({
        cipher: name,
        octets,
        seal: median(seal),
        open: median(open),
        openssl: openssl > 0 ? openssl : undefined,
        inC: median(inC),
      })
    }
  }
  return results
}

type Place = { readonly view: DataView; readonly octets: number; sequence: number }

const TURNS = 50_000
const AT = 64
const KEPT = 32_768

function packetOctets(transform: EspTransform, octets: number): number {
  const content = Math.ceil(octets / transform.alignment) * transform.alignment
  return 8 + transform.ivOctets + content + transform.icvOctets
}

/** Nanoseconds for one; leaves a sealed packet behind. */
function timeSealing(transform: EspTransform, place: Place): number {
  const length = packetOctets(transform, place.octets)
  const start = cpuNanoseconds()
  for (let i = 0; i < TURNS; i++) {
    place.sequence++
    place.view.setUint32(AT, 0x1000)
    place.view.setUint32(AT + 4, place.sequence)
    transform.seal(AT, length, 0)
  }
  return (cpuNanoseconds() - start) / TURNS
}

/** Opening works in place, so the packet is put back each time; what that costs is measured and taken off. */
function timeOpening(transform: EspTransform, place: Place): number {
  const length = packetOctets(transform, place.octets)
  const { view } = place
  const memory = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
  memory.copyWithin(KEPT, AT, AT + length)
  const restore = (): Uint8Array => memory.copyWithin(AT, KEPT, KEPT + length)
  const copying = timed(restore)
  return (
    timed(() => {
      restore()
      if (!transform.open(AT, length, 0)) throw new Error('what was sealed does not open')
    }) - copying
  )
}

function timed(work: () => void): number {
  const start = cpuNanoseconds()
  for (let i = 0; i < TURNS; i++) work()
  return (cpuNanoseconds() - start) / TURNS
}

/** Of this thread, as `openssl speed` counts too: what else the machine does is nobody's cost. Node 20 knows the process only. */
function cpuNanoseconds(): number {
  const { user, system } = (process.threadCpuUsage ?? process.cpuUsage)()
  return (user + system) * 1000
}

/** Nanoseconds to seal one and to open one, together. */
function timeInC(program: string, cipher: string, octets: number): number {
  const { stdout, stderr, status } = spawnSync(program, [cipher, `${octets}`, `${TURNS}`], {
    encoding: 'utf8',
  })
  if (status !== 0) throw new Error(`bench/reference/packets.c, ${cipher}: ${stderr}`)
  return stdout.split(' ').reduce((sum, part) => sum + Number(part), 0)
}

/** Nanoseconds for so many octets; 0 where there is no openssl command. */
function opensslSpeed(args: readonly string[], octets: number): number {
  const { stdout, status } = spawnSync(
    'openssl',
    ['speed', '-mr', '-seconds', '1', '-bytes', `${octets}`, ...args],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const rate = Number(/^\+F:[^\n]*:([\d.]+)\s*$/m.exec(stdout)?.[1] ?? 0)
  return status === 0 && rate > 0 ? (octets / rate) * 1e9 : 0
}
