/**
 * XAUTH (draft-beaulieu-ike-xauth-02): a user name and a password asked for under the ISAKMP SA, behind phase 1 and before Quick mode:
 *
 *   server                                       client
 *   REQUEST(user name, password)      -->
 *                                     <--        REPLY(user name, password)
 *   SET(status)                       -->
 *                                     <--        ACK(status)
 *
 * The client is asked only after phase 1 has proven the server (CVE-2015-4171), and believes a status only after it has given its
 * credentials. A status from the client means nothing (CVE-2021-45079 has the like in EAP).
 */
import { equalSecret } from '#bytes/equal'
import { Secret } from '#bytes/secret'
import type { Xauth, XauthUser } from '#config/config'
import { AttributeMessage, ConfigAttribute, XauthStatus, XauthType } from '#iana/mode-config'
import { PeerViolation } from '#ike/errors'
import type { AttributePayload, TransformAttribute } from '#wire/v1/payloads'
import { attribute, findNumber } from './attributes.ts'

/** Whether a message is of XAUTH, and not of Mode Config. */
export function isXauth({ attributes }: AttributePayload): boolean {
  return attributes.some(({ type }) => type >= TYPE && type <= ANSWER)
}

/** The server's question. Generic XAUTH is what no XAUTH_TYPE means. */
export function askForUser(identifier: number): AttributePayload {
  const attributes = [text(USER_NAME, NOTHING), text(USER_PASSWORD, NOTHING)]
  return { type: 'ATTR', message: AttributeMessage.number('REQUEST'), identifier, attributes }
}

/** The server's verdict. */
export function tellStatus(status: 'OK' | 'FAIL', identifier: number): AttributePayload {
  const attributes = [attribute(STATUS, XauthStatus.number(status))]
  return { type: 'ATTR', message: AttributeMessage.number('SET'), identifier, attributes }
}

export type Credentials =
  | { readonly kind: 'right'; readonly user: string }
  /** `user` as far as it can be shown; absent when none was given. */
  | { readonly kind: 'wrong'; readonly user?: string }
  /** The client says itself that it cannot answer. */
  | { readonly kind: 'none' }

/** The server's reading of what the client answered. */
export function checkCredentials(
  { attributes }: AttributePayload,
  users: readonly XauthUser[],
): Credentials {
  if (attributes.some(({ type }) => type === STATUS)) return { kind: 'none' }
  const name = onlyText(attributes, USER_NAME)
  const password = onlyText(attributes, USER_PASSWORD)
  if (name === undefined || password === undefined) return { kind: 'wrong' }
  // Every password is compared, so that the time does not tell which users there are.
  const right = users.filter((one) => {
    const same = one.password.equals(new Secret(password))
    return equalSecret(new TextEncoder().encode(one.user), name) && same
  })
  const [user] = right
  return user === undefined
    ? { kind: 'wrong', user: shown(name) }
    : { kind: 'right', user: user.user }
}

/** What the client did with a question: answered, or refused because it cannot. */
export type ClientAnswer = {
  readonly reply: AttributePayload
  /** All that it has given so far. */
  readonly given: ReadonlySet<number>
  readonly refusal?: string
}

/** The client's answer; what it has given once it does not give again. */
export function answerQuestion(
  { attributes, identifier }: AttributePayload,
  { user, password }: Extract<Xauth, { role: 'client' }>,
  given: ReadonlySet<number>,
): ClientAnswer {
  const type = findNumber(attributes, TYPE) ?? XauthType.number('generic')
  const asked = [...new Set(attributes.map((one) => one.type))].filter((one) => !HARMLESS.has(one))
  const strange = asked.filter((one) => one !== USER_NAME && one !== USER_PASSWORD)
  const refusal =
    type !== XauthType.number('generic')
      ? `it wants XAUTH of type ${XauthType.nameOf(type)}`
      : strange.length > 0
        ? `it wants ${strange.map(ConfigAttribute.nameOf).join(', ')}`
        : asked.some((one) => given.has(one))
          ? 'it asks again for what it was given'
          : undefined
  const reply = (answers: readonly TransformAttribute[]): AttributePayload => ({
    type: 'ATTR',
    message: AttributeMessage.number('REPLY'),
    identifier,
    attributes: answers,
  })
  if (refusal !== undefined) {
    return { reply: reply([attribute(STATUS, XauthStatus.number('FAIL'))]), given, refusal }
  }
  const said = attributes.some((one) => one.type === TYPE) ? [attribute(TYPE, type)] : []
  const answers = asked.map((one) =>
    one === USER_NAME ? text(one, new TextEncoder().encode(user)) : text(one, password.reveal()),
  )
  return { reply: reply([...said, ...answers]), given: new Set([...given, ...asked]) }
}

/** The client's reading of the verdict, to be believed only after it has given its password. @throws PeerViolation */
export function readStatus(
  { attributes, identifier }: AttributePayload,
  given: ReadonlySet<number>,
): { readonly ack: AttributePayload; readonly status: 'OK' | 'FAIL' } {
  const status = findNumber(attributes, STATUS)
  if (status === undefined) throw new PeerViolation('out-of-state', 'SET without an XAUTH status')
  if (!given.has(USER_PASSWORD)) {
    throw new PeerViolation('out-of-state', 'an XAUTH status before the password was asked for')
  }
  const message = AttributeMessage.number('ACK')
  const ack = { type: 'ATTR', message, identifier, attributes: [text(STATUS, NOTHING)] } as const
  return { ack, status: status === XauthStatus.number('OK') ? 'OK' : 'FAIL' }
}

function text(type: number, value: Uint8Array): TransformAttribute {
  return { form: 'long', type, value }
}

/** @returns undefined when it is not there exactly once, as text, and short enough to be one. */
function onlyText(attributes: readonly TransformAttribute[], type: number): Uint8Array | undefined {
  const [found, second] = attributes.filter((one) => one.type === type)
  if (found?.form !== 'long' || second !== undefined) return undefined
  return found.value.length > LONGEST ? undefined : found.value
}

/** What a stranger calls itself, fit for a log. */
function shown(octets: Uint8Array): string {
  const printable = [...octets.subarray(0, 64)].map((octet) =>
    octet >= 0x21 && octet <= 0x7e ? String.fromCharCode(octet) : '?',
  )
  return printable.join('')
}

const NOTHING = new Uint8Array(0)
const TYPE = ConfigAttribute.number('XAUTH_TYPE')
const USER_NAME = ConfigAttribute.number('XAUTH_USER_NAME')
const USER_PASSWORD = ConfigAttribute.number('XAUTH_USER_PASSWORD')
const STATUS = ConfigAttribute.number('XAUTH_STATUS')
const ANSWER = ConfigAttribute.number('XAUTH_ANSWER')
/** Stand beside questions and ask nothing themselves; a domain is what many servers name and none needs. */
const HARMLESS: ReadonlySet<number> = new Set([
  TYPE,
  ConfigAttribute.number('XAUTH_MESSAGE'),
  ConfigAttribute.number('XAUTH_DOMAIN'),
])
/** Octets of a user name or password. */
const LONGEST = 256
