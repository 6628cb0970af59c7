import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { concat } from '#bytes/concat'
import { ip } from '#bytes/ip'
import { Secret } from '#bytes/secret'
import type { TunnelConfig } from '#config/config'
import { readCaptureFile } from '#wire/capture-file'
import { pcapngHeader, pcapngPacket } from '#wire/pcapng'
import {
  captureOf,
  pcapngOf,
  RECORDED_AT,
  type RecordedNegotiation,
  recordNegotiation,
} from '../../test/support/capture-sample.ts'
import { recordingTerminal } from '../../test/support/recording-terminal.ts'
import { A_BEGINS, ADDRESS_A, ADDRESS_B, pair, sites } from '../../test/support/sites.ts'
import { EXIT } from './exit-codes.ts'
import { type ExplainCaptureOptions, explainCapture } from './explain-capture.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-explain-'))
after(() => rmSync(folder, { recursive: true, force: true }))

const good = recordNegotiation()

test('tells a negotiation as a ladder in words, as far as it stands in clear', () => {
  const { code, out } = explained(captureOf(good))
  assert.equal(code, EXIT.ok)
  assert.match(
    out,
    /9 of 9 frames\s+are\s+IKE\s+or\s+ESP;\s+0\.1\s+s,\s+from 2026-11-23\s+12:00:00 UTC/,
  )
  assert.match(
    out,
    /^IKE SA 1 {2}203\.0\.113\.10 → 198\.51\.100\.7 {2}IKEv1 Main mode, pre-shared key$/m,
  )
  assert.match(out, /1 → {2}aes256-sha256-group14, 8h/)
  assert.match(out, /4 ← {2}public value, nonce .* no NAT/)
  assert.match(out, /5 → {2}encrypted/)
  assert.match(out, /^✓ phase 1 and one Quick mode came to their end$/m)
  assert.match(out, /5 messages are encrypted\.[\s\S]*A\s+pre-shared key opens none of them/)
  assert.equal(widest(out) <= 80, true)
})

test('opens what the keys open: identities, networks, algorithms', () => {
  const { out } = explained(captureOf(good), { keys: tableOf(good) })
  assert.match(out, /5 → {2}I am 203\.0\.113\.10/)
  assert.match(out, /1 → {2}10\.1\.0\.0\/16 ↔ 10\.2\.0\.0\/16, aes256gcm16, group14/)
  assert.equal(out.includes('are encrypted'), false)
})

test('shows every payload with its fields, and the octets', () => {
  const { out } = explained(captureOf(good), { keys: tableOf(good), payloads: true, hex: true })
  assert.match(out, /transform 1 KEY_IKE: Encryption Algorithm AES-CBC, Key Length\s+256/)
  assert.match(out, /Authentication Method pre-shared key/)
  assert.match(out, /VID NAT traversal \(RFC 3947\) \(feature\), 16 octets\s+4a131c81/)
  assert.match(out, /ID ID_IPV4_ADDR 203\.0\.113\.10/)
  assert.match(out, /ID ID_IPV4_ADDR_SUBNET 10\.2\.0\.0\/16/)
  assert.match(out, /proposal 1 ESP, SPI [0-9a-f]{8}\n\s+transform 1 ESP_AES-GCM_16/)
  assert.match(out, /^ {4}0000 {2}[0-9a-f]{2} /m)
  assert.equal(widest(out) <= 80, true)
})

test('says where a key does not fit, and opens nothing with it', () => {
  const [spi = ''] = [...good.keys.keys()]
  const wrong = join(folder, 'wrong-keys')
  writeFileSync(wrong, `${spi},${'0'.repeat(64)}\n`)
  const { code, out } = explained(captureOf(good), { keys: wrong, payloads: true })
  assert.equal(code, EXIT.ok)
  assert.match(out, /encrypted; it does not decrypt with the key given/)
  assert.equal(out.includes('I am'), false)
})

