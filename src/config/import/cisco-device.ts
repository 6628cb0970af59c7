import { parseIp } from '#bytes/ip'
import type { Secret } from '#bytes/secret'
import { formatEspSuite, formatIkeSuite, parseIkeSuite, parsePhase2 } from '#policy/proposal'
import { isTextProblem } from '#policy/text-problem'
import { secretOf } from '../key-text.ts'
import { after, type Command } from './cisco-lines.ts'
import type { Origin } from './imported.ts'
import { maskedNetwork } from './traffic.ts'

/** `crypto isakmp policy` or `crypto ikev1 policy`. */
export type CiscoPolicy = {
  readonly priority: number
  readonly isPsk: boolean
  /** Signatures of RSA: certificates. */
  readonly isSignature: boolean
  /** Undefined with `why` where it cannot be ours. */
  readonly suite: string | undefined
  readonly why?: string
  readonly lifetime: number
  readonly origins: readonly Origin[]
}

export type CiscoKey = {
  /** A prefix in our notation; 0.0.0.0/0 is anybody. */
  readonly peer: string
  /** Undefined where it is stored encrypted or hidden. */
  readonly secret: Secret | undefined
  readonly keyring?: string
  readonly origin: Origin
}

export type CiscoTransform = {
  readonly suite: string | undefined
  readonly why?: string
  readonly isTransport: boolean
  readonly origins: readonly Origin[]
}

export function policiesIn(commands: readonly Command[]): readonly CiscoPolicy[] {
  return commands
    .flatMap((command) => {
      const [priority] =
        after(command, 'crypto', 'isakmp', 'policy') ??
        after(command, 'crypto', 'ikev1', 'policy') ??
        []
      return priority === undefined ? [] : [policy(command, Number(priority))]
    })
    .sort((a, b) => a.priority - b.priority)
}

function policy(command: Command, priority: number): CiscoPolicy {
  const value = (...names: readonly string[]) => {
    const line = command.inner.find(({ words }) => names.includes(words[0] ?? ''))
    return line?.words.slice(1)
  }
  const encryption = (value('encr', 'encryption') ?? ['des']).join('-')
  const hash = value('hash', 'integrity')?.[0] ?? 'sha'
  const group = value('group')?.[0] ?? '1'
  const authentication = value('authentication', 'auth')?.[0] ?? 'rsa-sig'
  const lifetime = Number(value('lifetime')?.at(-1) ?? 86_400)
  const text = `${encryption === 'aes' ? 'aes-128' : encryption} ${hash} group${group}`
  const suite = /^(?:des|des-cbc)$/.test(encryption) ? undefined : parseIkeSuite(text)
  const isWrong = suite === undefined || isTextProblem(suite)
  const refusal = suite === undefined ? 'DES is not here' : isWrong ? suite.message : undefined
  return {
    priority,
    isPsk: /^pre-?share/.test(authentication),
    isSignature: authentication === 'rsa-sig',
    suite: isWrong ? undefined : formatIkeSuite(suite),
    ...(refusal === undefined ? {} : { why: refusal }),
    lifetime: Number.isFinite(lifetime) ? lifetime : 86_400,
    origins: [command, ...command.inner],
  }
}

/** Keys by peer address: of `crypto isakmp key`, keyrings and ASA tunnel groups. */
export function keysIn(commands: readonly Command[]): readonly CiscoKey[] {
  return commands.flatMap((command) => {
    const flat = after(command, 'crypto', 'isakmp', 'key') ?? after(command, 'isakmp', 'key')
    if (flat !== undefined) return keyFrom(flat, command) ?? []
    const ring = after(command, 'crypto', 'keyring')
    if (ring !== undefined) {
      return command.inner.flatMap((line) => {
        const words = after(line, 'pre-shared-key')
        const at = words?.indexOf('key') ?? -1
        if (words === undefined || at === -1) return []
        const key = keyFrom([...words.slice(at + 1), ...words.slice(0, at)], line)
        return key === undefined ? [] : [{ ...key, keyring: ring[0] ?? '' }]
      })
    }
    const called = parseIp(after(command, 'crypto', 'isakmp', 'peer', 'address')?.[0] ?? '')
    if (called !== undefined) {
      return command.inner.flatMap((line) => {
        const words = after(line, 'set', 'aggressive-mode', 'password')
        return words === undefined
          ? []
          : [{ peer: `${called}/32`, secret: readable(words), origin: line }]
      })
    }
    const [peer, word] = after(command, 'tunnel-group') ?? []
    const address = parseIp(peer ?? '')
    if (address === undefined || word?.toLowerCase() !== 'ipsec-attributes') return []
    return command.inner.flatMap((line) => {
      const words = after(line, 'ikev1', 'pre-shared-key') ?? after(line, 'pre-shared-key')
      if (words === undefined) return []
      return [{ peer: `${address}/32`, secret: readable(words), origin: line }]
    })
  })
}

/** `[0|6] KEY [address A [MASK]|hostname N]`. */
function keyFrom(words: readonly string[], origin: Origin): CiscoKey | undefined {
  const at = words.findIndex((word, i) => i > 0 && /^address$/i.test(word))
  if (at === -1) return undefined
  const [peer = '', mask] = words.slice(at + 1)
  const address = parseIp(peer)
  if (address === undefined) return undefined
  const network = maskedNetwork(peer, parseIp(mask ?? '') ?? '255.255.255.255', 'mask')
  return { peer: network ?? `${address}/32`, secret: readable(words.slice(0, at)), origin }
}

/** Type 6 is encrypted, asterisks are hidden. */
function readable(words: readonly string[]): Secret | undefined {
  const isTyped = words.length > 1 && /^[0-9]$/.test(words[0] ?? '')
  const key = isTyped ? words[1] : words[0]
  if (key === undefined || /^\*+$/.test(key)) return undefined
  return isTyped && words[0] !== '0' ? undefined : secretOf(key)
}

export function transformsIn(commands: readonly Command[]): ReadonlyMap<string, CiscoTransform> {
  const sets = new Map<string, CiscoTransform>()
  for (const command of commands) {
    const [name, ...words] =
      after(command, 'crypto', 'ipsec', 'ikev1', 'transform-set') ??
      after(command, 'crypto', 'ipsec', 'transform-set') ??
      []
    if (name === undefined) continue
    const earlier = sets.get(name)
    const mode = [...words, ...command.inner.flatMap(({ words: inner }) => inner)].join(' ')
    const isTransport = /\bmode transport\b/i.test(mode)
    if (/^mode\b/i.test(words[0] ?? '')) {
      // ASA says the mode of a set in a line of its own.
      if (earlier !== undefined)
        sets.set(name, { ...earlier, isTransport, origins: [...earlier.origins, command] })
      continue
    }
    sets.set(name, { ...transform(words), isTransport, origins: [command, ...command.inner] })
  }
  return sets
}

function transform(words: readonly string[]): Pick<CiscoTransform, 'suite' | 'why'> {
  const text = words.join(' ').toLowerCase()
  if (/\bah-/.test(text)) return { suite: undefined, why: 'AH is not spoken here' }
  if (/\besp-null\b|\besp-des\b/.test(text))
    return { suite: undefined, why: 'null and DES encryption are not here' }
  const named = text.replace(/\bcomp-lzs\b/g, '').replace(/\bmode \w+/g, '')
  const read = parsePhase2(named.replace(/\besp-(aes|gcm)(?=\s+esp|\s*$)/, 'esp-$1 128'))
  if (isTextProblem(read)) return { suite: undefined, why: read.message }
  return { suite: formatEspSuite(read.suite) }
}
