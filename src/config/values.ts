import { z } from 'zod'
import { type IpAddress, ipFamily, parseIp } from '#bytes/ip'
import { type Identity, parseIdentity } from '#policy/identity'
import { parseDuration } from '#policy/lifetime'
import { isTextProblem, type TextProblem, textProblem } from '#policy/text-problem'
import { type Prefix, parseSelectorPair, selectorFromPrefix } from '#policy/traffic-selector'
import type { InterfaceAddress } from './config.ts'
import type { NetworksDraft, PeerDraft, PeerIdDraft, PskSource } from './draft.ts'
import { noHost } from './host-address.ts'
import { isHostName } from './host-name.ts'
import { LONGEST_INTERFACE_NAME } from './interface-name.ts'
import { documented } from './key-doc.ts'

const LONGEST_VALUE = 4096

export function text(longest: number): z.ZodString {
  return z.string().min(1).max(longest)
}

export function oneOf<const T extends readonly [string, ...string[]]>(
  words: T,
): z.ZodType<T[number], T[number]> {
  return z.enum(words)
}

/**
 * A schema of text that `read` turns into a domain value, or refuses in words.
 *
 * @param form what is read, for the reference: `IP address`
 */
export function parsed<T>(
  form: string,
  read: (text: string) => T | TextProblem,
): z.ZodType<T, string> {
  return z
    .string()
    .min(1)
    .max(LONGEST_VALUE)
    .transform((text, context): T => {
      const result = read(text.trim())
      if (!isTextProblem(result)) return result
      const { message, hints, word } = result
      context.addIssue({ code: 'custom', message, params: { hints, word }, input: text })
      return z.NEVER
    })
    .describe(form)
}

/** The same for values that YAML may take for a number, such as `3600`. */
export function parsedOrNumber<T>(
  form: string,
  read: (text: string) => T | TextProblem,
): z.ZodType<T, string | number> {
  return z
    .union([parsed(form, read), z.int().min(0).transform(String).pipe(parsed(form, read))])
    .describe(form)
}

/** `8h`, `1h30m`, `3600`; the bounds are written the same way. @returns seconds. */
export function duration(least: string, most: string): z.ZodType<number, string | number> {
  const [from, to] = [parseDuration(least), parseDuration(most)]
  return parsedOrNumber(`duration, ${least} to ${most}`, (text) => {
    const seconds = parseDuration(text)
    if (isTextProblem(seconds)) return seconds
    if (seconds < Number(from)) return textProblem(text, `${text} is too short: at least ${least}`)
    if (seconds > Number(to)) return textProblem(text, `${text} is too long: at most ${most}`)
    return seconds
  })
}

export const address: z.ZodType<IpAddress, string> = parsed('IP address', (text) => {
  const found = parseIp(text)
  if (found === undefined) return textProblem(text, `"${text}" is not an IP address`)
  return unusable(found) ?? found
})

/** One address, or a list. */
export function addresses(
  most: number,
): z.ZodType<readonly IpAddress[], readonly string[] | string> {
  return z.union([
    address.transform((one): readonly IpAddress[] => [one]),
    z.array(address).min(1).max(most),
  ])
}

/** `ping 10.2.0.1`: whom to ask. */
export const watch: z.ZodType<IpAddress, string> = parsed('`ping` and an IP address', (text) => {
  const [, written] = /^ping\s+(\S+)$/.exec(text) ?? []
  const found = parseIp(written ?? '')
  if (found !== undefined) return unusable(found) ?? found
  const hints = [`watch: ping ${parseIp(text) ?? '10.2.0.1'}`]
  return textProblem(text, `"${text}" is not "ping" and an IP address`, { hints })
})

export const peer: z.ZodType<PeerDraft, string> = parsed(
  'IP address, host name, or `any`',
  (text) => {
    const found = parseIp(text)
    if (found !== undefined) return unusable(found) ?? { kind: 'address', address: found }
    if (text === 'any' || text === '%any') return { kind: 'any' }
    if (isHostName(text)) return { kind: 'name', name: text }
    return textProblem(text, `"${text}" is no IP address, and no host name`)
  },
)

