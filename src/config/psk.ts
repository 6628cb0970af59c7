import { Secret } from '#bytes/secret'
import type { PskSource } from './draft.ts'
import { type Environment, isContents, isTrouble } from './files.ts'
import { estimatedBits } from './key-strength.ts'
import type { ProblemText } from './problem.ts'

export type PskFinding = ProblemText & {
  readonly severity: 'error' | 'warning'
  /** Where to point when it is not the line of the configuration: the key file. */
  readonly file?: string
}

/** The key as octets, and what is wrong or odd about it. Nothing here says a character of it. */
export function readPsk(
  source: PskSource,
  folder: string,
  environment: Environment,
): { readonly psk?: Secret; readonly findings: readonly PskFinding[]; readonly file?: string } {
  if (source.kind === 'file') return fromFile(absolute(source.path, folder), environment)
  if (source.kind === 'text') return judged(new TextEncoder().encode(source.text))
  const value = environment.variables[source.name]
  if (value !== undefined) return judged(new TextEncoder().encode(value))
  return {
    findings: [
      {
        severity: 'error',
        code: 'CW-305',
        message: `no pre-shared key: the environment has no variable "${source.name}"`,
        hints: ['set it for the gateway itself, not only for your shell; or use file:PATH'],
      },
    ],
  }
}

/** What group or others may do that they must not, in words; undefined when the file is private. */
export function exposure(mode: number, what: string): string | undefined {
  const octal = (mode & 0o7777).toString(8).padStart(4, '0')
  if ((mode & 0o004) !== 0) return `mode ${octal}: others can read ${what}`
  if ((mode & 0o002) !== 0) return `mode ${octal}: others can change ${what}`
  if ((mode & 0o040) !== 0) return `mode ${octal}: the group can read ${what}`
  if ((mode & 0o020) !== 0) return `mode ${octal}: the group can change ${what}`
  return undefined
}

/** In one shell word, so that the line can be pasted. */
export function chmodLine(path: string): string {
  const word = /^[\w@%+=:,./-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`
  return `$ chmod 600 ${word}`
}

export function absolute(path: string, folder: string): string {
  return path.startsWith('/') ? path : `${folder === '/' ? '' : folder}/${path}`
}

const LONGEST_KEY = 1024
const SHORTEST_GOOD_KEY = 20
/** Estimated bits; below, whoever can test guesses offline may find the key. */
const LEAST_BITS = 80

function fromFile(path: string, { files }: Environment): ReturnType<typeof readPsk> {
  const read = files.read(path, LONGEST_KEY + 2)
  if (isTrouble(read)) {
    const name = isContents(path) ? 'what stands behind "file:" is no file name' : path
    const message = `no pre-shared key: ${name}: ${read.why}`
    return { findings: [{ severity: 'error', code: 'CW-305', message }], file: path }
  }
  const open = exposure(read.mode, 'this key')
  if (open !== undefined) {
    const finding = {
      severity: 'error',
      file: path,
      message: open,
      hints: [chmodLine(path)],
    } as const
    return { findings: [finding], file: path }
  }
  const key = withoutLineEnd(read.octets)
  if (read.more || key.length > LONGEST_KEY) {
    const message = `longer than ${LONGEST_KEY} octets: is this the key?`
    return { findings: [{ severity: 'error', file: path, message }], file: path }
  }
  const { psk, findings } = judged(key)
  return {
    ...(psk === undefined ? {} : { psk }),
    findings: findings.map((finding) => ({ ...finding, file: path })),
    file: path,
  }
}

function judged(octets: Uint8Array): ReturnType<typeof readPsk> {
  if (octets.length === 0) {
    return {
      findings: [{ severity: 'error', code: 'CW-305', message: 'the pre-shared key is empty' }],
    }
  }
  return { psk: new Secret(octets), findings: [...oddities(octets), ...weakness(octets)] }
}

function weakness(octets: Uint8Array): readonly PskFinding[] {
  const bits = Math.floor(estimatedBits(octets))
  if (bits >= LEAST_BITS) return []
  const length = octets.length < SHORTEST_GOOD_KEY ? ` (${octets.length} characters)` : ''
  return [
    {
      severity: 'warning',
      message: `the pre-shared key can be guessed: it is worth about ${bits} bits${length}, ${LEAST_BITS} or more withstand`,
      hints: ['make one with:', '$ causeway keygen'],
    },
  ]
}

/** Slips that make two keys differ while they look the same. */
function oddities(octets: Uint8Array): readonly PskFinding[] {
  const first = octets[0] ?? 0
  const last = octets[octets.length - 1] ?? 0
  const isSpace = (octet: number) => octet === 0x20 || (octet >= 0x09 && octet <= 0x0d)
  const isQuote = (octet: number) => octet === 0x22 || octet === 0x27
  const warn = (message: string): readonly PskFinding[] => [{ severity: 'warning', message }]
  if (octets[0] === 0xef && octets[1] === 0xbb && octets[2] === 0xbf) {
    return warn('the pre-shared key begins with a byte order mark, which counts as part of it')
  }
  if (isSpace(first) || isSpace(last)) {
    return warn('the pre-shared key begins or ends with white space, which counts as part of it')
  }
  if (octets.length > 1 && first === last && isQuote(first)) {
    return warn('the pre-shared key stands in quotes, which count as part of it')
  }
  return []
}

/** Editors end a file with a line end; one of them, LF or CRLF, is not part of the key. */
function withoutLineEnd(octets: Uint8Array): Uint8Array {
  if (octets[octets.length - 1] !== 0x0a) return octets
  const carriageReturn = octets[octets.length - 2] === 0x0d
  return octets.subarray(0, octets.length - (carriageReturn ? 2 : 1))
}
