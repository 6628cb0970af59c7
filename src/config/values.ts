import { z } from 'zod'
import { type IpAddress, ipFamily, ipOctets, parseIp } from '#bytes/ip'
import { type Identity, parseIdentity } from '#policy/identity'
import { parseDuration } from '#policy/lifetime'
import { isTextProblem, type TextProblem, textProblem } from '#policy/text-problem'
import { parseSelectorPair, type SelectorPair } from '#policy/traffic-selector'
import type { PeerDraft, PeerIdDraft, PskSource } from './draft.ts'
import { LONGEST_INTERFACE_NAME } from './interface-name.ts'
import { documented } from './key-doc.ts'

const LONGEST_VALUE = 4096
const HOST_NAME = /^(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})*\.?$/i

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

export const peer: z.ZodType<PeerDraft, string> = parsed('IP address', (text) => {
  const found = parseIp(text)
  if (found !== undefined) return unusable(found) ?? { kind: 'address', address: found }
  if (text === 'any' || text === '%any') return { kind: 'any' }
  const isName = text.length <= 253 && HOST_NAME.test(text) && /[a-z]/i.test(text)
  if (isName) return { kind: 'name', name: text }
  return textProblem(text, `"${text}" is not an IP address`)
})

export const ikeVersion: z.ZodType<'v1-main', 'v1-main'> = z.enum(['v1-main'], {
  error: ({ input }) =>
    input === 'v1-aggressive' || input === 'v2'
      ? `ike: ${input} is not in this version yet; v1-main is`
      : undefined,
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

export const peerId: z.ZodType<PeerIdDraft, unknown> = z.union([
  parsed('identity', (text): PeerIdDraft | TextProblem => {
    const identity = readIdentity(text)
    return isTextProblem(identity) ? identity : { identity, knowingly: false }
  }),
  z
    .strictObject({
      sends: documented(parsed('identity', readIdentity), {
        sentence: 'An identity other than its address, which this peer is known to send.',
        paragraph:
          'An address or a name. The key is found by the address of the peer all the same, so that must be static.',
        example: 'asa1.example',
        since: '0.1',
      }),
    })
    .transform(({ sends }): PeerIdDraft => ({ identity: sends, knowingly: true })),
])

export const networks: z.ZodType<readonly SelectorPair[], readonly string[]> = z
  .array(parsed('ours <-> theirs', parseSelectorPair), {
    error: ({ input }) => (typeof input === 'string' ? notAList(input) : undefined),
  })
  .min(1)
  .max(256)

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
  return textProblem(text, `"${text}" is no identity: the one to be sent must be known`)
}

function unusable(found: IpAddress): TextProblem | undefined {
  const octets = ipOctets(found)
  const first = octets[0] ?? 0
  const multicast = ipFamily(found) === 4 ? first >= 0xe0 && first < 0xf0 : first === 0xff
  if (multicast) return textProblem(found, `${found} is a multicast address`)
  if (octets.every((octet) => octet === 0)) return textProblem(found, `${found} is no host`)
  if (found === '255.255.255.255') return textProblem(found, `${found} is no host`)
  return undefined
}

function notAList(written: string): string {
  return written.trim() === 'any'
    ? 'networks: any needs routes, which are not in this version yet; write pairs of networks'
    : `networks is a list: write "- " before ${written.length > 60 ? 'each pair' : written}`
}
