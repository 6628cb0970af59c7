import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ip } from '#bytes/ip'
import type { PacketSummary } from '#policy/packet-summary'
import { sampleTunnel } from '../../test/support/sample-config.ts'
import type { TrafficCounts, TrafficFacts } from './traffic-facts.ts'
import { TrafficWatch } from './traffic-watch.ts'

const NOTHING: TrafficCounts = {
  in: 0,
  out: 0,
  replayed: 0,
  badIcv: 0,
  malformed: 0,
  outsideSelectors: 0,
  noPolicy: 0,
  probes: 0,
}
const HOST = {
  forwarding: true,
  reversePathFilter: 'off',
  ways: [{ network: '10.2.0.0/16', address: ip('10.2.0.1'), interface: 'cw-paris' }],
  ownAddresses: [ip('203.0.113.10')],
  translations: [],
} as const

/** Looks every five seconds while the counters stand as each step says; the tunnel came up at 0. */
function watched(
  steps: readonly Partial<TrafficCounts>[],
  facts: Partial<Omit<TrafficFacts, 'counts'>> = {},
) {
  const watch = new TrafficWatch()
  let counts = NOTHING
  let found: ReturnType<TrafficWatch['observe']>
  steps.forEach((step, i) => {
    counts = { ...counts, ...step }
    const now = 5_000 * (i + 1)
    found = watch.observe({
      now,
      tunnel: sampleTunnel('paris'),
      upSince: 0,
      encapsulation: 'native',
      peerAliveAt: now - 1_000,
      examples: { latest: 0 },
      host: HOST,
      ...facts,
      counts,
    })
  })
  return found
}

const codeOf = (...of: Parameters<typeof watched>) => watched(...of)?.failure.code
const OUT = [{ out: 4 }, { out: 8 }, { out: 12 }, { out: 16 }]
const IN = [{ in: 4 }, { in: 8 }, { in: 12 }, { in: 16 }]

test('traffic both ways is nothing to speak of, nor is none', () => {
  assert.equal(codeOf([{}, {}, {}, {}]), undefined)
  assert.equal(codeOf([{ in: 5, out: 5 }, { in: 9, out: 12 }, { in: 14, out: 19 }, {}]), undefined)
})

describe('packets go in and none comes out', () => {
  test('protocol 50 is suspected while IKE answers and no ESP ever came: CW-501', () => {
    const failure = watched(OUT)?.failure
    assert.equal(failure?.code, 'CW-501')
    assert.equal(failure?.certainty, 'possible')
    assert.match(failure?.summary ?? '', /none of our 16 ESP packets/)
    assert.equal(failure?.key, 'encapsulation')
  })

  test('a suite with HMAC-SHA-256 may be cut to 96 bits at a peer of which nothing has come', () => {
    const suites = [{ encryption: 'aes256-cbc', integrity: 'hmac-sha256-128', esn: false }] as const
    const tunnel = sampleTunnel('paris')
    const facts = { tunnel: { ...tunnel, phase2: { ...tunnel.phase2, suites } } }
    const causes = (encapsulation: 'native' | 'udp', steps: Parameters<typeof watched>[0]) =>
      watched(steps, { ...facts, encapsulation })?.failure.otherCauses?.join() ?? ''
    assert.match(causes('native', OUT), /96 bits/)
    assert.match(causes('udp', OUT), /96 bits/)
    assert.doesNotMatch(causes('udp', [{ in: 1, out: 1 }, ...OUT]), /96 bits/)
    assert.doesNotMatch(watched(OUT)?.failure.otherCauses?.join() ?? '', /96 bits/)
  })

  test('many packets make it very likely, and an ICMP error certain, with its sender', () => {
    assert.equal(watched([{ out: 9 }, {}, { out: 30 }])?.failure.certainty, 'very likely')
    const espRefused = { reporter: ip('203.0.113.1'), at: 1 }
    const failure = watched(OUT, { examples: { latest: 0, espRefused } })?.failure
    assert.equal(failure?.certainty, 'certain')
    assert.match(failure?.summary ?? '', /refused by 203\.0\.113\.1/)
  })

  test('what is behind the peer is suspected when ESP came before, or goes inside UDP: CW-503', () => {
    assert.equal(codeOf([{ in: 3, out: 3 }, { out: 9 }, { out: 12 }, { out: 15 }]), 'CW-503')
    assert.equal(codeOf(OUT, { encapsulation: 'udp' }), 'CW-503')
  })

  test('nothing is said of a few packets, of a short while, or while IKE is silent too', () => {
    assert.equal(codeOf([{ out: 1 }, { out: 2 }, {}, { out: 3 }]), undefined)
    assert.equal(codeOf([{ out: 100 }, { out: 200 }]), undefined)
    assert.equal(codeOf(OUT, { peerAliveAt: 0 }), undefined)
  })
})

