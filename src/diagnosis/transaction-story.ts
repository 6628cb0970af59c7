import { ipFromOctets } from '#bytes/ip'
import { AttributeMessage, ConfigAttribute } from '#iana/mode-config'
import type { AttributePayload, TransformAttribute } from '#wire/v1/payloads'

/** What stands above the first message of a Transaction exchange. */
export function transactionHeading({ message, attributes }: AttributePayload): string | undefined {
  if (has(attributes, 'XAUTH_STATUS')) return undefined
  if (isLogin(attributes)) return 'Login, asked for behind phase 1 (XAUTH)'
  const asks = message === AttributeMessage.number('REQUEST')
  return asks || message === AttributeMessage.number('SET')
    ? 'Address and networks from the server (Mode Config)'
    : undefined
}

/** The content of a Transaction exchange in words; nothing secret of it. */
export function transactionText({ message, attributes }: AttributePayload): string {
  const kind = AttributeMessage.nameOf(message)
  const status = attributes.find(({ type }) => type === ConfigAttribute.number('XAUTH_STATUS'))
  if (status !== undefined) {
    if (kind === 'ACK') return 'acknowledged'
    return status.form === 'short' && status.value === 1 ? 'logged in' : 'login refused'
  }
  if (isLogin(attributes))
    return kind === 'REQUEST' ? 'user name and password?' : loginText(attributes)
  if (kind === 'REQUEST') return 'which address may I use?'
  if (kind === 'ACK') return 'acknowledged'
  const addresses = attributes.flatMap((attribute) => addressOf(attribute) ?? [])
  return addresses.length === 0 ? 'nothing is given' : `your address is ${addresses.join(', ')}`
}

type Attributes = AttributePayload['attributes']

function has(attributes: Attributes, name: Parameters<typeof ConfigAttribute.number>[0]): boolean {
  return attributes.some(({ type }) => type === ConfigAttribute.number(name))
}

function isLogin(attributes: Attributes): boolean {
  return attributes.some(({ type }) => ConfigAttribute.nameOf(type).startsWith('XAUTH_'))
}

function loginText(attributes: Attributes): string {
  const name = attributes.find(({ type }) => type === ConfigAttribute.number('XAUTH_USER_NAME'))
  const shown = name?.form === 'long' ? visible(name.value) : ''
  return shown === '' ? 'a login' : `I am user ${shown}, and a password`
}

/** A peer's control characters never reach a terminal. */
function visible(octets: Uint8Array): string {
  const readable = octets.every((octet) => octet > 0x20 && octet < 0x7f)
  return readable ? new TextDecoder().decode(octets.subarray(0, 64)) : ''
}

function addressOf(attribute: TransformAttribute): string | undefined {
  const name = ConfigAttribute.nameOf(attribute.type)
  if (attribute.form !== 'long' || !/^INTERNAL_IP[46]_ADDRESS$/.test(name)) return undefined
  return ipFromOctets(attribute.value.subarray(0, name.includes('IP4') ? 4 : 16))
}
