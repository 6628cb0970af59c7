import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TunnelStatus } from '#control/status'
import { plain } from '../../test/support/recording-terminal.ts'
import { statusSample } from '../../test/support/status-sample.ts'
import { statusTable } from './status-view.ts'
import { columnsOf } from './table.ts'
import { tunnelDetail } from './tunnel-view.ts'

const [paris, plant, tokyo] = statusSample.tunnels

test('answers "is it fine?" in the first line, then one line a tunnel, then why not', () => {
  // Times of day are local; the tests must not care where they run.
  const text = statusTable(statusSample, plain).replace(/\d\d:\d\d (today|on [\d-]+)/g, 'HH:MM $1')
  assert.deepEqual(text.split('\n').slice(1, 14), [
    '',
    'TUNNEL  STATE   SINCE   PEER           NETWORKS           IN / OUT     REKEY',
    'paris   ● up    6d02h   198.51.100.7   10.1/16 ↔ 10.2/16  214M / 98M   23m',
    '  └ aes256-sha256-group14, aes256gcm16 pfs group14, now 12M / 890k bit/s',
    '  └ 10.1/16 ↔ 10.3.7/24 tcp/443, idle',
    'plant   ▲ up    3h11m   192.0.2.66     any ↔ any          1.2G / 310M',
    '  └ no traffic now',
    'tokyo   ○ down  14m02s  203.0.113.200  10.1/16 ↔ 10.9/16  –            retry 41s',
    '',
    'tokyo   CW-201  tokyo offers phase 1 aes256-sha1-group2, we accept',
    '                aes256-sha256-group14: hash and DH group differ',
    '                ask tokyo for aes256-sha256-group14',
    '                /etc/causeway/causeway.yaml:52:13',
  ])
  assert.match(text, /^gw-berlin {2}2 of 3 tunnels up +causeway 1\.0\.0, up 12d04h, config HH:MM/)
  assert.match(text, /Refused at HH:MM .*\n {2}causeway\.yaml:19:5 error/)
})

test('says at its foot what is about to break: proofs that failed, certificates that end', () => {
  const text = statusTable(statusSample, plain)
  assert.match(text, /\nplant {3}CW-603 {2}rekey of phase 2 failed although[^\n]+\n/)
  assert.match(
    text,
    /\nCW-307 {2}our certificate CN=gw-berlin, O=Example expires in 19 days \(2026-12-12\):\n {8}paris\n/,
  )
  const wide = { ...plain, columns: 200 }
  const later = statusTable({ ...statusSample, at: '2027-05-02T00:00:00.000Z' }, wide)
  assert.match(later, /our certificate CN=gw-berlin, O=Example expired on 2026-12-12: paris/)
  assert.match(later, /the peer’s certificate CN=gw-paris, O=Example expired on 2027-05-01: paris/)
  const before = statusTable({ ...statusSample, at: '2026-11-12T00:00:00.000Z' }, plain)
  assert.doesNotMatch(before, /CW-307/)
})

test('tells of packets that no tunnel counts, once there are any', () => {
  const shown = (clear: number, late: number) => {
    const dropped = { ...statusSample.dropped, 'came-in-clear': clear, 'not-received': late }
    const text = statusTable({ ...statusSample, dropped }, plain)
    return text.split('\n').filter((line) => /^(dropped|lost):/.test(line))
  }
  assert.deepEqual(shown(0, 0), [])
  assert.deepEqual(shown(1, 0), ['dropped: 1 packet of protected networks that came in clear'])
  assert.deepEqual(shown(12, 3), [
    'dropped: 12 packets of protected networks that came in clear',
    'lost: 3 packets that came faster than the gateway reads them',
  ])
})

test('names a certificate once, however many tunnels use it', () => {
  assert.ok(paris !== undefined)
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  const tunnels = names.map((name) => ({ ...paris, name }))
  const text = statusTable({ ...statusSample, tunnels }, { ...plain, columns: 200 })
  assert.match(text, /CW-307 {2}[^\n]*: a, b, c, d, e and 2 more\n/)
})

