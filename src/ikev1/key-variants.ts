import { concat } from '#bytes/concat'
import { equalOctets } from '#bytes/equal'
import { Secret } from '#bytes/secret'

/** A slip with which our key may have been entered at the peer, or a key it may have been taken for. */
export type KeyVariant = {
  readonly key: Secret
  /** `the key it uses is …`. Nothing here says a character of the key. */
  readonly words: string
}

export type NamedKey = { readonly tunnel: string; readonly key: Secret }

/**
 * What people make of a key when they carry it from one gateway to another, those that differ from ours and from one another: 16 at most. Only
 * ever to name the mistake; none of them opens a tunnel.
 * @param others the keys of our other tunnels
 */
export function keyVariants(ours: Secret, others: readonly NamedKey[]): readonly KeyVariant[] {
  const octets = ours.reveal()
  const text = textOf(octets)
  const seen: Uint8Array[] = [octets]
  const variants: KeyVariant[] = []
  const all = [...slips(octets, text), ...others.map(ofTunnel)]
  for (const [words, changed] of all) {
    if (variants.length === MOST_VARIANTS) break
    if (changed === undefined || changed.length === 0) continue
    if (seen.some((one) => equalOctets(one, changed))) continue
    seen.push(changed)
    variants.push({ key: new Secret(changed), words })
  }
  return variants
}

export const MOST_VARIANTS = 16

type Slip = readonly [words: string, octets: Uint8Array | undefined]

/** Most frequent first. */
function slips(octets: Uint8Array, text: string | undefined): readonly Slip[] {
  const followed = (...more: readonly number[]) => concat(octets, Uint8Array.from(more))
  return [
    ['ours followed by a line end (LF)', followed(0x0a)],
    ['ours followed by a line end (CR LF)', followed(0x0d, 0x0a)],
    ['ours followed by a space', followed(0x20)],
    ['ours followed by a carriage return', followed(0x0d)],
    ['ours without the byte order mark before it', withoutMark(octets)],
    ['ours without the white space around it', encoded(text?.trim())],
    ['ours with double quotes around it', encoded(text === undefined ? text : `"${text}"`)],
    ['ours with single quotes around it', encoded(text === undefined ? text : `'${text}'`)],
    ['ours without the quotes around it', encoded(unquoted(text))],
    ['ours with a space before it', concat(Uint8Array.of(0x20), octets)],
    ['ours, read as hexadecimal digits', fromHexText(text)],
    ['ours, read as base64', fromBase64Text(text)],
    ['ours without the 0x or 0s before it', encoded(unprefixed(text))],
    ['ours in the composed form of Unicode (NFC)', encoded(text?.normalize('NFC'))],
    ['ours in the decomposed form of Unicode (NFD)', encoded(text?.normalize('NFD'))],
    ['ours in Latin-1 in place of UTF-8', latin1(text)],
    ['ours up to the first character that means something in a file or a shell', plainStart(text)],
    ...CUTS.map((length): Slip => [`the first ${length} characters of ours`, cut(octets, length)]),
  ]
}

const CUTS = [32, 64, 128]

/** What is left where one of these begins a comment, a variable or help, or ends the word. */
function plainStart(text: string | undefined): Uint8Array | undefined {
  return encoded(/^([^#;$?!"'`\\\s]+)[#;$?!"'`\\\s]/.exec(text ?? '')?.[1])
}

/** Undefined where a character has no place in it. */
function latin1(text: string | undefined): Uint8Array | undefined {
  const points = [...(text ?? '')].map((char) => char.codePointAt(0) ?? 0)
  return points.some((point) => point > 0xff) ? undefined : Uint8Array.from(points)
}

function ofTunnel({ tunnel, key }: NamedKey): Slip {
  return [`that of our tunnel ${tunnel}`, key.reveal()]
}

function textOf(octets: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(octets)
  } catch {
    return undefined
  }
}

function encoded(text: string | undefined): Uint8Array | undefined {
  return text === undefined ? undefined : new TextEncoder().encode(text)
}

function unquoted(text: string | undefined): string | undefined {
  return /^(["'])(.+)\1$/s.exec(text ?? '')?.[2]
}

/** U+FEFF in UTF-8, as some editors begin a file. */
function withoutMark(octets: Uint8Array): Uint8Array | undefined {
  return equalOctets(octets.slice(0, MARK.length), MARK) ? octets.slice(MARK.length) : undefined
}

const MARK = Uint8Array.of(0xef, 0xbb, 0xbf)

/** As strongSwan, MikroTik and others mark a key that is not text. */
function unprefixed(text: string | undefined): string | undefined {
  return /^0[xs](.+)$/s.exec(text ?? '')?.[1]
}

function fromHexText(text: string | undefined): Uint8Array | undefined {
  const digits = /^(?:0x)?((?:[0-9a-f]{2})+)$/i.exec(text?.trim() ?? '')?.[1]
  if (digits === undefined) return undefined
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16))
}

/** With or without padding, in the usual alphabet. */
function fromBase64Text(text: string | undefined): Uint8Array | undefined {
  const digits = /^(?:0s)?([A-Za-z0-9+/]{8,})={0,2}$/.exec(text?.trim() ?? '')?.[1]
  if (digits === undefined || digits.length % 4 === 1) return undefined
  return Uint8Array.from(atob(digits), (char) => char.charCodeAt(0))
}

function cut(octets: Uint8Array, length: number): Uint8Array | undefined {
  return octets.length > length ? octets.slice(0, length) : undefined
}
