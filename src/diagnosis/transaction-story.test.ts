import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import type { AttributePayload, TransformAttribute } from '#wire/v1/payloads'
import { transactionHeading, transactionText } from './transaction-story.ts'

type Name = Parameters<typeof ConfigAttribute.number>[0]

const long = (name: Name, value = new Uint8Array(0)): TransformAttribute => ({
  form: 'long',
  type: ConfigAttribute.number(name),
  value,
})
const status = (value: number): TransformAttribute => ({
  form: 'short',
  type: ConfigAttribute.number('XAUTH_STATUS'),
  value,
})
const text = (value: string) => new TextEncoder().encode(value)

function payload(
  message: 'REQUEST' | 'REPLY' | 'SET' | 'ACK',
  ...attributes: readonly TransformAttribute[]
): AttributePayload {
  return { type: 'ATTR', message: AttributeMessage.number(message), identifier: 1, attributes }
}

test('tells a login in words, without what it is done with', () => {
  const login = [
    long('XAUTH_USER_NAME', text('branch')),
    long('XAUTH_USER_PASSWORD', text('sesame')),
  ]
  const words = [
    payload('REQUEST', long('XAUTH_USER_NAME'), long('XAUTH_USER_PASSWORD')),
    payload('REPLY', ...login),
    payload('SET', status(1)),
    payload('SET', status(0)),
    payload('ACK', status(1)),
  ].map(transactionText)
  assert.deepEqual(words, [
    'user name and password?',
    'I am user branch, and a password',
    'logged in',
    'login refused',
    'acknowledged',
  ])
})

test('tells which address is given', () => {
  assert.equal(
    transactionText(payload('REQUEST', long('INTERNAL_IP4_ADDRESS'))),
    'which address may I use?',
  )
  const given = long('INTERNAL_IP4_ADDRESS', Uint8Array.of(10, 9, 8, 7))
  assert.equal(transactionText(payload('REPLY', given)), 'your address is 10.9.8.7')
  assert.equal(transactionText(payload('REPLY')), 'nothing is given')
  assert.match(transactionHeading(payload('SET', given)) ?? '', /Mode Config/)
})

test('lets no control character of a user name through', () => {
  const hostile = payload('REPLY', long('XAUTH_USER_NAME', text('\u001b[31m')))
  assert.equal(transactionText(hostile), 'a login')
})
