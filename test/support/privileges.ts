import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { runSync } from './process.ts'

/** How this process can make network namespaces: as it is, in a user namespace, or not at all and why. */
export type NetworkPrivileges =
  | { readonly kind: 'here' }
  | { readonly kind: 'user-namespace' }
  /** `installable`: the Debian package that would bring what is missing. */
  | { readonly kind: 'none'; readonly needs: string; readonly installable?: string }

export function networkPrivileges(): NetworkPrivileges {
  for (const [command, installable] of COMMANDS) {
    if (runSync([command, '-V']).code === 0) continue
    return {
      kind: 'none',
      needs: `the \`${command}\` command (package ${installable})`,
      installable,
    }
  }
  if (process.env[MARK] !== undefined) return { kind: 'here' }
  const here = runSync(['sh', '-c', PROBE])
  if (process.getuid?.() === 0 && here.code === 0) return { kind: 'here' }
  const inside = runSync([...UNSHARE, 'sh', '-c', `${PRIVATE_RUN} && (${PROBE})`])
  if (inside.code === 0) return { kind: 'user-namespace' }
  const reason = (process.getuid?.() === 0 ? here : inside).stderr.trim().split('\n').pop() ?? ''
  return {
    kind: 'none',
    needs:
      process.getuid?.() === 0
        ? `CAP_SYS_ADMIN and CAP_NET_ADMIN to make network namespaces, and /dev/net/tun (${reason})`
        : `root, or a system that lets users make user namespaces and use /dev/net/tun (${reason})`,
  }
}

/**
 * Runs this very program again as root of a new user namespace, with network namespaces and a /run of its own, and ends
 * with its exit code. Everything it makes ends with it.
 */
export function continueInUserNamespace(): Promise<never> {
  const argv = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const [file = '', ...args] = [
    ...UNSHARE,
    'sh',
    '-c',
    `${PRIVATE_RUN} && exec "$@"`,
    'sh',
    ...argv,
  ]
  const child = spawn(file, args, { stdio: 'inherit', env: { ...process.env, [MARK]: '1' } })
  // A signal from a terminal reaches both; one sent to this process alone is handed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => child.kill(signal))
  }
  return new Promise((_, reject) => {
    child.once('error', reject)
    child.once('exit', (code, signal) => {
      process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

const COMMANDS = [
  ['ip', 'iproute2'],
  ['nsenter', 'util-linux'],
  ['unshare', 'util-linux'],
] as const
const MARK = 'CAUSEWAY_IN_USER_NAMESPACE'
const UNSHARE = ['unshare', '--user', '--map-root-user', '--net', '--mount', '--']
/** `ip netns` keeps its names below /run. */
const PRIVATE_RUN = 'mount -t tmpfs tmpfs /run'
/** All that a topology needs: a namespace, a pair of links, entering it, and a TUN device. */
const PROBE = `
  set -e
  name=cw-probe-$$
  ip netns add $name
  trap 'ip netns del $name' EXIT
  ip -n $name link add one type veth peer name two
  nsenter --net=/run/netns/$name -- true
  ip -n $name tuntap add probe mode tun
`