test('tells who sits behind a NAT from the hashes both sides sent', () => {
  const natted = recordNegotiation(sites({ encapsulation: 'force' }, {}, A_BEGINS))
  assert.match(explained(captureOf(natted)).out, /4 ← {2}public value, nonce .* NAT at both/)
})

for (const { what, b, code, says, keys = false } of [
  {
    what: 'phase 1 proposals refused in clear',
    b: {
      phase1: {
        suites: [{ encryption: 'aes128-cbc', hash: 'sha1', keyExchange: 'modp1024' }],
        lifetime: { seconds: 3_600 },
      },
    },
    code: 'CW-201',
    says: /198\.51\.100\.7 accepts none of the proposals for phase 1[\s\S]*offers aes256-sha256-group14/,
  },
  {
    what: 'message 5 not understood',
    b: {
      authentication: {
        kind: 'psk',
        psk: new Secret(new TextEncoder().encode('quite another pre-shared key')),
      },
    },
    code: 'CW-301',
    says: /cannot make sense of message 5/,
  },
  {
    what: 'a refusal of phase 2 that stays encrypted',
    b: { networks: [pair('10.9.0.0', '10.9.255.255', '10.1.0.0', '10.1.255.255')] },
    code: 'CW-401',
    says: /with an encrypted notify/,
  },
  {
    what: 'networks refused, with the keys',
    b: { networks: [pair('10.9.0.0', '10.9.255.255', '10.1.0.0', '10.1.255.255')] },
    keys: true,
    code: 'CW-401',
    says: /has no networks such as 203\.0\.113\.10 asks for/,
  },
  {
    what: 'a proposal of phase 2 refused, with the keys',
    b: {
      phase2: {
        suites: [{ encryption: 'aes128-cbc', integrity: 'hmac-sha1-96', esn: false }],
        pfs: 'modp2048',
        lifetime: { seconds: 3_600 },
      },
    },
    keys: true,
    code: 'CW-404',
    says: /proposals for phase 2[\s\S]*offers aes256gcm16/,
  },
] satisfies readonly {
  what: string
  b: Partial<TunnelConfig>
  code: string
  says: RegExp
  keys?: boolean
}[]) {
  test(`diagnoses ${what}`, () => {
    const recorded = recordNegotiation(sites({}, {}, { ...A_BEGINS, ...b }), 60_000)
    const result = explained(captureOf(recorded), keys ? { keys: tableOf(recorded) } : {})
    assert.equal(result.code, EXIT.down)
    assert.match(result.out, new RegExp(code))
    assert.match(
      result.out.replace(/ {2,}(?:certain|very likely|possible)\n +/g, ' '),
      loosened(says),
    )
    assert.equal(widest(result.out) <= 80, true)
  })
}

test('diagnoses silence by the message that was never answered, and waits where the capture ends too early', () => {
  const { rehearsal } = good
  const [first] = rehearsal.sent
  assert.ok(first !== undefined)
  const { local: from, remote: to, octets } = first
  const sends = [0, 1_000, 3_000, 7_000].map((at) => ({ at, from, to, octets }))
  const silent = explained(pcapngOf(sends))
  assert.equal(silent.code, EXIT.down)
  assert.match(
    silent.out,
    /sent again \(3 times\)[\s\S]*CW-101[\s\S]*message 1 of Main mode, sent 4/,
  )
  const early = explained(pcapngOf(sends.slice(0, 1)))
  assert.equal(early.code, EXIT.ok)
  assert.match(early.out, /too early to tell/)
})