type IkeWord = 'v1-main' | 'v1-aggressive'

export const ikeVersion: z.ZodType<IkeWord, IkeWord> = z.enum(['v1-main', 'v1-aggressive'], {
  error: ({ input }) =>
    input === 'v2' ? 'ike: v2 is not in this version yet; v1-main is' : undefined,
})

/** A day of the calendar, kept as it is written. */
export const day: z.ZodType<string, string> = parsed('day, YYYY-MM-DD', (text) => {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN
  // JavaScript takes 2027-02-30 for the second of March.
  const isDay = !Number.isNaN(time) && new Date(time).toISOString().startsWith(text)
  if (isDay) return text
  return textProblem(text, `"${text}" is no day`, { hints: ['written for example 2027-06-30'] })
})

export const psk: z.ZodType<PskSource, string> = z
  .string()
  .max(LONGEST_VALUE)
  .transform((written): PskSource => {
    if (written.startsWith('file:')) return { kind: 'file', path: written.slice(5).trim() }
    if (written.startsWith('env:')) return { kind: 'env', name: written.slice(4).trim() }
    return { kind: 'text', text: written }
  })
  .describe('`file:PATH`, `env:NAME` or quoted text')

export const localId: z.ZodType<Identity, string> = parsed('identity', readIdentity)

const oneIdentity: z.ZodType<PeerIdDraft, string> = parsed('identity', (text) => {
  const identity = readIdentity(text)
  return isTextProblem(identity) ? identity : { identity, knowingly: false }
})

export const peerId: z.ZodType<PeerIdDraft, unknown> = z.union([
  oneIdentity,
  z
    .strictObject({
      sends: documented(parsed('identity', readIdentity).optional(), {
        sentence: 'An identity other than its address, which this peer is known to send.',
        paragraph:
          'An address or a name. The key is found by the address of the peer all the same, so that must be static.',
        example: 'asa1.example',
        otherwise: 'none',
        since: '0.1',
      }),
      'any-of': documented(oneOf(['trust', 'psk']).optional(), {
        sentence: 'Takes whoever has the proof, whatever it calls itself.',
        paragraph:
          '`trust`: every holder of a certificate that a CA under `certificate.trust` has issued; with a public CA that is everybody, and refused. `psk`: every holder of the key. One peer at a time has the tunnel: another one is turned away while the first is there. `status` says who it is. A tunnel whose `peer-id` names the peer comes before one that takes any.',
        example: 'trust',
        otherwise: 'none',
        since: '0.1',
      }),
    })
    .transform(({ sends, 'any-of': proof }, context): PeerIdDraft => {
      if (sends !== undefined && proof === undefined) return { identity: sends, knowingly: true }
      if (proof !== undefined && sends === undefined)
        return { identity: { kind: 'any-of', proof }, knowingly: true }
      const message = 'peer-id as a group of keys has one of sends and any-of'
      context.issues.push({ code: 'custom', message, input: sends })
      return z.NEVER
    }),
])

/** Under `certificate`: only certificates prove anything there. */
export const certifiedPeerId: z.ZodType<PeerIdDraft, unknown> = z.union([
  oneIdentity,
  z
    .strictObject({
      'any-of': documented(oneOf(['trust']), {
        sentence: 'Takes every certificate that a CA under `trust` has issued.',
        paragraph:
          'As `peer-id: {any-of: trust}` of the tunnel: only where that CA issues certificates to nobody but the peers of this tunnel, and never a public one, which is refused.',
        example: 'trust',
        since: '0.1',
      }),
    })
    .transform(
      ({ 'any-of': proof }): PeerIdDraft => ({
        identity: { kind: 'any-of', proof },
        knowingly: true,
      }),
    ),
])

export const networks: z.ZodType<NetworksDraft, readonly string[] | string> = z.union([
  z.array(parsed('ours <-> theirs', parseSelectorPair)).min(1).max(256),
  parsed('`any`', (text) => {
    if (text === 'any') return 'any' as const
    return textProblem(
      text,
      `networks is a list: write "- " before ${text.length > 60 ? 'each pair' : text}`,
    )
  }),
])

