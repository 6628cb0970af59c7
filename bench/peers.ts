import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { undoAtExit } from '../test/support/leftovers.ts'
import { eventually, run, runOk, runSync } from '../test/support/process.ts'
import { StrongSwan } from '../test/support/strongswan.ts'
import type { Namespace } from '../test/support/topology.ts'
import { way } from './causeway.ts'
import type { Contender } from './contender.ts'
import { inner, outer, type Pair } from './namespaces.ts'
import { compile, need } from './programs.ts'

/** The link itself. */
export const plain: Contender = {
  name: 'noVpn',
  addresses: 1,
  async start(pair, first) {
    const { a, b } = outer(first)
    return [{ name: 'noVpn', pair, from: a, to: b, pids: [] }]
  },
}

/** The C yardstick of bench/reference. */
export const reference: Contender = {
  name: 'reference',
  addresses: 1,
  async start(pair, first) {
    need('/usr/include/openssl/evp.h', ['libssl-dev'])
    const program = await compile('reference', '-lcrypto')
    const pids: number[] = []
    for (const [namespace, site, other] of sites(pair)) {
      const device = 'reference'
      const child = namespace.start([
        program,
        device,
        outer(first)[site],
        outer(first)[other],
        '4555',
      ])
      pids.push(child.pid ?? 0)
      await deviceIsThere(namespace, device)
      await raise(namespace, device, first, site, 1438)
      await namespace.ip(`link set ${device} gso_max_segs 44`)
    }
    return [way('reference', pair, first, pids)]
  },
}

export const wireguardGo: Contender = {
  name: 'wireguardGo',
  addresses: 1,
  async start(pair, first) {
    need('/usr/bin/wireguard-go', ['wireguard-go'])
    need('/usr/bin/wg', ['wireguard-tools'])
    const pids: number[] = []
    const keys = { a: await makeKey(), b: await makeKey() }
    for (const [namespace, site, other] of sites(pair)) {
      // Its control sockets lie in one folder of the machine, by the name of the device.
      const device = `wg${site}${process.pid}`
      const child = namespace.start(['wireguard-go', '-f', device], {
        stdio: 'ignore',
        env: { LOG_LEVEL: 'error', WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD: '1' },
      })
      undoAtExit(() => rmSync(`/var/run/wireguard/${device}.sock`, { force: true }))
      pids.push(child.pid ?? 0)
      await deviceIsThere(namespace, device)
      const folder = mkdtempSync(join(tmpdir(), 'cw-bench-'))
      const forget = undoAtExit(() => rmSync(folder, { recursive: true, force: true }))
      const file = join(folder, 'wg.conf')
      writeFileSync(
        file,
        [
          `[Interface]\nPrivateKey = ${keys[site].secret}\nListenPort = 51820`,
          `[Peer]\nPublicKey = ${keys[other].open}\nAllowedIPs = ${inner(first)[other]}/32`,
          `Endpoint = ${outer(first)[other]}:51820\n`,
        ].join('\n'),
        { mode: 0o600 },
      )
      await eventually('wireguard-go answers', async () => {
        return (await run(['wg', 'setconf', device, file])).code === 0
      })
      forget()
      await raise(namespace, device, first, site, 1420)
    }
    return [way('wireguardGo', pair, first, pids)]
  },
}

/** strongSwan with its ESP in userspace. It wants its ports on every address, and so namespaces of its own. */
export const kernelLibipsec: Contender = {
  name: 'kernelLibipsec',
  addresses: 1,
  async start(pair, first) {
    need('/usr/lib/ipsec/charon', ['strongswan-charon', 'strongswan-swanctl'])
    need('/usr/lib/ipsec/plugins/libstrongswan-kernel-libipsec.so', ['libcharon-extra-plugins'])
    const swans: StrongSwan[] = []
    for (const [namespace, site, other] of sites(pair)) {
      await namespace.ip(`addr add ${inner(first)[site]}/32 dev lo`)
      const swan = await StrongSwan.start(namespace)
      swans.push(swan)
      await swan.load([
        {
          name: 'bench',
          version: 2,
          local: outer(first)[site],
          remote: outer(first)[other],
          psk: 'bench',
          proposals: ['aes128-sha256-curve25519'],
          encap: true,
          children: [
            {
              name: 'bench',
              localTs: [`${inner(first)[site]}/32`],
              remoteTs: [`${inner(first)[other]}/32`],
              proposals: ['aes128gcm128'],
            },
          ],
        },
      ])
    }
    const { code, stderr, stdout } = (await swans[0]?.initiate('bench')) ?? {
      code: -1,
      stderr: '',
      stdout: '',
    }
    if (code !== 0) throw new Error(`strongSwan did not connect: ${stderr}${stdout}`)
    const pids = sites(pair).flatMap(([namespace]) => charonOf(namespace))
    return [way('kernelLibipsec', pair, first, pids)]
  },
}

function charonOf(namespace: Namespace): number[] {
  return runSync(['ip', 'netns', 'pids', namespace.name])
    .stdout.split('\n')
    .map(Number)
    .filter((pid) => pid > 0 && runSync(['readlink', `/proc/${pid}/exe`]).stdout.includes('charon'))
}

function sites(pair: Pair): readonly (readonly [Namespace, 'a' | 'b', 'a' | 'b'])[] {
  return [
    [pair.a, 'a', 'b'],
    [pair.b, 'b', 'a'],
  ]
}

async function raise(
  namespace: Namespace,
  device: string,
  address: number,
  site: 'a' | 'b',
  mtu: number,
): Promise<void> {
  const own = inner(address)[site]
  const other = inner(address)[site === 'a' ? 'b' : 'a']
  await namespace.ip(
    `addr add ${own}/32 dev ${device}`,
    `link set ${device} mtu ${mtu} txqueuelen 1000 up`,
    `route add ${other}/32 dev ${device} src ${own}`,
  )
}

async function deviceIsThere(namespace: Namespace, device: string): Promise<void> {
  await eventually(`${device} is there`, async () => {
    return (await namespace.run(['ip', 'link', 'show', device])).code === 0
  })
}

async function makeKey(): Promise<{ readonly secret: string; readonly open: string }> {
  const secret = (await runOk(['wg', 'genkey'])).trim()
  return { secret, open: (await runOk(['wg', 'pubkey'], { input: secret })).trim() }
}
