import assert from 'node:assert/strict'
import { test } from 'node:test'
import { memoryFiles } from './files.ts'
import { loadConfig } from './reader.ts'

const KEY = 'b6uJ0-x8mQ2vTn4LzR7wKc1YfHs5DpAe'

test('in Main mode with a pre-shared key the peer has an address, or a name that leads to one', () => {
  assert.equal(told({ paris: { peer: 'vpn.paris.example' } }), '')
})

test('a slip in an address is not taken for a host name', () => {
  assert.match(
    told({ paris: { peer: '198.51.100.7O' } }),
    /error .* no IP address, and no host name/,
  )
  assert.match(told({ paris: { peer: 'vpn_paris.example' } }), /no IP address, and no host name/)
})

test('two tunnels with one key each and the same host name cannot be told apart', () => {
  const names = (key: string) => ({
    paris: { peer: 'vpn.example' },
    rome: { peer: 'VPN.example', psk: key, networks: '["10.1.0.0/16 <-> 10.9.0.0/16"]' },
  })
  assert.match(
    told(names(`"${'x'.repeat(20)}q7"`)),
    /error rome has the same two gateways as paris/,
  )
})

test('where the peer is a name, another identity than its address is meant or refused', () => {
  const named = { peer: 'vpn.example' }
  assert.match(
    told({ paris: { ...named, 'peer-id': 'vpn.example' } }),
    /error .*needs the peer's address as its identity, not vpn\.example.*the address of vpn\.example/,
  )
  assert.equal(told({ paris: { ...named, 'peer-id': '{sends: vpn.example}' } }), '')
})

test('in transport mode a host name leaves nothing to write as networks', () => {
  const named = { peer: 'vpn.example', mode: 'transport' }
  assert.match(
    told({ paris: { ...named, networks: '["203.0.113.10 <-> 198.51.100.7"]' } }),
    /error the networks of transport mode are the addresses .* that of vpn\.example is looked up/,
  )
  assert.equal(told({ paris: { ...named, networks: undefined } }), '')
})

