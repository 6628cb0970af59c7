import assert from 'node:assert/strict'
import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, test } from 'node:test'
import { issueCrl } from '#pki/issue'
import { sampleAuthority, TODAY } from '../../test/support/sample-pki.ts'
import { RevocationFetcher } from './revocation-fetcher.ts'

const servers: Server[] = []
after(() => {
  for (const server of servers) {
    server.closeAllConnections()
    server.close()
  }
})

/** A server on loopback and how often it was asked. */
async function serve(listener: RequestListener) {
  const asked = { times: 0 }
  const server = createServer((request, response) => {
    asked.times++
    listener(request, response)
  })
  servers.push(server)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/ca.crl`, asked }
}

const crlOf = (url: string) => ({ kind: 'crl', key: url, url }) as const
const root = sampleAuthority('Root')
const HOUR = 3_600_000
const crl = issueCrl(
  { number: Uint8Array.of(1), thisUpdate: TODAY, nextUpdate: TODAY + HOUR, revoked: [] },
  { name: root.certificate.subject.der, key: root.key },
)

test('fetches a list once, and again when it is out of date', async () => {
  let now = TODAY
  const { url, asked } = await serve((_, response) => response.end(crl))
  const fetcher = new RevocationFetcher({ now: () => now })
  const [first, second] = await Promise.all([fetcher.fetch(crlOf(url)), fetcher.fetch(crlOf(url))])
  assert.deepEqual(first, { content: new Uint8Array(crl) })
  assert.deepEqual(second, first)
  now += HOUR - 1
  await fetcher.fetch(crlOf(url))
  assert.equal(asked.times, 1)
  now += 2
  await fetcher.fetch(crlOf(url))
  assert.equal(asked.times, 2)
})

test('posts an OCSP request', async () => {
  const { url } = await serve((request, response) => {
    assert.equal(request.method, 'POST')
    assert.equal(request.headers['content-type'], 'application/ocsp-request')
    request.pipe(response)
  })
  const fetcher = new RevocationFetcher({ now: () => TODAY })
  const wanted = { kind: 'ocsp', key: 'k', url, request: Uint8Array.of(1, 2, 3) } as const
  assert.deepEqual(await fetcher.fetch(wanted), { content: Uint8Array.of(1, 2, 3) })
})

for (const [what, listener, problem] of [
  ['an error', (_, response) => response.writeHead(404).end(), 'the server answered 404'],
  [
    'a redirect, which is not followed',
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    'the server answered 302',
  ],
  ['silence', () => {}, 'no answer in time'],
  [
    'an answer that trickles for ever',
    (_, response) => {
      response.writeHead(200)
      response.write('x')
    },
    'no answer in time',
  ],
  [
    'an answer that breaks off',
    (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('x', () => response.destroy())
    },
    'the answer broke off',
  ],
] as const satisfies readonly (readonly [string, RequestListener, string])[]) {
  test(`says why there is nothing: ${what}`, async () => {
    const { url, asked } = await serve(listener)
    const fetcher = new RevocationFetcher({ now: () => TODAY, patience: 300 })
    assert.deepEqual(await fetcher.fetch(crlOf(url)), { problem })
    await fetcher.fetch(crlOf(url))
    assert.equal(asked.times, 1, 'a failure is remembered for a while')
  })
}

test('an answer too large is cut off', async () => {
  const { url } = await serve((_, response) => response.end(new Uint8Array(300 * 1024)))
  const fetcher = new RevocationFetcher({ now: () => TODAY })
  const wanted = { kind: 'ocsp', key: 'k', url, request: Uint8Array.of(1) } as const
  assert.deepEqual(await fetcher.fetch(wanted), { problem: 'more than 262144 octets' })
})

test('nothing but plain HTTP is asked', async () => {
  const fetcher = new RevocationFetcher({ now: () => TODAY })
  for (const url of ['https://127.0.0.1/', 'file:///etc/passwd', 'ftp://127.0.0.1/', 'nonsense'])
    assert.deepEqual(await fetcher.fetch(crlOf(url)), { problem: 'not a URL of HTTP' })
  const refused = await fetcher.fetch(crlOf('http://127.0.0.1:1/'))
  assert.match('problem' in refused ? refused.problem : '', /not reachable/)
})
