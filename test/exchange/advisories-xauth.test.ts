// What peers with the key of phase 1 may try before, and instead of, XAUTH: a group key is held by many.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Secret } from '#bytes/secret'
import type { Xauth } from '#config/config'
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import type { Payload, TransformAttribute } from '#wire/v1/payloads'
import { type Scene, scene } from '../support/attack.ts'
import { assertUp, events, rehearseUp, snapshot } from '../support/exchange.ts'
import { type Received, ScriptedPeer } from '../support/scripted-peer.ts'
import { sites } from '../support/sites.ts'

const password = new Secret(new TextEncoder().encode('open sesame'))
const CLIENT: Xauth = { role: 'client', user: 'branch-7', password }
const SERVER: Xauth = { role: 'server', users: [{ user: 'branch-7', password }] }

type Name = Parameters<typeof ConfigAttribute.number>[0]

/** Side b asks; the test plays the client. */
function asked(): Scene {
  return afterPhase1(sites({}, { xauth: CLIENT }, { xauth: SERVER, start: 'respond' }))
}

/** Side b is to be asked; the test plays the server. */
function asking(): Scene {
  return afterPhase1(sites({}, { xauth: SERVER }, { xauth: CLIENT, start: 'respond' }))
}

const TO_THE_SERVER: readonly (readonly [string, (scene: Scene) => void])[] = [
  ['a status of its own in place of credentials', (made) => reply(made, [['XAUTH_STATUS', 1]])],
  [
    'a status of its own beside credentials that are wrong',
    (made) =>
      reply(made, [
        ['XAUTH_USER_NAME', 'branch-7'],
        ['XAUTH_USER_PASSWORD', 'x'],
        ['XAUTH_STATUS', 1],
      ]),
  ],
  ['a status unasked', (made) => send(made, 'SET', [['XAUTH_STATUS', 1]])],
  ['an acknowledgement of nothing', (made) => send(made, 'ACK', [['XAUTH_STATUS', '']])],
  ['an acknowledgement of the question', (made) => reply(made, [['XAUTH_STATUS', '']], 'ACK')],
  ['no credentials', (made) => reply(made, [])],
  ['a user without a password', (made) => reply(made, [['XAUTH_USER_NAME', 'branch-7']])],
  [
    'two passwords, one of them right',
    (made) =>
      reply(made, [
        ['XAUTH_USER_NAME', 'branch-7'],
        ['XAUTH_USER_PASSWORD', 'x'],
        ['XAUTH_USER_PASSWORD', 'open sesame'],
      ]),
  ],
  ['a question in return', (made) => send(made, 'REQUEST', [['XAUTH_USER_PASSWORD', '']])],
  ['a question for an address', (made) => send(made, 'REQUEST', [['INTERNAL_IP4_ADDRESS', '']])],
]

for (const [what, attack] of TO_THE_SERVER) {
  test(`CVE-2015-8023, CVE-2021-45079: a client that sends ${what} is not let in`, () => {
    const made = asked()
    attack(made)
    quickModeIsRefused(made)
  })
}

test('the right answer lets in, so that the tests above refuse for the reason they name', () => {
  const made = asked()
  reply(made, [
    ['XAUTH_USER_NAME', 'branch-7'],
    ['XAUTH_USER_PASSWORD', 'open sesame'],
  ])
  const [verdict] = made.peer.receive()
  const status = verdict ?? lastOfServer
  assert.ok(status !== undefined)
  const [, payload] = made.peer.read(status)
  assert.ok(payload?.type === 'ATTR')
  const { messageId } = status.header
  made.peer.sendProtected(
    'TRANSACTION',
    [attributes('ACK', [['XAUTH_STATUS', '']])],
    'right',
    messageId,
  )
  assert.equal(snapshot(made.rehearsal, 'b').ikeSas[0]?.user, 'branch-7')
})

test('user names of odd shape and any length are refused and do no harm (CVE-2013-5018)', () => {
  const names = [
    new Uint8Array(0),
    Uint8Array.of(0x30),
    Uint8Array.of(0x30, 0x80),
    Uint8Array.of(0),
    new Uint8Array(257).fill(0x30),
    new Uint8Array(60_000).fill(0x41),
    new TextEncoder().encode('branch-7\0'),
  ]
  for (const name of names) {
    const made = asked()
    reply(made, [
      ['XAUTH_USER_NAME', name],
      ['XAUTH_USER_PASSWORD', 'open sesame'],
    ])
    quickModeIsRefused(made)
    // The client never confirms that it heard.
    made.rehearsal.runFor(40_000)
    assert.equal(events(made.rehearsal, 'b', 'negotiation-failed')[0]?.failure.code, 'CW-312')
  }
})