test('reads ICMP errors as the word of whoever sent them', () => {
  const { rehearsal } = good
  const [first] = rehearsal.sent
  assert.ok(first !== undefined)
  const whole = pcapngOf([{ at: 0, from: first.local, to: first.remote, octets: first.octets }])
  const quoted = readCaptureFile(whole)?.frames[0]?.octets.subarray(0, 48) ?? new Uint8Array(0)
  const icmp = concat(Uint8Array.of(3, 3, 0, 0, 0, 0, 0, 0), quoted)
  const header = Uint8Array.of(
    0x45,
    0,
    0,
    20 + icmp.length,
    0,
    0,
    0,
    0,
    64,
    1,
    0,
    0,
    198,
    51,
    100,
    7,
    203,
    0,
    113,
    10,
  )
  const frames = [0, 5_000].map((at) =>
    pcapngPacket({ interface: 0, at: RECORDED_AT + 6_000 + at, octets: concat(header, icmp) }),
  )
  const { out } = explained(concat(whole, ...frames))
  assert.match(out, /CW-101[\s\S]*ICMP from 198\.51\.100\.7, type 3 code 3/)
})

test('counts ESP for each SPI, and says when it goes one way only', () => {
  const esp = (at: number, sequence: number) => {
    const header = Uint8Array.of(
      0x45,
      0,
      0,
      60,
      0,
      0,
      0,
      0,
      64,
      50,
      0,
      0,
      203,
      0,
      113,
      10,
      198,
      51,
      100,
      7,
    )
    const packet = concat(
      header,
      Uint8Array.of(0xc1, 0xf0, 0xa2, 0xb3, 0, 0, 0, sequence),
      new Uint8Array(32),
    )
    return pcapngPacket({ interface: 0, at: RECORDED_AT + 1_000 + at, octets: packet })
  }
  const packets = [1, 2, 3, 5, 8].map((sequence) => esp(sequence * 100, sequence))
  const { out } = explained(concat(captureOf(good), ...packets, esp(900, 8)))
  assert.match(
    out,
    /c1f0a2b3 {2}203\.0\.113\.10 → 198\.51\.100\.7\n +6 packets, 240 B, 0\.8 s, sequence 1–8, 3 missing, 1 repeated/,
  )
  assert.match(out, /CW-501 {2}6 ESP packets from 203\.0\.113\.10 to 198\.51\.100\.7, and none/)
})

test('takes a datagram that was captured on several interfaces as one', () => {
  const { rehearsal } = good
  const twice = rehearsal.sent.flatMap((one) => [one, { ...one, at: one.at + 1 }])
  const { out } = explained(captureOf({ rehearsal: { sent: twice } }))
  assert.equal(out.includes('sent again'), false)
  assert.match(out, /✓ phase 1 and one Quick mode came to their end/)
})

test('puts IKE fragments together, also where each was captured twice', () => {
  const large = recordNegotiation(
    sites(
      { phase2: { suites: manySuites(), pfs: 'modp8192', lifetime: { seconds: 3_600 } } },
      {},
      A_BEGINS,
    ),
  )
  const { sent } = large.rehearsal
  assert.equal(
    sent.some(({ octets }) => octets[16] === 132),
    true,
    'some are fragments',
  )
  const twice = sent.flatMap((one) => [one, { ...one, at: one.at + 1 }])
  for (const datagrams of [sent, twice]) {
    const { out } = explained(captureOf({ rehearsal: { sent: datagrams } }), {
      keys: tableOf(large),
    })
    assert.match(
      out,
      /1 → {2}10\.1\.0\.0\/16 ↔ 10\.2\.0\.0\/16, aes256gcm16[\s\S]*3 → {2}confirmed/,
    )
    assert.equal(out.includes('sent again'), false)
  }
})

test('says when messages were not captured whole', () => {
  const frames = readCaptureFile(captureOf(good))?.frames ?? []
  const cut = frames.map(({ at, octets }) =>
    pcapngPacket({
      interface: 0,
      at,
      octets: octets.subarray(0, 96),
      originalOctets: octets.length,
    }),
  )
  const { out } = explained(concat(pcapngHeader('test', [{ name: 'any', linkType: 101 }]), ...cut))
  assert.match(out, /! 9 IKE messages are cut: capture whole packets/)
})

