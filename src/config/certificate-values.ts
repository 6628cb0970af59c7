import { z } from 'zod'
import { LEAST_RSA_BITS, SHORTEST_RSA_BITS } from '#pki/public-key'
import type { Identity } from '#policy/identity'
import type { PeerIdDraft, PskSource } from './draft.ts'
import { documented } from './key-doc.ts'
import { certifiedPeerId, localId, oneOf, psk, text } from './values.ts'

/** `certificate` of a tunnel after its keys were read; paths are as written. */
export type CertificateDraft = {
  readonly own?: string | undefined
  readonly key?: string | undefined
  readonly passphrase?: PskSource | undefined
  readonly trust: readonly string[]
  readonly id?: Identity | undefined
  readonly 'peer-id'?: PeerIdDraft | undefined
  readonly revocation: 'off' | 'crl-if-present' | 'crl-required'
  readonly ocsp: 'off' | 'if-present' | 'required'
  readonly crl: readonly string[]
  readonly send: 'if-asked' | 'always'
  readonly 'least-rsa-bits': number
}

const SINCE = '0.1'
const paths = (): z.ZodType<readonly string[], readonly string[] | string> =>
  z.union([text(1024).transform((one): readonly string[] => [one]), z.array(text(1024)).max(32)])

export const certificate: z.ZodType<CertificateDraft, unknown> = z.strictObject({
  own: documented(text(1024).optional(), {
    sentence: 'File with our certificate, and those between it and the CA.',
    paragraph:
      'PEM, ours first. What follows it is sent along, so that the peer can build the path; a root is not sent. Left out when `key` is a PKCS #12 file, which holds them beside the key.',
    example: '/etc/causeway/pki/gw-berlin.pem',
    otherwise: 'what the PKCS #12 file holds',
    since: SINCE,
  }),
  key: documented(text(1024).optional(), {
    sentence: 'File with the private key of that certificate.',
    paragraph:
      'PKCS #8, PKCS #1 or SEC 1 in PEM or DER, encrypted or not, or PKCS #12 (`.p12`). It must not be accessible to group or others (`chmod 600`). RSA of 2048 bits or more, or ECDSA on P-256, P-384 or P-521. Left out with `xauth: {role: client}`: then only the peer has a certificate, and we log in (hybrid authentication).',
    example: '/etc/causeway/pki/gw-berlin.key',
    otherwise: 'none; needed but for hybrid authentication',
    since: SINCE,
  }),
  passphrase: documented(psk.optional(), {
    sentence: 'What opens the key file, or where it is.',
    paragraph: '`file:PATH`, `env:NAME`, or the passphrase itself in quotes; as `psk`.',
    example: 'env:GW_PASSPHRASE',
    otherwise: 'none: the file is not encrypted',
    since: SINCE,
  }),
  trust: documented(paths().prefault([]), {
    sentence: 'Files with the CAs that may vouch for this peer, one path or a list.',
    paragraph:
      'Only for this tunnel: a CA trusted for one peer says nothing about another. A file may hold several. The certificate of the peer itself may stand here too, and then it alone is accepted. Left out with `xauth: {role: server}`: then the peer has no certificate and logs in (hybrid authentication).',
    example: '[/etc/causeway/pki/plant-ca.pem]',
    since: SINCE,
  }),
  id: documented(localId.optional(), {
    sentence: 'The identity we send.',
    paragraph:
      'One that our certificate vouches for: its subject (`"CN=gw-berlin, O=Example"`), or a host name, e-mail address or IP address among its subject alternative names (RFC 4945 §3.1).',
    example: '"CN=gw-berlin, O=Example"',
    otherwise: 'the subject of our certificate',
    since: SINCE,
  }),
  'peer-id': documented(certifiedPeerId.optional(), {
    sentence: 'The identity the peer must send, and its certificate must vouch for.',
    paragraph:
      'A host name, e-mail address or IP address must be among the subject alternative names of its certificate; a distinguished name must be its subject, part by part in the same order, where `*` as a whole value (`"CN=*, O=Example"`) takes any. Nothing else is a wildcard. `{any-of: trust}` takes every certificate of the CAs under `trust`.',
    example: 'plant.example.net',
    otherwise: "the peer's address",
    since: SINCE,
  }),
  revocation: documented(
    oneOf(['off', 'crl-if-present', 'crl-required']).prefault('crl-if-present'),
    {
      sentence: 'Whether revocation lists are asked about the certificates of the peer.',
      paragraph:
        'Lists come from `crl` and, over HTTP, from where the certificates say. `crl-if-present` refuses what a list names, and accepts when no current list can be had, with a warning in the log where one is named; `crl-required` then refuses. A list out of date still revokes, but clears nobody.',
      example: 'crl-if-present',
      since: SINCE,
    },
  ),
  ocsp: documented(oneOf(['off', 'if-present', 'required']).prefault('off'), {
    sentence: 'Whether the OCSP responder of the CA is asked about the certificates of the peer.',
    paragraph:
      'The responder is the one the certificates name. When it cannot be reached, or says that it does not know the certificate, `if-present` accepts with a warning in the log and `required` refuses. Where the certificates name none, `required` refuses, too.',
    example: 'off',
    since: SINCE,
  }),
  crl: documented(paths().prefault([]), {
    sentence: 'Files with revocation lists, one path or a list.',
    paragraph: 'PEM or DER. Read at start and at reload.',
    example: '[/etc/causeway/pki/plant.crl]',
    since: SINCE,
  }),
  send: documented(oneOf(['if-asked', 'always']).prefault('if-asked'), {
    sentence: 'Whether our certificates go to a peer that did not ask for any.',
    paragraph:
      'Nearly all ask, by a CERTREQ payload, and RFC 4945 §3.3.6 wants nothing sent to one that does not: it may have our certificate already. `always` is for devices that want it and do not ask. A peer that asks for certificates of other CAs gets ours all the same, and CW-310 tells the names.',
    example: 'if-asked',
    since: SINCE,
  }),
  'least-rsa-bits': documented(
    z.int().min(SHORTEST_RSA_BITS).max(16_384).prefault(LEAST_RSA_BITS),
    {
      sentence: 'The shortest RSA key accepted, in the certificates of the peer and in ours.',
      paragraph:
        'RFC 8247 §3.1.1 advises against fewer than 2048 bits. Old devices may have no other: `1024` takes them, for this tunnel alone, and `check` warns. Shorter ones are never taken, nor are signatures with MD5 or SHA-1 in certificates.',
      example: '2048',
      unit: 'bits',
      since: SINCE,
    },
  ),
})
