import { Secret } from '#bytes/secret'
import type { Xauth, XauthUser } from './config.ts'
import { type Environment, isContents, isTrouble, unreadable } from './files.ts'
import type { ProblemText } from './problem.ts'
import { absolute, chmodLine, exposure, readPsk } from './psk.ts'
import type { XauthDraft } from './xauth-values.ts'

export type XauthFinding = ProblemText & {
  readonly key: keyof XauthDraft
  /** Where to point instead of the line of the configuration. */
  readonly file?: string
}

/** What `xauth` names, read; whether all is there that its role needs is judged by the rules. All findings are errors. */
export function readXauth(
  { role, user, password, users }: XauthDraft,
  folder: string,
  environment: Environment,
): {
  readonly xauth?: Xauth
  readonly findings: readonly XauthFinding[]
  readonly files: readonly string[]
} {
  if (role === 'server') {
    if (users === undefined) return { findings: [], files: [] }
    return readUsers(users, folder, environment)
  }
  if (password === undefined || user === undefined) return { findings: [], files: [] }
  const { psk, findings, file } = readPsk(password, folder, environment)
  const errors = findings
    .filter(({ severity }) => severity === 'error')
    .map(({ message, hints, file: at }) => ({
      key: 'password' as const,
      message: message.replaceAll('pre-shared key', 'password'),
      hints,
      ...(at === undefined ? {} : { file: at }),
    }))
  const files = file === undefined ? [] : [file]
  if (psk === undefined || errors.length > 0) return { findings: errors, files }
  return { xauth: { role, user, password: psk }, findings: [], files }
}

const LONGEST_FILE = 256 * 1024
const MOST_USERS = 4096
const LONGEST = 255

function readUsers(
  written: string,
  folder: string,
  { files }: Environment,
): ReturnType<typeof readXauth> {
  const path = absolute(written, folder)
  const failed = (text: ProblemText, file?: string): ReturnType<typeof readXauth> => ({
    findings: [{ key: 'users', ...text, ...(file === undefined ? {} : { file }) }],
    files: [path],
  })
  const read = files.read(path, LONGEST_FILE)
  if (isTrouble(read)) {
    // The users themselves, NAME:PASSWORD, are written here by mistake.
    const mayBeSecret = isContents(written) || written.includes(':')
    return failed(unreadable('xauth.users', path, read, mayBeSecret))
  }
  const open = exposure(read.mode, 'these passwords')
  if (open !== undefined) return failed({ message: open, hints: [chmodLine(path)] }, path)
  if (read.more) return failed({ message: `longer than ${LONGEST_FILE} octets` }, path)
  const users: XauthUser[] = []
  const lines = new TextDecoder().decode(read.octets).split(/\r?\n/)
  for (const [i, line] of lines.entries()) {
    if (line === '' || line.startsWith('#')) continue
    const user = line.slice(0, Math.max(0, line.indexOf(':')))
    const password = line.slice(user.length + 1)
    if (user === '' || password === '' || Math.max(user.length, password.length) > LONGEST) {
      return failed({ message: `line ${i + 1} is not NAME:PASSWORD` }, path)
    }
    if (users.some((one) => one.user === user)) {
      return failed({ message: `line ${i + 1}: there is a user ${user} already` }, path)
    }
    users.push({ user, password: new Secret(new TextEncoder().encode(password)) })
  }
  if (users.length === 0 || users.length > MOST_USERS) {
    return failed({ message: `${users.length} users; 1 to ${MOST_USERS} are allowed` }, path)
  }
  return { xauth: { role: 'server', users }, findings: [], files: [path] }
}