test('names exchange and payloads of IKEv2 as far as they stand in clear', () => {
  const header = (exchange: number, flags: number, id: number, length: number, next: number) =>
    concat(
      new Uint8Array(8).fill(7),
      new Uint8Array(8),
      Uint8Array.of(next, 0x20, exchange, flags, 0, 0, 0, id, 0, 0, 0, length),
    )
  const init = concat(
    header(34, 8, 0, 48, 34),
    Uint8Array.of(41, 0, 0, 8, 0, 14, 0, 0),
    Uint8Array.of(0, 0, 0, 12, 0, 0, 64, 4, 1, 2, 3, 4),
  )
  const auth = concat(header(35, 8, 1, 36, 46), Uint8Array.of(35, 0, 0, 8, 1, 2, 3, 4))
  const from = { address: ADDRESS_A, port: 500 }
  const to = { address: ADDRESS_B, port: 500 }
  const { code, out } = explained(
    pcapngOf([init, auth].map((octets, at) => ({ at, from, to, octets }))),
  )
  assert.equal(code, EXIT.ok)
  assert.match(out, /IKE_SA_INIT request: KE, N\(NAT_DETECTION_SOURCE_IP\), 48 B/)
  assert.match(out, /IKE_AUTH request: encrypted, 36 B/)
})

test('prints one document with --json', () => {
  const { out } = explained(captureOf(good), { keys: tableOf(good), json: true, payloads: true })
  const document = JSON.parse(out)
  assert.equal(document.schema, 1)
  const [{ verdict, messages, initiator, nat }] = document.conversations
  assert.equal(verdict.kind, 'up')
  assert.equal(initiator, '203.0.113.10:500')
  assert.deepEqual(nat, { initiator: false, responder: false })
  assert.deepEqual(
    messages
      .map(({ exchange, number }: { exchange: string; number: number }) => `${exchange} ${number}`)
      .join(', '),
    'main 1, main 2, main 3, main 4, main 5, main 6, quick 1, quick 2, quick 3',
  )
  assert.match(messages[4].fields[0][0], /^ID /)
})

test('refuses what is no capture and a key table without keys', () => {
  const text = explained(new TextEncoder().encode('this is not a capture at all'))
  assert.equal(text.code, EXIT.usage)
  assert.match(text.err, /neither pcap nor pcapng/)
  const empty = join(folder, 'empty-table')
  writeFileSync(empty, '')
  const keys = explained(captureOf(good), { keys: empty })
  assert.equal(keys.code, EXIT.usage)
  assert.match(keys.err, /holds no key/)
  assert.equal(ip('203.0.113.10'), ADDRESS_A)
})

function explained(capture: Uint8Array, options: ExplainCaptureOptions = {}) {
  const file = join(folder, 'sample.pcapng')
  writeFileSync(file, capture)
  const { terminal, said } = recordingTerminal()
  const code = explainCapture(terminal, file, options)
  return { code, out: said.out.replaceAll(file, 'sample.pcapng'), err: said.err }
}

function tableOf({ table }: RecordedNegotiation): string {
  const profile = mkdtempSync(join(folder, 'profile-'))
  writeFileSync(join(profile, 'ikev1_decryption_table'), table, { mode: 0o600 })
  return profile
}

function manySuites(): TunnelConfig['phase2']['suites'] {
  const integrities = ['hmac-sha1-96', 'hmac-sha256-128', 'hmac-sha512-256'] as const
  return [
    { encryption: 'aes256-gcm16', integrity: 'none', esn: false },
    ...(['aes192-cbc', 'aes256-cbc'] as const).flatMap((encryption) =>
      integrities.map((integrity) => ({ encryption, integrity, esn: false })),
    ),
  ]
}

/** Blanks stand for any white space, since texts are wrapped. */
function loosened(pattern: RegExp): RegExp {
  return new RegExp(pattern.source.replaceAll(' ', '\\s+'))
}

function widest(text: string): number {
  return Math.max(...text.split('\n').map((line) => [...line].length))
}