test('tells of a message without an answer and what that most likely means, until a diagnosis says the same', () => {
  assert.ok(tokyo !== undefined)
  const shown = (tunnel: TunnelStatus) => [
    statusTable({ ...statusSample, tunnels: [tunnel] }, plain),
    tunnelDetail(tunnel, statusSample, plain),
  ]
  const words =
    /o answer yet to message 1 of Quick mode, sent 4 times in 10 s \(phase 1 is up\); still trying, until 31 s have passed/
  for (const text of shown(tokyo)) {
    assert.match(text.replace(/\s+/g, ' '), words)
    assert.match(text, /CW-401[\s\S]*compare networks, phase2 and PFS with tokyo/)
    assert.doesNotMatch(text, /what does your log say/, 'the peer is written to when it is final')
    for (const line of text.split('\n')) assert.ok(columnsOf(line) <= 80, line)
  }
  const [known] = tokyo.unanswered ?? []
  assert.ok(known !== undefined)
  for (const text of shown({ ...tokyo, lastFailure: known.failure }))
    assert.doesNotMatch(text.replace(/\s+/g, ' '), words)
})

test('tells what silence means once, and of other network pairs no more than their names', () => {
  assert.ok(tokyo !== undefined)
  const [first] = tokyo.unanswered ?? []
  assert.ok(first !== undefined)
  const networks = [0, 1, 2].map((n) => ({
    local: `2001:db8:1000:${n}::/64`,
    remote: `2001:db8:2000:${n}::/64`,
    state: 'connecting' as const,
  }))
  const unanswered = networks.map((_, pair) => ({ ...first, pair }))
  const tunnel = { ...tokyo, networks, unanswered }
  for (const text of [
    statusTable({ ...statusSample, tunnels: [tunnel] }, plain),
    tunnelDetail(tunnel, statusSample, plain),
  ]) {
    assert.equal(text.split(/Should\s+none/).length, 2, text)
    const alike = [...text.matchAll(/CW-401 {2}the same for (\S+) ↔ \S+\n/g)]
    assert.deepEqual(
      alike.map(([, local]) => local),
      ['2001:db8:1000:1::/64', '2001:db8:1000:2::/64'],
    )
    for (const line of text.split('\n')) assert.ok(columnsOf(line) <= 80, line)
  }
})

test('calls networks idle only where the tunnel is up', () => {
  assert.ok(paris !== undefined)
  const networks = paris.networks.map((network) => ({ ...network, state: 'idle' as const }))
  const down = { ...paris, state: 'down' as const, networks, ikeSas: [], childSas: [] }
  assert.doesNotMatch(statusTable({ ...statusSample, tunnels: [down] }, plain), /idle/)
  assert.doesNotMatch(tunnelDetail(down, statusSample, plain), /idle/)
})

test('says what a tunnel has still to show, and why it could not', () => {
  assert.ok(paris !== undefined && plant !== undefined)
  const open = { ...paris, proof: { seen: ['peer-answered' as const] } }
  assert.match(
    tunnelDetail(open, statusSample, plain),
    /\n {2}proof {4}not proven yet: phase 2 not rekeyed, phase 1 not rekeyed, no packet\n {11}of full size seen both ways\n/,
  )
  assert.match(tunnelDetail(plant, statusSample, plain), /\n {2}proof {4}failed: CW-603 rekey of/)
})