test('whoever has the group key and no user ends nothing that others have built', () => {
  const of = sites({}, { xauth: CLIENT }, { xauth: SERVER, start: 'respond' })
  const rehearsal = rehearseUp(of)
  const [child] = snapshot(rehearsal, 'b').childSas
  const [tunnel] = of.a.tunnels
  assert.ok(tunnel !== undefined && child !== undefined)
  const peer = new ScriptedPeer(rehearsal, tunnel)
  peer.receive()
  const contact: Payload = {
    type: 'N',
    doi: 1,
    protocolId: 1,
    spi: peer.cookies(),
    notifyType: 24578,
    data: new Uint8Array(0),
  }
  peer.mainMode({ 5: [contact] })
  const spi = new Uint8Array(4)
  new DataView(spi.buffer).setUint32(0, child.outboundSpi)
  peer.sendProtected('INFORMATIONAL', [contact])
  peer.sendProtected('INFORMATIONAL', [{ type: 'D', doi: 1, protocolId: 3, spis: [spi] }])
  assert.deepEqual(
    snapshot(rehearsal, 'b').childSas.map(({ inboundSpi }) => inboundSpi),
    [child.inboundSpi],
  )
  assertUp(rehearsal)
})

const TO_THE_CLIENT: readonly (readonly [string, (scene: Scene) => void])[] = [
  ['success before it has asked', (made) => send(made, 'SET', [['XAUTH_STATUS', 1]])],
  [
    'success before the password',
    (made) => {
      send(made, 'REQUEST', [['XAUTH_USER_NAME', '']])
      send(made, 'SET', [['XAUTH_STATUS', 1]])
    },
  ],
  ['success as a reply', (made) => send(made, 'REPLY', [['XAUTH_STATUS', 1]])],
  ['success as an acknowledgement', (made) => send(made, 'ACK', [['XAUTH_STATUS', 1]])],
  ['success as a question', (made) => send(made, 'REQUEST', [['XAUTH_STATUS', 1]])],
  [
    'no status at all',
    (made) => {
      send(made, 'REQUEST', [
        ['XAUTH_USER_NAME', ''],
        ['XAUTH_USER_PASSWORD', ''],
      ])
      send(made, 'SET', [['XAUTH_MESSAGE', 'welcome']])
    },
  ],
  [
    'a status of another number',
    (made) => {
      send(made, 'REQUEST', [
        ['XAUTH_USER_NAME', ''],
        ['XAUTH_USER_PASSWORD', ''],
      ])
      send(made, 'SET', [['XAUTH_STATUS', 2]])
    },
  ],
  ['an address before XAUTH', (made) => send(made, 'SET', [['INTERNAL_IP4_ADDRESS', 'abcd']])],
]

for (const [what, attack] of TO_THE_CLIENT) {
  test(`CVE-2015-4171, CVE-2025-62291: a server that sends ${what} is not believed`, () => {
    const made = asking()
    attack(made)
    quickModeIsRefused(made)
  })
}

for (const [what, wanted] of [
  ['a passcode', [['XAUTH_PASSCODE', '']]],
  [
    'a challenge answered',
    [
      ['XAUTH_TYPE', 1],
      ['XAUTH_CHALLENGE', 'abc'],
      ['XAUTH_USER_PASSWORD', ''],
    ],
  ],
  [
    'a one-time password',
    [
      ['XAUTH_TYPE', 2],
      ['XAUTH_USER_PASSWORD', ''],
    ],
  ],
] as const) {
  test(`a server that wants ${what} gets no password, and the operator hears what it wanted`, () => {
    const made = asking()
    const answer = send(made, 'REQUEST', wanted)
    const [, payload] = answer === undefined ? [] : made.peer.read(answer)
    assert.ok(payload?.type === 'ATTR')
    assert.deepEqual(
      payload.attributes.map(({ type, value }) => [type, value]),
      [[16527, 0]],
    )
    const [told] = events(made.rehearsal, 'b', 'negotiation-failed')
    assert.equal(told?.failure.code, 'CW-312')
    quickModeIsRefused(made)
  })
}

test('the password is given once', () => {
  const made = asking()
  const question = [
    ['XAUTH_USER_NAME', ''],
    ['XAUTH_USER_PASSWORD', ''],
  ] as const
  const first = send(made, 'REQUEST', question)
  const second = send(made, 'REQUEST', question)
  assert.ok(first !== undefined && second !== undefined)
  const [given, refused] = [first, second].map((one) => made.peer.read(one)[1])
  assert.ok(given?.type === 'ATTR' && refused?.type === 'ATTR')
  assert.deepEqual(given.attributes[1], {
    form: 'long',
    type: 16522,
    value: new TextEncoder().encode('open sesame'),
  })
  assert.deepEqual(
    refused.attributes.map(({ type }) => type),
    [16527],
  )
})

