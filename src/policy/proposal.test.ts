import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import fc from 'fast-check'
import { ENCRYPTIONS, encryption, HASHES, hash, KEY_EXCHANGES, keyExchange } from '#crypto/registry'
import {
  DEFAULT_ESP_SUITES,
  DEFAULT_IKE_SUITES,
  formatEspSuite,
  formatIkeSuite,
  formatPfs,
  type IkeSuite,
  parseIkeSuite,
  parsePfs,
  parsePhase2,
  weaknesses,
} from './proposal.ts'
import { isTextProblem, type TextProblem } from './text-problem.ts'

for (const [canonical, dialects] of [
  [
    'aes256-sha256-group14',
    [
      'aes256-sha256-modp2048',
      'AES-256-CBC / SHA2-256 / MODP2048',
      'aes-cbc-256 hmac-sha256 dh14',
      'aes256-sha2_256-14',
      'aes256-cbc-sha2-dh14!',
      'aes_cbc256;sha256;group14',
    ],
  ],
  ['aes128-sha1-group2', ['aes-sha-modp1024', 'aes128 sha-1 group 2', 'aes-128-sha1-dh2']],
  ['3des-md5-group5', ['3des-cbc-md5-modp1536', 'triple-des/md5/dhgroup5', 'des3 hmac-md5 5']],
  [
    'aes192-sha384-group20',
    ['aes192-sha2-384-ecp384', 'aes-192 sha384 p384', 'aes192-sha384-nistp384'],
  ],
  ['aes256-sha512-group31', ['aes256-sha512-curve25519', 'aes256-sha2-512-x25519']],
  ['aes256-sha1-group24', ['esp-aes 256 esp-sha-hmac modp2048s256']],
] as const) {
  for (const text of [canonical, ...dialects]) {
    test(`phase 1 "${text}" is ${canonical}`, () => {
      assert.equal(formatIkeSuite(ike(text)), canonical)
    })
  }
}

for (const [text, suite, pfs] of [
  ['aes256gcm16, pfs group14', 'aes256gcm16', 'group14'],
  ['aes256gcm16, pfs: modp2048', 'aes256gcm16', 'group14'],
  ['aes256-sha256', 'aes256-sha256', undefined],
  ['aes128-sha1-group2', 'aes128-sha1', 'group2'],
  ['aes128-sha1-group2 pfs group2', 'aes128-sha1', 'group2'],
  ['aes-256-gcm', 'aes256gcm16', undefined],
  ['aes256gcm128', 'aes256gcm16', undefined],
  ['aes256gcm96 no pfs', 'aes256gcm12', 'none'],
  ['aes128gcm8, pfs none', 'aes128gcm8', 'none'],
  ['aes_gcm_c-256', 'aes256gcm16', undefined],
  ['esp-gcm 256', 'aes256gcm16', undefined],
  ['aes256ctr-sha512', 'aes256ctr-sha512', undefined],
  ['3des-sha1-96', '3des-sha1', undefined],
  ['aes256-sha256-esn, pfs ecp256', 'aes256-sha256-esn', 'group19'],
] as const) {
  test(`phase 2 "${text}" is ${suite}${pfs === undefined ? '' : ` with pfs ${pfs}`}`, () => {
    const found = parsePhase2(text)
    if (isTextProblem(found)) throw new Error(found.message)
    assert.equal(formatEspSuite(found.suite), suite)
    assert.equal(found.pfs && formatPfs(found.pfs), pfs)
  })
}

for (const [text, word, nearest] of [
  ['aes256-sha265-group14', 'sha265', 'sha256'],
  ['aes257-sha256-group14', 'aes257', 'aes256'],
  ['aes-257-sha256-group14', 'aes-257', 'aes256'],
  ['aes256-sha256-gruop14', 'gruop14', 'group14'],
  ['3dse-sha1-group2', '3dse', '3des'],
  ['chacha20poly1306-sha256-group14', 'chacha20poly1306', 'chacha20poly1305'],
  ['aes256-sha256-zebra', 'zebra', undefined],
] as const) {
  test(`phase 1 "${text}": "${word}" is wrong${nearest ? `, ${nearest} is near` : ''}`, () => {
    const found = problem(parseIkeSuite(text))
    assert.equal(found.word, word)
    assert.equal(found.nearest, nearest)
  })
}

for (const [text, message] of [
  ['', /names no encryption/],
  ['sha256-group14', /names no encryption/],
  ['aes256-group14', /names no hash/],
  ['aes256-sha256', /names no Diffie-Hellman group/],
  ['aes256-sha256-sha1-group14', /sha256 and sha1 cannot both stand in one suite/],
  ['aes256gcm16-sha256-group14', /IKEv1 cannot protect its own messages with aes256gcm16/],
  ['chacha20poly1305-sha256-group14', /IKEv1 cannot protect/],
] as const) {
  test(`refuses phase 1 "${text}" in words`, () => {
    assert.match(problem(parseIkeSuite(text)).message, message)
  })
}