describe('a host that is watched', () => {
  const silent = { target: ip('10.2.0.1'), asked: 60, lost: 3, silentSince: 4_000 }
  const answered = { ...silent, answeredAt: 3_000 }

  test('its silence is told although nothing else is amiss: CW-503', () => {
    const failure = watched([{ in: 9, out: 9 }, {}], { watched: answered })?.failure
    assert.equal(failure?.code, 'CW-503')
    assert.equal(failure?.key, 'watch')
    assert.match(failure?.summary ?? '', /10\.2\.0\.1.* has not answered for 6 s/)
    assert.match(
      failure?.evidence ?? '',
      /^3 of 60 echoes .* it answered 7 s ago; .* heard 1 s ago$/,
    )
    assert.doesNotMatch(failure?.remedy ?? '', /watch another host/)
  })

  test('one that never answered may be the wrong one to watch', () => {
    const failure = watched([{ in: 9, out: 9 }], { watched: silent })?.failure
    assert.match(failure?.evidence ?? '', /it has never answered/)
    assert.match(failure?.remedy ?? '', /watch another host/)
  })

  test('while no ESP has come at all, its silence tells of protocol 50: CW-501', () => {
    assert.equal(codeOf([{}, {}], { watched: silent }), 'CW-501')
    assert.equal(codeOf([{}, {}], { watched: silent, encapsulation: 'udp' }), 'CW-503')
  })

  test('that a peer answers IKE is not said of one that is silent itself', () => {
    assert.equal(codeOf([{}, {}], { watched: silent, peerAliveAt: 3_000 }), 'CW-503')
  })

  test('while it answers nothing is said', () => {
    const { silentSince: _silentSince, ...answering } = answered
    assert.equal(codeOf([{ in: 9, out: 9 }], { watched: answering }), undefined)
  })
})

describe('packets come out and none goes in', () => {
  test('a host that does not forward is named with its sysctl: CW-508', () => {
    const failure = watched(IN, { host: { ...HOST, forwarding: false } })?.failure
    assert.equal(failure?.code, 'CW-508')
    assert.match(failure?.remedy ?? '', /sysctl -w net\.ipv4\.ip_forward=1/)
  })

  test('else the hosts here do not answer: CW-502', () => {
    assert.equal(codeOf(IN), 'CW-502')
  })
})

describe('the host leads packets elsewhere', () => {
  const way = (name: string | undefined) => ({
    host: { ...HOST, ways: [{ ...HOST.ways[0], interface: name }] },
  })

  test('answers to what the gateway asks of the path are no packets of hosts, in two pieces neither', () => {
    const probed = IN.map(({ in: count }) => ({ in: count, probes: count / 2 }))
    assert.equal(codeOf(probed), undefined)
    assert.equal(codeOf([...probed, { in: 20 }, { in: 24 }, { in: 28 }]), 'CW-502')
  })

  test('another route that comes first is named with its interface: CW-508', () => {
    const failure = watched([{}], way('eth1'))?.failure
    assert.equal(failure?.code, 'CW-508')
    assert.match(failure?.summary ?? '', /10\.2\.0\.0\/16 leave by eth1 instead of cw-paris/)
  })

  test('a strict reverse path filter is named with it', () => {
    const { host } = way('eth1')
    const failure = watched([{}], { host: { ...host, reversePathFilter: 'strict' } })?.failure
    assert.match(failure?.summary ?? '', /cw-paris\.rp_filter is 1/)
  })

  test('no route at all: CW-502', () => {
    assert.equal(codeOf([{}], way(undefined)), 'CW-502')
  })
})

