import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importedFrom } from '../../../test/support/import-check.ts'
import {
  CISCO_ASA,
  CISCO_IOS,
  FORTIGATE,
  JUNIPER,
} from '../../../test/support/import-samples-devices.ts'

const CERTIFIED: readonly (readonly [string, string, RegExp])[] = [
  [
    'Cisco IOS',
    `crypto pki trustpoint PLANT-CA\n${CISCO_IOS.replaceAll(' authentication pre-share\n', ' authentication rsa-sig\n').replaceAll(/^crypto isakmp key .*\n/gm, '')}`,
    /crypto pki export PLANT-CA pkcs12/,
  ],
  [
    'Cisco ASA',
    CISCO_ASA.replaceAll('authentication pre-share', 'authentication rsa-sig'),
    /crypto ca export TRUSTPOINT pkcs12/,
  ],
  [
    'Juniper SRX',
    JUNIPER.replaceAll(
      /pre-shared-key ascii-text "?[^";\s]+"?/g,
      'certificate local-certificate plant',
    ),
    /certificate-id plant writes/,
  ],
  [
    'FortiGate',
    FORTIGATE.replaceAll(
      /set psksecret .*/g,
      'set authmethod signature\n        set certificate "plant"',
    ),
    /download plant as PKCS #12/,
  ],
]

for (const [what, text, how] of CERTIFIED) {
  test(`${what}: certificates are written as files to be filled, with the way to get them`, () => {
    const { tunnels } = importedFrom({ '/x/device.txt': text })
    assert.ok(tunnels.length > 0)
    const [tunnel] = tunnels
    const keys = tunnel?.values.map(({ key }) => key) ?? []
    assert.deepEqual(
      ['own', 'key', 'trust'].filter((key) => !keys.includes(`certificate.${key}`)),
      [],
    )
    assert.equal(keys.includes('psk') || keys.includes('id') || keys.includes('peer-id'), false)
    assert.match(tunnel?.remarks.join('\n') ?? '', how)
  })
}
