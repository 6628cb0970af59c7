// Installs what the interoperability tests run against. By itself: `node tools/install-peers.ts`.
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'

const PLUGINS = '/usr/lib/ipsec/plugins'

/** A program or file that must be there, and the Debian package that brings it. */
const PEERS: readonly { readonly path: string; readonly debian: string }[] = [
  { path: '/sbin/ip', debian: 'iproute2' },
  { path: '/bin/ping', debian: 'iputils-ping' },
  { path: '/usr/sbin/nft', debian: 'nftables' },
  { path: '/usr/bin/tcpdump', debian: 'tcpdump' },
  { path: '/sbin/modprobe', debian: 'kmod' },
  { path: '/usr/bin/linux.uml', debian: 'user-mode-linux' },
  { path: '/usr/lib/ipsec/charon', debian: 'strongswan-charon' },
  { path: '/usr/sbin/swanctl', debian: 'strongswan-swanctl' },
  { path: `${PLUGINS}/libstrongswan-openssl.so`, debian: 'libstrongswan-standard-plugins' },
  { path: `${PLUGINS}/libstrongswan-curve25519.so`, debian: 'libstrongswan-extra-plugins' },
  { path: `${PLUGINS}/libstrongswan-kernel-libipsec.so`, debian: 'libcharon-extra-plugins' },
]

/**
 * Makes sure that every peer is there; on Debian as root it installs the missing ones and says so on standard output.
 * @returns undefined when all are there, else one sentence: what is missing and why it was not installed.
 */
export function installPeers(): string | undefined {
  const missing = missingPackages()
  if (missing.length === 0) return undefined
  const names = missing.join(' ')
  if (!existsSync('/usr/bin/apt-get') || !isDebian()) {
    return `missing: ${names} (names of Debian packages); this is not Debian, install them by hand`
  }
  if (process.getuid?.() !== 0) {
    return `missing: ${names}; run as root, or: sudo apt-get install --no-install-recommends ${names}`
  }
  console.log(`installing with apt-get: ${names}`)
  return aptInstall(missing)
}

/** Debian packages whose files are not there. */
export function missingPackages(): readonly string[] {
  return PEERS.filter(({ path }) => !existsSync(path)).map(({ debian }) => debian)
}

/** As root on Debian. @returns undefined, or what went wrong. */
export function aptInstall(packages: readonly string[]): string | undefined {
  const install = ['install', '--yes', '--no-install-recommends', ...packages]
  if (apt(install).status === 0) return undefined
  // A fresh image has no package lists yet, or old ones.
  const update = apt(['update'])
  if (update.status !== 0) return `apt-get update failed: ${lastLines(update.stderr)}`
  const second = apt(install)
  if (second.status === 0) return undefined
  return `apt-get install ${packages.join(' ')} failed: ${lastLines(second.stderr)}`
}

function apt(args: readonly string[]): { status: number | null; stderr: string } {
  return spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    timeout: 600_000,
  })
}

export function isDebian(): boolean {
  try {
    return /^ID(_LIKE)?=.*debian/m.test(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return false
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-3).join(' | ')
}

if (import.meta.main) {
  const problem = installPeers()
  console.log(problem ?? 'all peers are installed')
  process.exitCode = problem === undefined ? 0 : 1
}