test('says what the peer gives no means to show', () => {
  assert.ok(paris !== undefined)
  const seen = ['peer-answered', 'phase-2-rekeyed', 'phase-1-rekeyed'] as const
  const proofOf = (proof: TunnelStatus['proof'] & object): string => {
    const [, text = ''] = tunnelDetail({ ...paris, proof }, statusSample, plain).split(
      '  proof    ',
    )
    return text.split(/\n {2}\w/)[0]?.replaceAll(/\s+/g, ' ') ?? ''
  }
  assert.equal(
    proofOf({ seen, unshown: ['full-size-packet', 'full-size-packet-sent'] }),
    'the peer answered, both phases were rekeyed; that packets of full size pass could not be shown: neither the peer nor anything inside answers such',
  )
  assert.equal(
    proofOf({ seen: [...seen, 'full-size-packet-sent'], unshown: ['full-size-packet'] }),
    'the peer answered, both phases were rekeyed, packets of full size reach the peer; that they come back could not be shown: nothing inside answers such',
  )
})

test('a tunnel that is up tells of a rekey that fails, and of a pair that is missing, and no more', () => {
  assert.ok(paris !== undefined && tokyo?.lastFailure !== undefined)
  const whole = { ...paris, networks: paris.networks.slice(0, 1) }
  const shown = (tunnel: typeof paris) => {
    const told = statusTable({ ...statusSample, tunnels: [tunnel] }, plain)
    const detail = tunnelDetail(tunnel, statusSample, plain)
    return [/▲ up/.test(told), /^paris {3}CW/m.test(told), /^ {2}CW-/m.test(detail)]
  }
  const lastFailure = { ...tokyo.lastFailure, code: 'CW-603' } as const
  assert.deepEqual(shown({ ...whole, lastFailure }), [true, true, true])
  const [first, second] = paris.networks
  assert.ok(first !== undefined && second !== undefined)
  const failed = { ...second, state: 'failed', failure: tokyo.lastFailure } as const
  assert.deepEqual(shown({ ...paris, networks: [first, failed] }), [true, true, true])
  const ending = { ...first, failure: lastFailure } as const
  assert.deepEqual(shown({ ...paris, networks: [ending, second] }), [true, true, true])
  // What nobody wants now may have been refused when somebody did.
  const idle = { ...failed, state: 'idle' } as const
  const before = { ...paris, networks: [first, idle], lastFailure: tokyo.lastFailure }
  assert.deepEqual(shown(before), [false, false, false])
  assert.match(tunnelDetail(before, statusSample, plain), /, idle, last tried in vain:\s+CW-201/)
  // Somebody may have been refused in the name of the peer.
  assert.deepEqual(shown({ ...whole, lastFailure: tokyo.lastFailure }), [false, false, false])
})

test('shows few network pairs each, and counts the rest of many', () => {
  assert.ok(paris !== undefined)
  const networks = [2, 3, 4, 5, 6, 7].map((net) => ({
    local: '10.1.0.0/16',
    remote: `10.${net}.0.0/16`,
    state: net < 5 ? ('up' as const) : ('idle' as const),
  }))
  const lines = statusTable({ ...statusSample, tunnels: [{ ...paris, networks }] }, plain).split(
    '\n',
  )
  assert.deepEqual(lines.slice(5, 9), [
    '  └ 10.1/16 ↔ 10.3/16, up',
    '  └ 10.1/16 ↔ 10.4/16, up',
    '  └ 10.1/16 ↔ 10.5/16, idle',
    '  └ + 2 more network pairs, idle',
  ])
})

