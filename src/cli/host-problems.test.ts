import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { selectorFromPrefix } from '#policy/traffic-selector'
import { sampleConfig, sampleTunnel } from '../../test/support/sample-config.ts'
import { hostFacts } from './host-facts.ts'
import type { HostLook } from './host-look.ts'
import { hostProblems } from './host-problems.ts'

const WAN = { interface: 'eth0', mtu: 1_500 }
/** A host on which the sample tunnel has nothing to complain of. */
const FINE: HostLook = {
  holders: [],
  tun: 'usable',
  capabilities: { netAdmin: true, netRaw: true, netBindService: true },
  clockSynchronised: true,
  forwards: { 4: true, 6: true },
  strictReversePath: false,
  addresses: [
    { address: ip('127.0.0.1'), prefixLength: 8, interface: 'lo' },
    { address: ip('203.0.113.10'), prefixLength: 24, interface: 'eth0' },
    { address: ip('10.1.0.1'), prefixLength: 16, interface: 'eth1' },
  ],
  ways: new Map([
    [ip('198.51.100.7'), WAN],
    [ip('10.1.0.1'), { interface: 'lo', mtu: 65_536 }],
  ]),
}

/** `CW-108 … `, with the line it is told under. */
function told(look: Partial<HostLook>, of: Partial<TunnelConfig> = {}): readonly string[] {
  const problems = hostProblems(sampleConfig(sampleTunnel('paris', of)), { ...FINE, ...look })
  return problems.map(({ code, line, message }) => `${line} ${code} ${message}`)
}

const network = (address: string, bits: number) => selectorFromPrefix(ip(address), bits)

test('a host that has what is asked for is told nothing, and one that could not be asked neither', () => {
  assert.deepEqual(told({}), [])
  const { addresses: _, ways: __, ...blind } = FINE
  assert.deepEqual(hostProblems(sampleConfig(sampleTunnel('paris')), blind), [])
})

test('an address that is not ours is told once, with those that are: CW-108', () => {
  const tunnels = ['paris', 'tokyo'].map((name) =>
    sampleTunnel(name, { local: ip('203.0.113.99') }),
  )
  const problems = hostProblems(sampleConfig(...tunnels), FINE)
  assert.equal(problems.length, 1)
  assert.equal(problems[0]?.code, 'CW-108')
  assert.match(problems[0]?.message ?? '', /203\.0\.113\.99 is no address of this host/)
  assert.match(problems[0]?.message ?? '', /tunnels\.paris and 1 more/)
  assert.match(problems[0]?.hints[0] ?? '', /203\.0\.113\.10 \(eth0\), 10\.1\.0\.1 \(eth1\)/)
})

test('a watched host that no address of this one could ask: CW-503', () => {
  const watch = ip('10.2.0.1')
  assert.deepEqual(told({}, { watch }), [])
  const addresses = (FINE.addresses ?? []).filter(({ interface: name }) => name !== 'eth1')
  assert.match(
    told({ addresses }, { watch }).join(),
    /CW-503 10\.2\.0\.1 cannot be asked from here/,
  )
  const inside = [{ address: ip('10.1.9.1'), bits: 30 }]
  assert.deepEqual(told({ addresses }, { watch, addresses: inside }), [])
})

describe('where no way leads', () => {
  test('a peer: CW-101', () => {
    const ways = new Map([[ip('198.51.100.7'), undefined]])
    assert.match(told({ ways }).join(), /10 CW-101 this host has no route to the peer/)
  })

  test('our own network: CW-502', () => {
    const ways = new Map([[ip('10.1.0.1'), undefined]])
    assert.match(
      told({ ways }).join(),
      /CW-502 this host has no route to our network 10\.1\.0\.0\/16/,
    )
  })
})

test('an MTU that the path cannot carry is told with the most it can: CW-505', () => {
  assert.deepEqual(told({}, { mtu: 1_446 }), [])
  assert.match(told({}, { mtu: 1_447 }).join(), /CW-505 1447 is too much: eth0, .* takes 1500/)
})

test('a strict reverse path filter is told where routes choose: CW-508', () => {
  assert.deepEqual(told({ strictReversePath: true }), [])
  assert.match(told({ strictReversePath: true }, { routes: [] }).join(), /CW-508 rp_filter is 1/)
})

test('a network of theirs that takes one of this host is told, unless ours is named: CW-508', () => {
  const wide = (local: string, bits: number) => ({
    networks: [{ local: network(local, bits), remote: network('10.0.0.0', 8) }],
  })
  assert.match(
    told({}, wide('192.168.0.0', 24)).join(),
    /CW-508 .*10\.0\.0\.0\/8 takes addresses of eth1/,
  )
  assert.deepEqual(told({}, wide('10.1.0.0', 16)), [])
})

describe('facts', () => {
  const config = sampleConfig(sampleTunnel('paris'))
  const factsOf = (look: Partial<HostLook>) =>
    hostFacts({ ...FINE, ...look }, config).map(({ text, note = '' }) => `${text}; ${note}`)

  test('of a host that is ready', () => {
    assert.deepEqual(factsOf({}), [
      'UDP 500/4500 free; ',
      'TUN usable; ',
      'CAP_NET_ADMIN yes; ',
      'clock synchronised; ',
      'forwarding on; ',
    ])
  })

  test('of a port that is taken, by whom and how to free it; on an address we do not use, nothing', () => {
    const holder = { address: ip('0.0.0.0'), port: 500, pid: 812, process: 'charon' }
    assert.equal(
      factsOf({ holders: [holder] })[0],
      'UDP 500 is taken by charon (pid 812); stop it:  systemctl disable --now strongswan',
    )
    const elsewhere = { ...holder, address: ip('192.0.2.1') }
    assert.equal(factsOf({ holders: [elsewhere] })[0], 'UDP 500/4500 free; ')
  })

  test('of what is missing, with the command that mends it', () => {
    const facts = factsOf({
      tun: 'missing',
      capabilities: { netAdmin: false, netRaw: true, netBindService: true },
      clockSynchronised: false,
      forwards: { 4: false, 6: false },
    }).join('\n')
    assert.match(facts, /TUN not usable; no \/dev\/net\/tun: {2}modprobe tun/)
    assert.match(facts, /CAP_NET_ADMIN missing; /)
    assert.match(facts, /clock not synchronised; .*timedatectl set-ntp true/)
    assert.match(facts, /forwarding off \(IPv4\); .*net\.ipv4\.ip_forward=1/)
  })

  test('of what was not asked, nothing; forwarding only where networks are carried', () => {
    const { capabilities: _, clockSynchronised: __, ...blind } = FINE
    const hosts = sampleTunnel('paris', {
      networks: [{ local: network('203.0.113.10', 32), remote: network('198.51.100.7', 32) }],
    })
    assert.deepEqual(
      hostFacts({ ...blind, forwards: { 4: false, 6: false } }, sampleConfig(hosts)).map(
        ({ text }) => text,
      ),
      ['UDP 500/4500 free', 'TUN usable'],
    )
  })
})