test('an identity that is not the peer’s address is refused with the remedies and the override', () => {
  const text = told({ paris: { 'peer-id': 'asa1.example' } })
  assert.match(text, /error .*needs the peer's address as its identity, not asa1\.example/)
  assert.match(text, /certificates, or ike: v2, or ike: v1-aggressive/)
  assert.match(text, /peer-id: \{sends: asa1\.example\}/)
  assert.match(told({ paris: { 'peer-id': '10.0.0.2' } }), /peer-id: \{sends: 10\.0\.0\.2\}/)
  assert.equal(told({ paris: { 'peer-id': '198.51.100.7' } }), '')
})

test('in Aggressive mode the peer may be anywhere, if it is known by its identity', () => {
  const branch = {
    ike: 'v1-aggressive',
    peer: 'any',
    'peer-id': 'branch7.example',
    start: undefined,
  }
  const { config, problems } = load({ paris: branch })
  assert.deepEqual(
    problems.map(({ severity }) => severity),
    ['warning'],
  )
  const [tunnel] = config!.tunnels
  assert.deepEqual([tunnel!.peer, tunnel!.start, tunnel!.probeV2], ['any', 'respond', false])
  assert.match(
    told({ paris: { ...branch, 'peer-id': undefined } }),
    /error peer: any needs the identity/,
  )
  assert.match(
    told({ paris: { ...branch, start: 'always' } }),
    /error start: always needs an address to call/,
  )
  assert.doesNotMatch(told({ paris: { ...branch, peer: 'vpn.example' } }), /error/)
  assert.match(
    told({ paris: { ...branch, mode: 'transport', networks: undefined } }),
    /error transport mode needs to know the address/,
  )
  const other = { ...branch, networks: '["10.1.0.0/16 <-> 10.9.0.0/16"]' }
  assert.match(
    told({ paris: branch, other }),
    /error other waits for the same peer as paris \(line/,
  )
  assert.doesNotMatch(told({ paris: branch, other: { ...other, 'peer-id': 'b8' } }), /error/)
})

test('a peer that moves is known by its identity, as one from anywhere is', () => {
  const branch = { ike: 'v1-aggressive', 'peer-moves': 'allow', 'peer-id': 'branch7.example' }
  const { config, problems } = load({ paris: branch })
  assert.deepEqual(
    problems.map(({ severity }) => severity),
    ['warning'],
  )
  assert.equal(config!.tunnels[0]!.peerMoves, 'allow')
  assert.match(
    told({ paris: { ...branch, ike: 'v1-main', 'peer-id': undefined } }),
    /error a pre-shared key in Main mode needs a static peer address, not one that moves/,
  )
  assert.match(
    told({ paris: { ...branch, 'peer-id': undefined } }),
    /error a peer that moves needs an identity other than its address/,
  )
  assert.match(
    told({ paris: { ...branch, peer: 'any', start: undefined } }),
    /error peer: any comes from anywhere already/,
  )
})

test('Aggressive mode is warned of with what it shows and when it is right', () => {
  assert.match(
    told({ paris: { ike: 'v1-aggressive', 'peer-id': 'asa1.example' } }),
    /^warning Aggressive mode shows both identities .* guess the pre-shared key offline.*only for a peer without a static address, and this peer has one: ike: v1-main hides both \(RFC 2409 §5\.4\)/,
  )
})

test('routes lie within the networks, and are networks', () => {
  const any = { networks: 'any' }
  assert.match(told({ paris: any }), /warning nothing is routed into paris/)
  assert.equal(told({ paris: { ...any, interface: '{routes: []}' } }), '')
  assert.equal(told({ paris: { interface: '{routes: 10.2.7.0/24}' } }), '')
  assert.match(
    told({ paris: { interface: '{routes: [10.2.0.0/16, 10.3.0.0/16]}' } }),
    /error 10\.3\.0\.0\/16 is routed into the tunnel, but none of its networks holds it/,
  )
  assert.match(
    told({ paris: { interface: '{routes: 10.2.7.1/24}' } }),
    /error 10\.2\.7\.1\/24 is no network.*did you mean 10\.2\.7\.0\/24/,
  )
  assert.match(
    told({ paris: { mode: 'transport', networks: undefined, interface: '{routes: []}' } }),
    /error transport mode carries traffic between the two gateways only; nothing is routed/,
  )
  assert.match(
    told({ paris: { interface: '{address: 198.51.100.7/32}' } }),
    /error this is the address of the peer/,
  )
})

test('route-based tunnels do not overlap: they take what is routed into them', () => {
  const any = { networks: 'any', interface: '{routes: 10.2.0.0/16}' }
  assert.equal(told({ paris: {}, tokyo: { ...any, peer: '192.0.2.1' } }), '')
})

test('a watched host is one that can be asked through the tunnel', () => {
  const { config } = load({ paris: { watch: 'ping 10.2.0.1' } })
  assert.equal(config!.tunnels[0]!.watch, '10.2.0.1')
  assert.match(
    told({ paris: { watch: '10.2.0.1' } }),
    /error .* is not "ping" .*watch: ping 10\.2\.0\.1/,
  )
  assert.match(
    told({ paris: { watch: 'ping 10.3.0.1' } }),
    /error 10\.3\.0\.1 is in no network of the other side/,
  )
  const tcp = { networks: '["10.1.0.0/16 <-> 10.2.0.0/16 tcp/443"]' }
  assert.match(
    told({ paris: { ...tcp, watch: 'ping 10.2.0.1' } }),
    /error no network pair of paris carries ICMP to 10\.2\.0\.1/,
  )
})

test('in transport mode only the peer can be watched', () => {
  const transport = { mode: 'transport', networks: undefined }
  assert.match(
    told({ paris: { ...transport, watch: 'ping 10.2.0.1' } }),
    /error in transport mode paris reaches the peer itself .*watch: ping 198\.51\.100\.7/,
  )
  assert.equal(told({ paris: { ...transport, watch: 'ping 198.51.100.7' } }), '')
})

test('a client of Mode Config asks from the address it is given', () => {
  const client = {
    xauth: undefined,
    'mode-config': '{role: client}',
    networks: '["any <-> 10.2.0.0/16"]',
    watch: 'ping 10.2.0.1',
  }
  assert.doesNotMatch(told({ paris: client }), /10\.2\.0\.1/)
})

test('where any address is ours, a watched host is asked from the interface', () => {
  const any = { networks: 'any', watch: 'ping 10.2.0.1' }
  assert.match(
    told({ paris: { ...any, interface: '{routes: 10.2.0.0/16}' } }),
    /error 10\.2\.0\.1 can only be asked from an address .* and the interface has none/,
  )
  const device = '{routes: 10.2.0.0/16, address: 169.254.10.1/30}'
  assert.equal(told({ paris: { ...any, interface: device } }), '')
})

test('another identity is accepted where it is meant', () => {
  const { config, problems } = load({ paris: { 'peer-id': '{sends: asa1.example}' } })
  assert.deepEqual(problems, [])
  assert.deepEqual(config!.tunnels[0]!.remoteId, { kind: 'fqdn', name: 'asa1.example' })
  assert.match(
    told({ paris: { peer: 'vpn.example', 'peer-id': 'asa1.example' } }),
    /needs the peer's address as its identity/,
  )
})

test('an identity called any is not mistaken for a name', () => {
  assert.match(told({ paris: { 'peer-id': '{sends: any}' } }), /error "any" is no identity/)
  assert.match(told({ paris: { 'peer-id': 'any' } }), /error "any" is no identity/)
})

test('sending a name as our own identity is warned of', () => {
  assert.match(told({ paris: { id: 'gw.example' } }), /warning .*we send gw\.example/)
  assert.equal(told({ paris: { id: '192.0.2.80' } }), '')
})

test('two tunnels between the same gateways cannot have different keys', () => {
  const other = { networks: '["10.1.0.0/16 <-> 10.3.0.0/16"]' }
  assert.match(
    told({ paris: {}, 'paris-old': { ...other, psk: `"other-${KEY}"` } }),
    /error paris-old has the same two gateways as paris \(line 4\), but another key/,
  )
  assert.match(
    told({ paris: {}, 'paris-old': other }),
    /warning paris-old has the same two gateways .*RFC 2409 §5\.4/,
  )
  assert.equal(told({ paris: {}, tokyo: { ...other, peer: '192.0.2.1' } }), '')
  assert.equal(told({ paris: {}, second: { ...other, address: '203.0.113.11' } }), '')
})

test('addresses of the two gateways fit each other', () => {
  assert.match(told({ paris: { peer: '203.0.113.10' } }), /error .*is our own address/)
  assert.match(told({ paris: { peer: '2001:db8::1' } }), /error the peer is IPv6/)
})

test('networks that two tunnels claim are warned of', () => {
  const tokyo = { peer: '192.0.2.1', networks: '["10.1.0.0/16 <-> 10.2.3.0/24"]' }
  assert.match(
    told({ paris: {}, tokyo }),
    /warning CW-408 paris 10\.1\.0\.0\/16 ↔ 10\.2\.0\.0\/16 overlaps tokyo \(line 15\)/,
  )
  const apart = { ...tokyo, networks: '["10.7.0.0/16 <-> 10.2.0.0/16"]' }
  assert.equal(told({ paris: {}, apart }), '')
})

test('a thousand tunnels are compared without comparing each with each', () => {
  const tunnels = Object.fromEntries(
    Array.from({ length: 1000 }, (_, i) => {
      const [high, low] = [Math.floor(i / 250), i % 250]
      const networks = `["10.1.0.0/16 <-> 172.${16 + high}.${low}.0/24"]`
      return [`t${i}`, { peer: `198.51.${100 + high}.${low + 1}`, networks }]
    }),
  )
  assert.equal(told(tunnels), '')
})

test('pairs of one tunnel do not repeat each other', () => {
  const pairs = (...networks: readonly string[]) =>
    told({ paris: { networks: JSON.stringify(networks) } })
  const pair = '10.1.0.0/16 <-> 10.2.0.0/16'
  assert.match(pairs(pair, pair), /error .*is there twice/)
  assert.match(pairs(pair, '10.1.4.0/24 <-> 10.2.0.0/16'), /warning CW-408 .*lies inside the pair/)
  assert.equal(pairs('10.1.4.0/24 <-> 10.2.0.0/16', pair), '')
  assert.match(pairs('10.1.0.0/16 <-> 10.1.2.0/24'), /warning .*the two sides overlap/)
  assert.match(pairs('198.51.100.0/24 <-> 10.2.0.0/16'), /warning our network .* contains the peer/)
  assert.match(
    pairs('10.1.0.0/16 <-> 198.51.100.0/24'),
    /warning their network .* contains the peer/,
  )
  assert.match(pairs('10.1.0.0/16 <-> 2001:db8::/32'), /error one side is IPv4/)
})

test('transport mode carries the gateways themselves, and says so by default', () => {
  const { config } = load({ paris: { mode: 'transport', networks: undefined } })
  const [pair] = config!.tunnels[0]!.networks
  assert.deepEqual([pair!.local.start, pair!.remote.end], ['203.0.113.10', '198.51.100.7'])
  assert.match(told({ paris: { mode: 'transport' } }), /between the two gateways only/)
  const gre = '["203.0.113.10 <-> 198.51.100.7 gre"]'
  assert.equal(told({ paris: { mode: 'transport', networks: gre } }), '')
})

test('interface names are unique, also those derived', () => {
  const tokyo = { peer: '192.0.2.1', networks: '["10.1.0.0/16 <-> 10.3.0.0/16"]' }
  assert.match(
    told({ paris: {}, tokyo: { ...tokyo, interface: '{name: cw-paris}' } }),
    /error interface cw-paris belongs to paris \(line 4\)/,
  )
})

test('IPv6 needs an MTU of 1280', () => {
  const networks = '["2001:db8:1::/48 <-> 2001:db8:2::/48"]'
  assert.match(told({ paris: { networks, interface: '{mtu: 1200}' } }), /error 1200 is too little/)
  assert.equal(told({ paris: { interface: '{mtu: 1200}' } }), '')
})

test('weak algorithms are warned of with the word of the RFC', () => {
  assert.match(
    told({ paris: { phase1: 'aes256-sha1-group2' } }),
    /^warning CW-206 group2 is 1024 bit; RFC 8247 §2\.4: SHOULD NOT\. \(tunnels\.paris\)$/,
  )
  assert.match(
    told({ paris: { phase1: '3des-md5-group14' } }),
    /md5 is broken; RFC 8247 §2\.2: MUST NOT/,
  )
  assert.match(
    told({ paris: { phase2: '3des-sha256' } }),
    /3des has blocks of 8 octets; RFC 8221 §5: SHOULD NOT/,
  )
  assert.match(
    told({ paris: { phase2: '{pfs: group24}' } }),
    /group24 .*RFC 8247 §2\.4: SHOULD NOT/,
  )
})

test('times that cannot work are refused, unwise ones warned of', () => {
  assert.match(
    told({ paris: { phase2: '{lifetime: 9h}' } }),
    /warning phase 2 lives 9h, longer than phase 1/,
  )
  assert.match(
    told({ paris: { 'dead-peer': '{probe-every: 20s}' } }),
    /error .*at least twice .*40s/,
  )
  assert.match(told({ paris: { 'replay-window': '0' } }), /warning replay protection is off/)
})

test('a key in the file itself must stand in quotes, and the file be private', () => {
  assert.match(told({ paris: { psk: '12345678901234567890' } }), /error .*must stand in quotes/)
  assert.match(told({ paris: { psk: 'unquoted-but-long-enough' } }), /error .*must stand in quotes/)
  assert.match(
    told({ paris: { psk: `"${KEY}"` } }, 0o644),
    /error mode 0644: others can read the key of paris \| \$ chmod 600 \/c\.yaml/,
  )
  assert.equal(told({ paris: { psk: `"${KEY}"` } }, 0o600), '')
  assert.equal(told({ paris: {} }, 0o644), '')
})

type Keys = Readonly<Record<string, string | undefined>>

/** Tunnels of six lines each unless keys are added or left out; the first begins on line 4. */
function load(
  tunnels: Readonly<Record<string, Keys>>,
  mode = 0o600,
): ReturnType<typeof loadConfig> {
  const lines = ['version: 1', 'gateway: {address: 203.0.113.10}', 'tunnels:']
  for (const [name, keys] of Object.entries(tunnels)) {
    const all = {
      note: 'n',
      start: 'always',
      peer: '198.51.100.7',
      psk: 'file:key',
      networks: '["10.1.0.0/16 <-> 10.2.0.0/16"]',
      ...keys,
    }
    lines.push(`  ${name}:`)
    for (const [key, value] of Object.entries(all)) {
      if (value !== undefined) lines.push(`    ${key}: ${value}`)
    }
  }
  const files = memoryFiles({ '/c.yaml': { text: lines.join('\n'), mode }, '/key': KEY })
  return loadConfig('/c.yaml', { files, variables: {}, hostName: 'h' })
}

function told(tunnels: Readonly<Record<string, Keys>>, mode?: number): string {
  return load(tunnels, mode)
    .problems.map(({ severity, code, message, hints }) =>
      [[severity, code, message].filter(Boolean).join(' '), ...hints].join(' | '),
    )
    .join('\n')
}