test('of many network pairs the failed ones are shown first, and told apart below the table by their reasons', () => {
  assert.ok(paris !== undefined && tokyo?.lastFailure !== undefined)
  const { lastFailure } = tokyo
  const other = { ...lastFailure, code: 'CW-404', summary: 'the algorithms differ' } as const
  const networks = [2, 3, 4, 5, 6, 7, 8].map((net) => {
    const selectors = { local: '10.1.0.0/16', remote: `10.${net}.0.0/16` }
    if (net < 5) return { ...selectors, state: 'up' } as const
    const failure = net === 5 ? other : lastFailure
    return { ...selectors, state: 'failed', retryAt: '2026-11-23T15:12:44.000Z', failure } as const
  })
  const text = statusTable({ ...statusSample, tunnels: [{ ...paris, networks }] }, plain)
  assert.deepEqual(text.split('\n').slice(3, 9), [
    'paris   ▲ up   6d02h  198.51.100.7  10.1/16 ↔ 10.2/16  214M / 98M  23m',
    '  └ aes256-sha256-group14, aes256gcm16 pfs group14, now 12M / 890k bit/s',
    '  └ 10.1/16 ↔ 10.5/16, failed CW-404, retry 41s',
    '  └ 10.1/16 ↔ 10.6/16, failed CW-201, retry 41s',
    '  └ 10.1/16 ↔ 10.7/16, failed CW-201, retry 41s',
    '  └ + 3 more network pairs, 1 failed',
  ])
  assert.equal(text.match(/^paris {3}CW-/gm)?.length, 2)
  const detail = tunnelDetail({ ...paris, networks }, statusSample, plain)
  assert.match(detail, /\n {2}networks 3 of 7 network pairs are up\n/)
})

test('a name too long for the row stands whole above it, the networks below', () => {
  assert.ok(paris !== undefined)
  const name = 'a-branch-office-of-a-very-long-name-indeed'
  const lines = statusTable(
    {
      ...statusSample,
      tunnels: [{ ...paris, name, peer: '2001:db8:ffff:eeee:dddd:cccc:bbbb:aaaa' }],
    },
    plain,
  ).split('\n')
  assert.equal(lines[3], name)
  assert.match(lines[4] ?? '', /^ +● up +6d02h +2001:db8:\S+ +214M \/ 98M +23m$/)
  assert.equal(lines[6], '  └ 10.1/16 ↔ 10.2/16, up')
  assert.deepEqual(
    lines.filter((line) => columnsOf(line) > 80),
    [],
  )
})

test('fits 80 columns, whatever the names', () => {
  const long = {
    ...statusSample,
    tunnels: statusSample.tunnels.map((tunnel) => ({
      ...tunnel,
      name: `${tunnel.name}-branch-office`,
      networks: [
        { local: '2001:db8:1::/48', remote: '2001:db8:2::/48 tcp/443', state: 'up' as const },
      ],
    })),
  }
  for (const document of [statusSample, long]) {
    const lines = statusTable(document, plain).split('\n')
    assert.deepEqual(
      lines.filter((line) => columnsOf(line) > 80),
      [],
    )
  }
})

test('tells everything of one tunnel that is up', () => {
  assert.ok(paris !== undefined)
  assert.deepEqual(tunnelDetail(paris, statusSample, plain).split('\n'), [
    'paris   ● up 6d02h  198.51.100.7  Cisco IOS (vendor ID)  you: initiator',
    '  phase 1  IKEv1 Main   aes256-sha256-group14   key 2h10m old, rekey in 5h50m',
    '  login    user branch-7, address 10.9.0.7',
    '  phase 2  10.1.0.0/16 ↔ 10.2.0.0/16       aes256gcm16, PFS group14',
    '           in  c1f0a2b3 214.3 MiB  188,204 pkt  last 0.2 s ago',
    '           out 8812ffe0  98.1 MiB  120,337 pkt  last 0.3 s ago, rekey in 23m',
    '  now      12M bit/s in, 890k bit/s out',
    '  networks 10.1.0.0/16 ↔ 10.3.7.0/24 tcp/443, idle',
    '  path     ESP (protocol 50), no NAT, MTU 1438, TCP MSS 1398, interface cw-paris',
    '  health   peer heard 4s ago; ping 10.2.0.1 11 ms, 0 of 60 lost',
    '  certs    ours until 2026-12-12 (in 19 days), theirs until 2027-05-01',
    '  proof    proven 6d02h ago: the peer answered, both phases were rekeyed,',
    '           packets of full size passed both ways',
    '  IKEv1    until 2027-06-30',
    '  IKEv2    the peer would answer it (not authenticated), asked 5h12m ago;',
    '           configure both ends for IKEv2',
    '  dropped  0 replay, 0 bad ICV, 3 outside selectors',
    '  history  21 rekeys, 0 failures',
    '           2026-11-17 03:02 UTC CW-602 paris has not been heard since 03:01:33',
    '           UTC, for 38s: the tunnel is taken down (38s)',
    '  note     Paris office, Cisco ISR 4331',
    '',
  ])
})