for (const [text, message] of [
  ['aes256', /names no hash/],
  ['sha256', /names no encryption/],
  ['aes256gcm16-sha256', /authenticates by itself: leave out sha256/],
  ['chacha20poly1305', /IKEv1 has no number for chacha20poly1305/],
  ['aes256-sha256-group14, pfs none', /two answers/],
  ['aes256-sha256, pfs', /no group is named/],
  ['aes256-sha256, pfs sha1', /"sha1" is not a Diffie-Hellman group/],
] as const) {
  test(`refuses phase 2 "${text}" in words`, () => {
    assert.match(problem(parsePhase2(text)).message, message)
  })
}

test('takes "sha-2" for SHA-1 with group 2, as "3des-sha-2" has always meant', () => {
  assert.equal(formatIkeSuite(ike('3des-sha-2')), '3des-sha1-group2')
})

test('reads pfs by name and number, and its refusals', () => {
  assert.equal(parsePfs('ecp384'), 'ecp384')
  assert.equal(parsePfs('14'), 'modp2048')
  assert.equal(parsePfs('off'), 'none')
  assert.equal(problem(parsePfs('group41')).nearest, 'group14')
})

test('reads back every suite of the registry that it prints', () => {
  for (const { name: cipher } of ENCRYPTIONS.filter(({ ikev1 }) => ikev1 !== undefined)) {
    for (const { name: digest } of HASHES) {
      for (const { name: group } of KEY_EXCHANGES) {
        const suite: IkeSuite = { encryption: cipher, hash: digest, keyExchange: group }
        assert.deepEqual(ike(formatIkeSuite(suite)), suite)
      }
    }
  }
})

test('no text makes the parsers throw, not even the names of object members', () => {
  for (const text of [
    '__proto__',
    'constructor-toString-valueOf',
    'pfs',
    'pfs pfs pfs',
    '-'.repeat(999),
  ])
    for (const parse of [parseIkeSuite, parsePhase2, parsePfs]) problem(parse(text))
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 80 }), (text) => {
      for (const parse of [parseIkeSuite, parsePhase2, parsePfs]) parse(text)
    }),
  )
})

test('the defaults are strong: MUST or SHOULD, without a weakness, all different', () => {
  for (const suite of DEFAULT_IKE_SUITES) {
    assert.match(encryption(suite.encryption).ikeRequirement, /^(MUST|SHOULD\+?)$/)
    assert.match(hash(suite.hash).requirement, /^(MUST|SHOULD\+?)$/)
    assert.match(keyExchange(suite.keyExchange).requirement, /^(MUST|SHOULD\+?)$/)
    assert.deepEqual(weaknesses(suite), [])
    assert.equal(DEFAULT_IKE_SUITES.filter((one) => isDeepStrictEqual(one, suite)).length, 1)
  }
  for (const suite of DEFAULT_ESP_SUITES) {
    assert.match(encryption(suite.encryption).espRequirement, /^(MUST|SHOULD\+?)$/)
    assert.deepEqual(weaknesses(suite), [])
    assert.equal(DEFAULT_ESP_SUITES.filter((one) => isDeepStrictEqual(one, suite)).length, 1)
  }
})

test('names each weak algorithm with its RFC', () => {
  assert.deepEqual(weaknesses(ike('3des-md5-group2')), [
    { algorithm: 'md5', requirement: 'MUST NOT', rfc: 'RFC 8247' },
    { algorithm: 'group2', requirement: 'SHOULD NOT', rfc: 'RFC 8247' },
  ])
  const esp = { encryption: '3des-cbc', integrity: 'hmac-md5-96', esn: false } as const
  assert.deepEqual(weaknesses(esp, 'modp1024s160'), [
    { algorithm: '3des', requirement: 'SHOULD NOT', rfc: 'RFC 8221' },
    { algorithm: 'md5', requirement: 'MUST NOT', rfc: 'RFC 8221' },
    { algorithm: 'group22', requirement: 'MUST NOT', rfc: 'RFC 8247' },
  ])
})

function ike(text: string): IkeSuite {
  const found = parseIkeSuite(text)
  if (isTextProblem(found)) throw new Error(found.message)
  return found
}

function problem(found: unknown): TextProblem {
  assert.ok(isTextProblem(found), `expected a problem, not ${JSON.stringify(found)}`)
  return found
}
