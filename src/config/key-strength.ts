/**
 * How many guesses a key withstands, in bits, judged as somebody would guess: words before characters, repetitions and rows of neighbours
 * for next to nothing. An estimate from above; only a key made at random is worth what it seems to be.
 */
export function estimatedBits(octets: Uint8Array): number {
  const text = new TextDecoder('latin1').decode(octets)
  const { period, times } = repetition(text)
  return (PASSPHRASE.test(period) ? passphraseBits(period) : bitsOf(period)) + Math.log2(times)
}

function passphraseBits(text: string): number {
  return text.split(SEPARATORS).length * WORD_BITS
}

function bitsOf(text: string): number {
  const words = text.match(WORDS) ?? []
  const characters = text.replaceAll(WORDS, '')
  const distinct = Math.max(1, new Set(characters).size)
  const each = Math.min(Math.log2(poolOf(characters)), Math.log2(distinct) + SLACK)
  let bits = words.length * KNOWN_WORD_BITS
  let [before, step] = [Number.NaN, Number.NaN]
  for (const character of characters) {
    const now = character.charCodeAt(0)
    // abcdef, 987654, aaaa: a row costs its first two.
    const inRow = Math.abs(now - before) <= 1 && now - before === step
    step = now - before
    before = now
    bits += inRow ? ROW_BITS : each
  }
  return bits
}

/** The shortest text that, repeated, makes this one. */
function repetition(text: string): { readonly period: string; readonly times: number } {
  for (let length = 1; length <= text.length / 2; length++) {
    if (text.length % length !== 0) continue
    const period = text.slice(0, length)
    const times = text.length / length
    if (period.repeat(times) === text) return { period, times }
  }
  return { period: text, times: 1 }
}

function poolOf(text: string): number {
  if (/^(?:[0-9a-f]*|[0-9A-F]*)$/.test(text)) return /[a-fA-F]/.test(text) ? 16 : 10
  const size = CLASSES.reduce((sum, [test, count]) => sum + (test.test(text) ? count : 0), 0)
  return Math.max(2, size)
}

const CLASSES: readonly (readonly [RegExp, number])[] = [
  [/[a-z]/, 26],
  [/[A-Z]/, 26],
  [/[0-9]/, 10],
  [/[^a-zA-Z0-9]/, 33],
]

/** What stands in keys that people make up for gateways. */
const WORDS =
  /pass(?:word|wort|w0rd)?|secret|geheim|(?:pre)?shared|psk|vpn|ipsec|tunnel|gateway|router|firewall|test|admin|cisco|juniper|forti(?:net|gate)|sonicwall|mikrotik|welcome|qwert[yz]|company|office|remote|branch|network|internet|change|summer|winter|spring|autumn|(?:19|20)\d\d/gi
const KNOWN_WORD_BITS = 6

/** Words and nothing else. */
const PASSPHRASE = /^[A-Za-z][a-z]{1,11}(?:[ ._-][A-Za-z][a-z]{1,11})+$/
const SEPARATORS = /[ ._-]/
/** One of some eight thousand. */
const WORD_BITS = 13

const ROW_BITS = 0.5
/** A short random text does not show every character it could have had. */
const SLACK = 1.2