describe('packets that do not fit', () => {
  const packet = (source: string, destination: string): PacketSummary => ({
    source: ip(source),
    destination: ip(destination),
    protocol: 6,
    sourcePort: 40_000,
    destinationPort: 443,
  })
  const masquerade = {
    table: 'ip nat',
    chain: 'postrouting',
    handle: 7,
    kind: 'masquerade',
  } as const

  test('with our own address as source a rule that masquerades is named: CW-502', () => {
    const failure = watched([{ noPolicy: 9 }], {
      examples: { latest: 0, unmatched: packet('203.0.113.10', '10.2.0.5') },
      host: { ...HOST, translations: [masquerade] },
    })?.failure
    assert.equal(failure?.code, 'CW-502')
    assert.match(failure?.summary ?? '', /nft table ip nat, chain postrouting, handle 7/)
    assert.match(
      failure?.remedy ?? '',
      /nft insert rule ip nat postrouting ip daddr 10\.2\.0\.0\/16/,
    )
  })

  test('without such a rule the gateway itself is suspected', () => {
    const examples = { latest: 0, unmatched: packet('203.0.113.10', '10.2.0.5') }
    const failure = watched([{ noPolicy: 9 }], { examples })?.failure
    assert.equal(failure?.certainty, 'possible')
    assert.match(failure?.summary ?? '', /the gateway itself sends them/)
  })

  test('of an unknown network are told with an example: CW-502', () => {
    const examples = { latest: 0, unmatched: packet('10.7.0.4', '10.2.0.5') }
    const failure = watched([{ noPolicy: 9 }], { examples })?.failure
    assert.match(failure?.summary ?? '', /10\.7\.0\.4 → 10\.2\.0\.5 tcp\/443/)
  })

  test('that come out of the tunnel are told with an example and what is allowed: CW-504', () => {
    const examples = { latest: 0, outside: packet('10.9.0.4', '10.1.0.7') }
    const failure = watched([{ outsideSelectors: 213, in: 1, out: 1 }], { examples })?.failure
    assert.equal(failure?.code, 'CW-504')
    assert.match(failure?.summary ?? '', /213 packets .* 10\.9\.0\.4 → 10\.1\.0\.7 tcp\/443/)
    assert.match(failure?.summary ?? '', /10\.2\.0\.0\/16 → 10\.1\.0\.0\/16/)
  })

  test('are forgotten a minute after the last of them', () => {
    const examples = { latest: 0, outside: packet('10.9.0.4', '10.1.0.7') }
    const steps = [{ outsideSelectors: 5 }, ...Array.from({ length: 11 }, () => ({}))]
    assert.equal(codeOf(steps, { examples }), 'CW-504')
    assert.equal(codeOf([...steps, {}], { examples }), undefined)
  })
})

describe('packets that fail their check', () => {
  test('all of them, for a known deviation: CW-506, certain', () => {
    const failure = watched([{ malformed: 3, out: 9 }], {
      examples: { latest: 0, icv: 'truncated-96' },
    })?.failure
    assert.equal(failure?.code, 'CW-506')
    assert.equal(failure?.certainty, 'certain')
    assert.match(failure?.summary ?? '', /truncates HMAC-SHA-256 to 96 bits/)
  })

  test('all of them, for a reason that is not known: CW-506', () => {
    assert.equal(watched([{ badIcv: 3 }])?.failure.certainty, 'very likely')
  })

  test('some of them, among good ones: nothing, somebody forges', () => {
    assert.equal(codeOf([{ badIcv: 30, in: 10, out: 10 }]), undefined)
  })
})

describe('packets that come late', () => {
  const late = [{ in: 1_000, out: 1_000, replayed: 12 }]

  test('are told with how late, and a window that would do: CW-507', () => {
    const failure = watched(late, { examples: { latest: 310 } })?.failure
    assert.equal(failure?.code, 'CW-507')
    assert.match(
      failure?.summary ?? '',
      /1\.2 % .* up to 310 packets late; the replay window is 256/,
    )
    assert.match(failure?.remedy ?? '', /replay-window: 512/)
  })

  test('are told apart from packets that come twice', () => {
    const failure = watched(late)?.failure
    assert.equal(failure?.code, 'CW-507')
    assert.match(failure?.summary ?? '', /come twice/)
  })
})

test('a NAT that forgot the peer is told with the silence before: CW-509', () => {
  const moved = { at: 4_000, fromPort: 20_012, toPort: 20_977, idle: 61_000 }
  const failure = watched([{ in: 1, out: 1 }], { examples: { latest: 0, moved } })?.failure
  assert.equal(failure?.code, 'CW-509')
  assert.match(failure?.summary ?? '', /after 1m01s of silence/)
})

test('a path that swallows large packets is told with both sizes: CW-505', () => {
  const blackHole = { passed: 1_372, lost: 1_438 }
  const failure = watched([{ in: 1, out: 1 }], { examples: { latest: 0, blackHole } })?.failure
  assert.equal(failure?.code, 'CW-505')
  assert.match(failure?.summary ?? '', /of 1438 octets vanish.*MTU 1372 and TCP MSS 1332/)
})

test('what lasts keeps the moment it began, and goes when it is cured', () => {
  const steps = [...OUT, { out: 20 }, { out: 24 }]
  assert.equal(watched(steps)?.since, 15_000)
  assert.equal(codeOf([...steps, { in: 1 }]), undefined)
})