test('says under a network pair that only a part of it was agreed', () => {
  assert.ok(paris !== undefined)
  const [child] = paris.childSas
  assert.ok(child !== undefined)
  const narrowed = { ...paris, childSas: [{ ...child, remote: '10.2.9.0/24' }] }
  const text = tunnelDetail(narrowed, statusSample, plain)
  assert.match(text, /10\.1\.0\.0\/16 ↔ 10\.2\.9\.0\/24 /)
  assert.match(text, /only a part of 10\.1\.0\.0\/16 ↔ 10\.2\.0\.0\/16: no more was agreed/)
})

test('tells of one tunnel that is down why, from what evidence, and what to do', () => {
  assert.ok(tokyo !== undefined && plant !== undefined)
  const text = tunnelDetail(tokyo, statusSample, plain)
  assert.match(text, /^tokyo {3}○ down 14m02s {2}203\.0\.113\.200\n/)
  assert.match(text, /history {2}0 rekeys, 4 failures, next try in 41s/)
  assert.match(text, /CW-201 .* certain\n/)
  assert.match(text, /Remedy +ask tokyo for aes256-sha256-group14/)
  assert.match(
    tunnelDetail(plant, statusSample, plain),
    /12 without SA, 1 too big, 3\s+refused by this host, 58 queue full/,
  )
})

test('uses colour for the state only, and never instead of the word', () => {
  const painted = { columns: 80, style: (style: string, text: string) => `<${style}>${text}</>` }
  const text = statusTable(statusSample, painted)
  assert.match(text, /<green>● up {2,}<\/>/)
  assert.match(text, /<red>○ down<\/>/)
})

test('says who a peer is that its address does not tell, and where one from anywhere is', () => {
  assert.ok(paris !== undefined)
  const [ikeSa] = paris.ikeSas
  assert.ok(ikeSa !== undefined)
  const known = (peer: string, remoteId: string, remote: string) =>
    tunnelDetail({ ...paris, peer, ikeSas: [{ ...ikeSa, remoteId, remote }] }, statusSample, plain)
      .split('\n')
      .filter((line) => line.startsWith('  identity'))
  const van = 'van7.example.net'
  assert.deepEqual(known('198.51.100.7', van, '198.51.100.7:500'), [`  identity ${van}`])
  assert.deepEqual(known('198.51.100.7', '198.51.100.7', '198.51.100.7:500'), [])
  assert.deepEqual(known('any', van, '192.0.2.9:4500'), [`  identity ${van}, at 192.0.2.9`])
  assert.deepEqual(known('any', van, '[2001:db8::9]:500'), [`  identity ${van}, at 2001:db8::9`])
  assert.deepEqual(known('any', '192.0.2.9', '192.0.2.9:500'), ['  identity 192.0.2.9'])
})

test('says where a NAT has put a peer that is not at its address', () => {
  assert.ok(paris !== undefined)
  const [ikeSa] = paris.ikeSas
  assert.ok(ikeSa !== undefined)
  const path = (remote: string) =>
    tunnelDetail({ ...paris, ikeSas: [{ ...ikeSa, remote }] }, statusSample, plain)
  assert.match(path('192.0.2.9:40123'), /^ {2}path .*peer now at 192\.0\.2\.9, /m)
  assert.doesNotMatch(path('198.51.100.7:40123'), /peer now at/)
})
