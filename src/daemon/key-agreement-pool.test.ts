import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { pathToFileURL } from 'node:url'
import type { Question } from '#ike/effects'
import { KeyAgreementPool } from './key-agreement-pool.ts'

const folder = mkdtempSync(join(tmpdir(), 'causeway-pool-'))
after(() => rmSync(folder, { recursive: true, force: true }))

// Dies on a question for modp8192, never answers modp6144, answers the others.
writeFileSync(
  join(folder, 'worker.mjs'),
  `import { parentPort } from 'node:worker_threads'
   parentPort.on('message', ({ question: { group } }) => {
     if (group === 'modp8192') process.exit(3)
     if (group === 'modp6144') return
     parentPort.postMessage({ kind: 'refused', reason: 'answer for ' + group })
   })`,
)
const workerFile = pathToFileURL(join(folder, 'worker.mjs'))
const question = (group: 'modp2048' | 'modp6144' | 'modp8192'): Question => ({
  kind: 'generate-key-pair',
  group,
})

test('two pools’ real threads agree on one secret', async () => {
  const pool = new KeyAgreementPool({ threads: 1 })
  const made = await pool.ask({ kind: 'generate-key-pair', group: 'ecp256' })
  assert.equal(made.kind, 'key-pair')
  if (made.kind !== 'key-pair') return
  const { own } = made
  const responder = await pool.ask({
    kind: 'generate-and-agree',
    group: 'ecp256',
    peerPublic: own.publicValue,
  })
  assert.equal(responder.kind, 'agreed')
  if (responder.kind !== 'agreed') return
  const peerPublic = responder.own.publicValue
  const initiator = await pool.ask({ kind: 'agree', group: 'ecp256', own, peerPublic })
  assert.equal(initiator.kind, 'agreed')
  if (initiator.kind === 'agreed') assert.deepEqual(initiator.sharedSecret, responder.sharedSecret)
  await pool.close()
})

test('refuses the question a thread died of, and answers the next by a new thread', async () => {
  const pool = new KeyAgreementPool({ threads: 1, workerFile })
  const [died, next] = await Promise.all([
    pool.ask(question('modp8192')),
    pool.ask(question('modp2048')),
  ])
  assert.deepEqual(died, { kind: 'refused', reason: 'the thread doing the key agreement died' })
  assert.deepEqual(next, { kind: 'refused', reason: 'answer for modp2048' })
  await pool.close()
})

test('refuses at once what the queue has no room for', async () => {
  const pool = new KeyAgreementPool({ threads: 1, queueLimit: 1, workerFile })
  const busy = pool.ask(question('modp6144'))
  const waiting = pool.ask(question('modp2048'))
  const refused = await pool.ask(question('modp2048'))
  assert.deepEqual(refused, { kind: 'refused', reason: 'too many key agreements wait' })
  await pool.close()
  assert.equal((await busy).kind, 'refused')
  assert.equal((await waiting).kind, 'refused')
})

test('refuses everything once closed', async () => {
  const pool = new KeyAgreementPool({ threads: 1, workerFile })
  await pool.close()
  assert.deepEqual(await pool.ask(question('modp2048')), {
    kind: 'refused',
    reason: 'the gateway is stopping',
  })
})