export const interfaceAddresses: z.ZodType<
  readonly InterfaceAddress[],
  readonly string[] | string
> = listOf(16, 'address with the length of its network', (text) => {
  const prefix = readPrefix(text)
  if (isTextProblem(prefix)) return prefix
  return unusable(prefix.address) ?? prefix
})

export const routes: z.ZodType<readonly Prefix[], readonly string[] | string> = listOf(
  1024,
  'network',
  readNetwork,
)

/** One of each IP version. */
export const pools: z.ZodType<readonly Prefix[], readonly string[] | string> = listOf(
  2,
  'network',
  readNetwork,
)

const WORKERS = 'workers must be auto, 1, or an even number up to 16'

/** Threads for packets: one, or two for each part of the tunnels. */
export const workers: z.ZodType<'auto' | number, 'auto' | number> = z.union(
  [
    z.literal('auto'),
    z
      .int()
      .min(1)
      .max(16)
      .refine((threads) => threads === 1 || threads % 2 === 0, { error: WORKERS }),
  ],
  { error: WORKERS },
)

/** Whole words of the bitmap, as RFC 6479 keeps it. */
export const replayWindow: z.ZodType<number, number> = z
  .int()
  .min(0)
  .max(65_536)
  .refine((packets) => packets % 32 === 0, { error: 'replay-window must be a multiple of 32' })

export const interfaceName: z.ZodType<string, string> = parsed(
  'name of at most 15 characters',
  (text) => {
    if (text.length > LONGEST_INTERFACE_NAME) {
      return textProblem(text, `"${text}" has more than ${LONGEST_INTERFACE_NAME} characters`)
    }
    if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(text)) return text
    return textProblem(text, `"${text}" cannot name an interface`, {
      hints: ['letters, digits, ".", "_" and "-"'],
    })
  },
)

export const controlPath: z.ZodType<string, string> = parsed('absolute path', (text) => {
  if (!text.startsWith('/')) return textProblem(text, `"${text}" is not an absolute path`)
  // sun_path of sockaddr_un holds 108 octets, the last one zero (unix(7)).
  const octets = new TextEncoder().encode(text).length
  return octets < 108 ? text : textProblem(text, 'the path of a socket has at most 107 octets')
})

function readIdentity(text: string): Identity | TextProblem {
  // As a name it would be taken for a host called "any".
  if (!/^%?any$/i.test(text)) return parseIdentity(text)
  return textProblem(text, `"${text}" is no identity: the one to be sent must be known`, {
    hints: ['or, as peer-id, with what it proves: {any-of: trust} or {any-of: psk}'],
  })
}

function unusable(found: IpAddress): TextProblem | undefined {
  const what = noHost(found)
  return what === undefined ? undefined : textProblem(found, `${found} is ${what}`)
}

/** One of them, or a list. */
function listOf<T>(
  most: number,
  form: string,
  read: (text: string) => T | TextProblem,
): z.ZodType<readonly T[], readonly string[] | string> {
  const one = parsed(form, read)
  return z.union([one.transform((value): readonly T[] => [value]), z.array(one).max(most)])
}

function readNetwork(text: string): Prefix | TextProblem {
  const prefix = readPrefix(text)
  if (isTextProblem(prefix)) return prefix
  const { start } = selectorFromPrefix(prefix.address, prefix.bits)
  if (start === prefix.address) return prefix
  return textProblem(text, `${text} is no network: bits beyond /${prefix.bits} are set`, {
    hints: [`did you mean ${start}/${prefix.bits}?`],
  })
}

/** `10.1.0.1/16`; an address alone has its full length. */
function readPrefix(text: string): Prefix | TextProblem {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const found = parseIp(address)
  if (found === undefined) {
    return textProblem(text, `"${text}" is no address and length`, { hints: ['10.1.0.0/16'] })
  }
  const longest = ipFamily(found) === 4 ? 32 : 128
  const bits = length === undefined ? longest : Number(length)
  if (bits <= longest) return { address: found, bits }
  return textProblem(text, `/${bits} is longer than /${longest}`)
}
