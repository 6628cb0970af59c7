import { MOST_LINES, type Origin, type SourceText } from './imported.ts'
import { shownText } from './shown-text.ts'

/** One command of a Cisco configuration with what stands under it. */
export type Command = Origin & {
  /** Lower case, but for what may be a name or a key: `raw` has it as written. */
  readonly words: readonly string[]
  readonly raw: readonly string[]
  readonly inner: readonly Command[]
}

/** Commands in order; blank lines, comments and certificates in hexadecimal are no commands. Never throws. */
export function readCiscoLines({ file, text }: SourceText): readonly Command[] {
  const top: OpenCommand[] = []
  let at: OpenCommand | undefined
  let under: RegExp | undefined
  for (const [i, line] of text.split(/\r?\n/).slice(0, MOST_LINES).entries()) {
    const plain = line.trim()
    if (plain === '' || /^[!#:]/.test(plain)) continue
    if (/^(?:exit|end|quit|exit-address-family)$/i.test(plain)) {
      at = undefined
      continue
    }
    const raw = plain.split(/\s+/).slice(0, MOST_WORDS)
    const words = raw.map((word) => word.toLowerCase())
    const command: OpenCommand = { file, line: i + 1, text: shownText(line), words, raw, inner: [] }
    const isIndented = /^\s/.test(line)
    if (at !== undefined && (isIndented || under?.test(plain) === true) && !isOwn(plain)) {
      if (at.inner.length < MOST_INNER) at.inner.push(command)
      continue
    }
    top.push(command)
    at = command
    under = whatStandsUnder(command)
  }
  return top
}

/** The words after `prefix`, as written; undefined when the command is another. */
export function after(
  command: Pick<Command, 'words' | 'raw'>,
  ...prefix: readonly string[]
): readonly string[] | undefined {
  if (!prefix.every((word, i) => command.words[i] === word)) return undefined
  return command.raw.slice(prefix.length)
}

type OpenCommand = Command & { readonly inner: Command[] }

const MOST_WORDS = 64
const MOST_INNER = 10_000

/** Commands that never stand under another, however they are indented in a pasted text. */
function isOwn(line: string): boolean {
  return /^(?:crypto (?:isakmp (?:policy|key|peer|profile|keepalive|identity|nat)|ikev1|ikev2|ipsec|keyring|map \S+ \d+ (?:match|set|ipsec-isakmp))|tunnel-group|access-list|interface|object-group network|object network|ip (?:route|access-list)|hostname|router|route )\b/i.test(
    line,
  )
}

/** Where a pasted text has lost its indentation, what can only stand under the command before it. */
function whatStandsUnder({ words }: Command): RegExp | undefined {
  const title = words.slice(0, 6).join(' ')
  return UNDER.find(([opener]) => opener.test(title))?.[1]
}

const UNDER: readonly (readonly [RegExp, RegExp])[] = [
  [
    /^crypto (?:isakmp|ikev1) policy/,
    /^(?:encr(?:yption)?|hash|integrity|auth(?:entication)?|group|lifetime|prf)\b/i,
  ],
  [/^crypto ipsec (?:ikev1 )?transform-set/, /^mode\b/i],
  [/^crypto ipsec profile/, /^(?:set|responder-only|description)\b/i],
  [/^crypto map \S+ \d+ ipsec-isakmp/, /^(?:set|match|description|reverse-route)\b/i],
  [/^crypto keyring/, /^(?:pre-shared-key|local-address|description)\b/i],
  [/^crypto isakmp peer/, /^set aggressive-mode\b/i],
  [/^crypto isakmp profile/, /^(?:keyring|match|self-identity|local-address|keepalive)\b/i],
  [/^tunnel-group \S+ ipsec-attributes/, /^(?:ikev[12]|pre-shared-key|isakmp|peer-id|trust)/i],
  [/^interface/, /^(?:ip|tunnel|crypto map|nameif|description|security-level|no shutdown)\b/i],
  [/^ip access-list extended/, /^(?:\d+ )?(?:permit|deny|remark)\b/i],
  [/^object network/, /^(?:subnet|host|range|fqdn|description)\b/i],
  [/^object-group network/, /^(?:network-object|group-object|host|range|description|\d)/i],
]