test('a question whose HASH is wrong, missing or misplaced is not answered', () => {
  for (const hash of ['wrong', 'none', 'last'] as const) {
    const made = asking()
    const question = attributes('REQUEST', [
      ['XAUTH_USER_NAME', ''],
      ['XAUTH_USER_PASSWORD', ''],
    ])
    assert.deepEqual(made.peer.sendProtected('TRANSACTION', [question], hash), [])
  }
})

test('a question in clear, and one before phase 1 is done, are not answered', () => {
  const question = attributes('REQUEST', [['XAUTH_USER_PASSWORD', '']])
  const made = asking()
  assert.deepEqual(made.peer.sendOctets(made.peer.plain('TRANSACTION', [question], 7)), [])
  const early = scene(sites({}, { xauth: SERVER }, { xauth: CLIENT, start: 'respond' }))
  const [message2] = early.peer.sendMessage1()
  assert.ok(message2 !== undefined)
  early.peer.responderSpi = message2.header.responderSpi.slice()
  assert.deepEqual(early.peer.sendOctets(early.peer.plain('TRANSACTION', [question], 7)), [])
})

test('a tunnel without XAUTH and Mode Config speaks no transactions', () => {
  const made = afterPhase1(sites({}, {}, { start: 'respond' }))
  assert.equal(send(made, 'REQUEST', [['INTERNAL_IP4_ADDRESS', '']]), undefined)
  assert.equal(send(made, 'REQUEST', [['XAUTH_USER_NAME', '']]), undefined)
  assert.equal(send(made, 'SET', [['XAUTH_STATUS', 1]]), undefined)
  const texts = events(made.rehearsal, 'b', 'warning').map(({ text }) => text)
  assert.equal(texts.length, 2)
  assert.match(texts[0] ?? '', /asks for an address \(Mode Config\)/)
  assert.match(texts[1] ?? '', /asks for a user name and password \(XAUTH\)/)
})

let lastOfServer: Received | undefined

function afterPhase1(of: ReturnType<typeof sites>): Scene {
  const made = scene(of)
  made.peer.mainMode()
  return made
}

/** Answers the server's question, which it repeats after a second. */
function reply(made: Scene, values: Values, message: 'REPLY' | 'ACK' = 'REPLY'): void {
  made.rehearsal.runFor(1_000)
  const [question] = made.peer.receive()
  assert.ok(question !== undefined)
  made.peer.read(question)
  const { messageId } = question.header
  const payloads = [attributes(message, values)]
  lastOfServer = made.peer.sendProtected('TRANSACTION', payloads, 'right', messageId)[0]
}

/** In a transaction of its own. @returns what comes back in it */
function send(made: Scene, message: Parameters<typeof AttributeMessage.number>[0], values: Values) {
  const messageId = made.peer.freshMessageId()
  const received = made.peer.sendProtected(
    'TRANSACTION',
    [attributes(message, values)],
    'right',
    messageId,
  )
  return received.find(({ header }) => header.messageId === messageId)
}

/** Nobody is let in, nothing is installed, and nothing broke. */
function quickModeIsRefused({ rehearsal, peer }: Scene): void {
  const { sa, nonce, ke, ids } = peer.quick1()
  const answers = peer.sendProtected('QUICK-MODE', [sa, nonce, ...ke, ...ids])
  assert.ok(answers.every(({ header }) => header.exchangeType !== 32))
  assert.deepEqual(events(rehearsal, 'b', 'ike-sa-established'), [])
  assert.deepEqual(events(rehearsal, 'b', 'defect'), [])
  assert.deepEqual(rehearsal.gateways.b.dataPlane.inbound, [])
}

type Values = readonly (readonly [Name, string | number | Uint8Array])[]

function attributes(
  message: Parameters<typeof AttributeMessage.number>[0],
  values: Values,
): Payload {
  const list = values.map(([name, value]): TransformAttribute => {
    const type = ConfigAttribute.number(name)
    if (typeof value === 'number') return { form: 'short', type, value }
    const octets = typeof value === 'string' ? new TextEncoder().encode(value) : value
    return { form: 'long', type, value: octets }
  })
  return {
    type: 'ATTR',
    message: AttributeMessage.number(message),
    identifier: 1,
    attributes: list,
  }
}
