import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ip } from '#bytes/ip'
import type { TunnelConfig } from '#config/config'
import { NotifyType } from '#iana/isakmp'
import { parseIdentity } from '#policy/identity'
import { identityToPayload } from '#wire/v1/id-payload'
import { sites } from '../../test/support/sites.ts'
import { identityRefused, otherIdentity, proofRefused } from './identity-failures.ts'

const NAME = identityToPayload({ kind: 'fqdn', name: 'gw.example' })
const ADDRESS = identityToPayload({ kind: 'address', address: ip('198.51.100.7') })

test('the line to write is one that the configuration accepts: in Main mode with a key, what a device sends elsewhere is said on purpose', () => {
  assert.match(remedyFor({}, NAME), /^set peer-id: \{sends: gw\.example\} here/)
  assert.match(remedyFor({ ike: 'v1-aggressive' }, NAME), /^set peer-id: gw\.example here/)
  const other = { remoteId: { kind: 'fqdn', name: 'branch7' } } as const
  assert.match(remedyFor(other, ADDRESS), /^set peer-id: 198\.51\.100\.7 here/)
})

test('a refused proof is laid to XAUTH on our side only where the tunnel has it', () => {
  const xauth = { role: 'client', user: 'joe', password: tunnelOf({}).authentication } as never
  assert.match(causes({}), /a user name and password besides/)
  assert.match(causes({ xauth }), /knows no user name and password .* leave xauth out here/)
})

test('behind a NAT the private address we show is what is refused, and means nothing to the peer as our address', () => {
  const address = ip('192.168.7.10')
  const inside = { local: address, localId: { kind: 'address', address } } as const
  const { summary, remedy, forPeer } = proofRefused(tunnelOf(inside), 'a notify')
  assert.match(summary, /refuses our identity 192\.168\.7\.10, a private address/)
  assert.match(remedy, /^set id here .* the address the NAT gives us/)
  assert.doesNotMatch(forPeer ?? '', /for our address/)
  const bothInside = proofRefused(tunnelOf({ ...inside, peer: ip('10.9.0.1') }), 'a notify')
  assert.doesNotMatch(bothInside.summary, /a private address/)
})

test('a distinguished name whose parts come in another order is told as that, with both orders', () => {
  const dn = (text: string) => {
    const identity = parseIdentity(text)
    assert.ok(identity.kind === 'dn')
    return identity
  }
  const remoteId = dn('CN=gw, O=Example, C=DE')
  const shown = (text: string) =>
    otherIdentity(tunnelOf({ remoteId }), identityToPayload(dn(text)), 'under the key', undefined)
  const turned = shown('C=DE, O=Example, CN=gw')
  assert.equal(turned.code, 'CW-303')
  assert.match(
    turned.summary,
    /calls itself C=DE, O=Example, CN=gw; we expect CN=gw, O=Example, C=DE: the same parts, in another order$/,
  )
  assert.match(
    turned.remedy,
    /^set peer-id: \{sends: "C=DE, O=Example, CN=gw"\}|^set peer-id: "C=DE/,
  )
  assert.doesNotMatch(shown('CN=gw, O=Other, C=DE').summary, /another order/)
})

test('a word that says no more than that a proof was refused leaves more than our identity possible', () => {
  const certainty = (name: 'AUTHENTICATION-FAILED' | 'INVALID-ID-INFORMATION') =>
    identityRefused(tunnelOf({}), NotifyType.number(name)).certainty
  assert.equal(certainty('AUTHENTICATION-FAILED'), 'possible')
  assert.equal(certainty('INVALID-ID-INFORMATION'), 'very likely')
  assert.match(causes({}), /a public key or a certificate/)
})

test('of a peer at any address it is not known whether it sees our private one', () => {
  const localId = { kind: 'address', address: ip('10.0.0.1') } as const
  const summary = (changes: Partial<TunnelConfig>) =>
    proofRefused(tunnelOf({ localId, ...changes }), 'a notify').summary
  assert.match(summary({}), /a private address that it does not see/)
  assert.doesNotMatch(summary({ peer: 'any' }), /private/)
})

function remedyFor(changes: Partial<TunnelConfig>, shown: typeof NAME): string {
  return otherIdentity(tunnelOf(changes), shown, 'under the key', undefined).remedy
}

function causes(changes: Partial<TunnelConfig>): string {
  return proofRefused(tunnelOf(changes), 'a notify').otherCauses?.join('; ') ?? ''
}

function tunnelOf(changes: Partial<TunnelConfig>): TunnelConfig {
  const [tunnel] = sites(changes).a.tunnels
  assert.ok(tunnel !== undefined)
  return tunnel
}
