// Installs what the interoperability tests run against. By itself: `node tools/install-peers.ts`.
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PLUGINS = '/usr/lib/ipsec/plugins'
const LIBRARIES = `/usr/lib/${process.arch === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu`

/**
 * Where libreswan is unpacked: its Debian package cannot be installed beside strongSwan's, and needs not be, since it runs in a
 * guest.
 */
export const LIBRESWAN = '/opt/causeway-peers/libreswan'

/** A program or file that must be there, and the Debian package that brings it. */
const PEERS: readonly { readonly path: string; readonly debian: string }[] = [
  { path: '/sbin/ip', debian: 'iproute2' },
  { path: '/bin/ping', debian: 'iputils-ping' },
  { path: '/usr/sbin/nft', debian: 'nftables' },
  { path: '/usr/bin/tcpdump', debian: 'tcpdump' },
  { path: '/usr/bin/tshark', debian: 'tshark' },
  { path: '/sbin/modprobe', debian: 'kmod' },
  { path: '/usr/bin/linux.uml', debian: 'user-mode-linux' },
  // Builds what user-mode Linux lacks on newest processors.
  { path: '/usr/bin/gcc', debian: 'gcc' },
  { path: '/usr/include/stdio.h', debian: 'libc6-dev' },
  { path: '/usr/lib/ipsec/charon', debian: 'strongswan-charon' },
  { path: '/usr/sbin/swanctl', debian: 'strongswan-swanctl' },
  { path: '/usr/bin/pki', debian: 'strongswan-pki' },
  { path: `${PLUGINS}/libstrongswan-openssl.so`, debian: 'libstrongswan-standard-plugins' },
  { path: `${PLUGINS}/libstrongswan-curve25519.so`, debian: 'libstrongswan-extra-plugins' },
  { path: `${PLUGINS}/libstrongswan-kernel-libipsec.so`, debian: 'libcharon-extra-plugins' },
  { path: `${PLUGINS}/libstrongswan-xauth-generic.so`, debian: 'libcharon-extauth-plugins' },
  { path: '/usr/bin/ike-scan', debian: 'ike-scan' },
  { path: '/usr/sbin/vpnc', debian: 'vpnc' },
  // What libreswan needs beside itself.
  { path: '/usr/bin/certutil', debian: 'libnss3-tools' },
  { path: `${LIBRARIES}/libcurl-nss.so.4`, debian: 'libcurl3-nss' },
  { path: `${LIBRARIES}/libunbound.so.8`, debian: 'libunbound8' },
  { path: `${LIBRARIES}/libldns.so.3`, debian: 'libldns3' },
  { path: `${LIBRARIES}/libevent_core-2.1.so.7`, debian: 'libevent-core-2.1-7' },
  { path: `${LIBRARIES}/libevent_pthreads-2.1.so.7`, debian: 'libevent-pthreads-2.1-7' },
]

/** Peers whose package is only unpacked. */
const UNPACKED: readonly { readonly path: string; readonly debian: string; readonly to: string }[] =
  [{ path: `${LIBRESWAN}/usr/libexec/ipsec/pluto`, debian: 'libreswan', to: LIBRESWAN }]

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
    return `missing: ${names}; run as root, or: sudo node tools/install-peers.ts`
  }
  console.log(`installing with apt-get: ${names}`)
  const unpacked = UNPACKED.filter(({ debian }) => missing.includes(debian))
  const installed = missing.filter((name) => !unpacked.some(({ debian }) => debian === name))
  const problem = installed.length === 0 ? undefined : aptInstall(installed)
  return unpacked.reduce((first, { debian, to }) => first ?? aptUnpack(debian, to), problem)
}

/** Debian packages whose files are not there. */
export function missingPackages(): readonly string[] {
  return [...PEERS, ...UNPACKED].filter(({ path }) => !existsSync(path)).map(({ debian }) => debian)
}

/** Puts the files of a package below `to`, without installing it. @returns undefined, or what went wrong. */
function aptUnpack(debian: string, to: string): string | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'cw-deb-'))
  try {
    const download = () => apt(['download', debian], folder)
    if (download().status !== 0) {
      apt(['update'])
      const second = download()
      if (second.status !== 0)
        return `apt-get download ${debian} failed: ${lastLines(second.stderr)}`
    }
    const [file = ''] = readdirSync(folder)
    mkdirSync(to, { recursive: true })
    const { status, stderr } = spawnSync('dpkg-deb', ['-x', join(folder, file), to], {
      encoding: 'utf8',
    })
    return status === 0 ? undefined : `dpkg-deb -x ${file} failed: ${lastLines(stderr)}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
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

function apt(
  args: readonly string[],
  cwd: string = process.cwd(),
): { status: number | null; stderr: string } {
  return spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    encoding: 'utf8',
    cwd,
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
