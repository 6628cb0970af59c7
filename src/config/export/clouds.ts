import { type EspSuite, formatEspSuite, formatIkeSuite, type IkeSuite } from '#policy/proposal'
import { formatSelector } from '#policy/traffic-selector'
import type { Exported } from './exported.ts'
import { type FarEnd, KEY_PLACEHOLDER } from './far-end.ts'
import { lifetimeWithin, pfsWithin, wholeNetworksOnly } from './limits.ts'
import { cipherOf, groupNumber, hashOf, plainName, prefixOf } from './words.ts'

/** AWS: the tunnel options, for its command line. */
export function exportAws(far: FarEnd): Exported {
  const one = far.phase1.suites.filter((suite) => awsIke(suite) !== undefined)
  const two = far.phase2.suites.filter((suite) => awsEsp(suite) !== undefined)
  const values = (list: readonly (string | number | undefined)[]) =>
    [...new Set(list.filter((one) => one !== undefined))].map((Value) => ({ Value }))
  const first = one.map(awsIke)
  const second = two.map(awsEsp)
  const pfs = pfsWithin('AWS', far.phase2.pfs, AWS_PFS)
  const lives = [
    lifetimeWithin('AWS', 1, far.phase1.seconds, [900, 28_800]),
    lifetimeWithin('AWS', 2, far.phase2.seconds, [900, 3_600]),
  ] as const
  const options = {
    IKEVersions: [{ Value: 'ikev1' }],
    Phase1EncryptionAlgorithms: values(first.map((words) => words?.encryption)),
    Phase1IntegrityAlgorithms: values(first.map((words) => words?.hash)),
    Phase1DHGroupNumbers: values(one.map(({ keyExchange }) => groupNumber(keyExchange))),
    Phase1LifetimeSeconds: lives[0].value,
    Phase2EncryptionAlgorithms: values(second.map((words) => words?.encryption)),
    Phase2IntegrityAlgorithms: values(second.map((words) => words?.hash)),
    ...(pfs.value === undefined ? {} : { Phase2DHGroupNumbers: values([pfs.value]) }),
    Phase2LifetimeSeconds: lives[1].value,
    DPDTimeoutSeconds: Math.max(30, far.giveUpAfter),
    StartupAction: 'add',
    ...(far.isPsk && far.key !== KEY_PLACEHOLDER ? { PreSharedKey: far.key } : {}),
  }
  const keyFits = /^[A-Za-z1-9._][A-Za-z0-9._]{7,63}$/.test(far.key)
  return {
    comment: '#',
    lines: [
      `aws ec2 create-customer-gateway --type ipsec.1 --ip-address ${far.remote} --bgp-asn 65000`,
      'aws ec2 modify-vpn-tunnel-options --vpn-connection-id vpn-ID \\',
      `  --vpn-tunnel-outside-ip-address ${far.local ?? 'TUNNEL-ADDRESS'} \\`,
      `  --tunnel-options '${JSON.stringify(options)}'`,
    ],
    byHand: [
      ...refusals(far, one, two, 'AWS'),
      ...(far.phase2.pfs === 'none' ? ['AWS requires PFS: set phase2.pfs here.'] : []),
      ...(lives[1].value < lives[0].value
        ? []
        : ['AWS wants phase 2 to live shorter than phase 1.']),
      ...pfs.say,
      ...lives.flatMap(({ say }) => say),
      ...(far.isPsk && far.key !== KEY_PLACEHOLDER && !keyFits
        ? ['AWS takes keys of 8 to 64 letters, digits, "." and "_", not beginning with 0.']
        : []),
      ...(far.isRouteBased
        ? []
        : ['AWS agrees on one pair in a tunnel: networks: any here is what fits.']),
      'Changing a tunnel interrupts it. The connection has a second one: do the same for that.',
    ],
  }
}

/** Azure: a custom policy and the connection, for PowerShell. */
export function exportAzure(far: FarEnd): Exported {
  const name = plainName(far.name, 40)
  const one = far.phase1.suites.filter((suite) => azureIke(suite) !== undefined)
  const two = far.phase2.suites.filter((suite) => azureEsp(suite) !== undefined)
  const ike = one.map(azureIke)[0]
  const esp = two.map(azureEsp)[0]
  const { pfs, kilobytes } = far.phase2
  const group = pfs === 'none' ? 'None' : AZURE_PFS.get(groupNumber(pfs))
  const prefixes = far.pairs.map(({ remote }) => prefixOf(remote))
  const listed = prefixes.flatMap((prefix) =>
    prefix === undefined || prefix.bits === 0 ? [] : [`"${prefix.address}/${prefix.bits}"`],
  )
  const seconds = Math.max(300, far.phase2.seconds)
  const lines = [
    `$local = New-AzLocalNetworkGateway -Name "${name}" -ResourceGroupName $group -Location $location \``,
    `  -GatewayIpAddress "${far.remote}" -AddressPrefix @(${[...new Set(listed)].join(', ') || '"OUR-NETWORKS"'})`,
    `$policy = New-AzIpsecPolicy -IkeEncryption ${ike?.encryption ?? '?'} -IkeIntegrity ${ike?.hash ?? '?'} -DhGroup ${ike?.group ?? '?'} \``,
    `  -IpsecEncryption ${esp?.encryption ?? '?'} -IpsecIntegrity ${esp?.hash ?? '?'} -PfsGroup ${group ?? '?'} \``,
    `  -SALifeTimeSeconds ${seconds} -SADataSizeKilobytes ${Math.max(1024, kilobytes ?? 102_400_000)}`,
    `New-AzVirtualNetworkGatewayConnection -Name "${name}" -ResourceGroupName $group -Location $location \``,
    '  -VirtualNetworkGateway1 $gateway -LocalNetworkGateway2 $local -ConnectionType IPsec \\'.replace(
      /\\$/,
      '`',
    ),
    '  -ConnectionProtocol IKEv1 -IpsecPolicies $policy `',
    `  -UsePolicyBasedTrafficSelectors $${far.isRouteBased ? 'false' : 'true'} -DpdTimeoutInSeconds ${Math.max(9, far.giveUpAfter)} \``,
    `  -SharedKey "${far.key}"`,
  ]
  return {
    comment: '#',
    lines,
    byHand: [
      'Set $group, $location and $gateway (Get-AzVirtualNetworkGateway) first.',
      ...refusals(far, one, two, 'Azure'),
      ...(one.length > 1 || two.length > 1
        ? [
            `A policy is one combination: taken is ${one[0] && formatIkeSuite(one[0])} with ${two[0] && formatEspSuite(two[0])}.`,
          ]
        : []),
      ...(ike === undefined || esp === undefined || group === undefined
        ? ['A value Azure does not have stands as "?": choose another here first.']
        : []),
      ...(far.isPsk ? [] : ['Azure connections have pre-shared keys.']),
      'Phase 1 lives 28,800 s in Azure, whatever is said here.',
      ...(far.isRouteBased ? [] : [azurePairs(far)]),
    ],
  }
}

/** With policy-based selectors each prefix of one side is paired with each of the other. */
function azurePairs({ pairs }: FarEnd): string {
  const distinct = (side: 'local' | 'remote') => [
    ...new Set(pairs.map((pair) => formatSelector(pair[side]))),
  ]
  const [theirs, ours] = [distinct('local'), distinct('remote')]
  const all = theirs.length * ours.length
  const more =
    all === pairs.length ? '' : ` That makes ${all} pairs: networks here must have all of them.`
  return `The address spaces of the virtual network must be ${theirs.join(', ')}, no more: Azure pairs each with each prefix of ours.${more}`
}

function refusals(
  far: FarEnd,
  one: readonly IkeSuite[],
  two: readonly EspSuite[],
  who: string,
): readonly string[] {
  const first = far.phase1.suites.filter((suite) => !one.includes(suite)).map(formatIkeSuite)
  const second = far.phase2.suites.filter((suite) => !two.includes(suite)).map(formatEspSuite)
  return [
    ...first.map((suite) => `${who} has no ${suite} in phase 1.`),
    ...second.map((suite) => `${who} has no ${suite} in phase 2.`),
    ...wholeNetworksOnly(who, far.pairs),
    ...(far.isAggressive ? [`${who} speaks IKEv1 in Main mode only: ike: v1-main here.`] : []),
    ...(far.isTransport ? [`${who} has tunnel mode only: mode: tunnel here.`] : []),
  ]
}

type Words = { readonly encryption: string; readonly hash: string }

function awsIke(suite: IkeSuite): Words | undefined {
  const { family, bits } = cipherOf(suite)
  const group = groupNumber(suite.keyExchange)
  if (family !== 'aes' || bits === 192 || suite.hash === 'md5') return undefined
  if (group !== 2 && (group < 14 || group > 24)) return undefined
  return { encryption: `AES${bits}`, hash: awsHash(suite.hash) }
}

function awsEsp(suite: EspSuite): Words | undefined {
  const { family, bits, mode } = cipherOf(suite)
  const hash = hashOf(suite)
  if (family !== 'aes' || bits === 192 || hash === 'md5' || suite.esn) return undefined
  // AWS names a hash beside GCM, too.
  if (mode === 'gcm16') return { encryption: `AES${bits}-GCM-16`, hash: 'SHA2-256' }
  return mode === 'cbc' && hash !== undefined
    ? { encryption: `AES${bits}`, hash: awsHash(hash) }
    : undefined
}

const AWS_PFS: readonly number[] = [2, 5, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24]

function awsHash(hash: string): string {
  return hash === 'sha1' ? 'SHA1' : `SHA2-${hash.slice(3)}`
}

function azureIke(suite: IkeSuite): (Words & { readonly group: string }) | undefined {
  const { family, bits } = cipherOf(suite)
  const group = AZURE_DH.get(groupNumber(suite.keyExchange))
  if (family === 'other' || group === undefined || suite.hash === 'sha512') return undefined
  return {
    encryption: family === '3des' ? 'DES3' : `AES${bits}`,
    hash: suite.hash.toUpperCase(),
    group,
  }
}

/** Azure has no SHA-384 and SHA-512 for ESP. */
function azureEsp(suite: EspSuite): Words | undefined {
  const { family, bits, mode } = cipherOf(suite)
  const hash = hashOf(suite)
  if (suite.esn || family === 'chacha20' || family === 'other') return undefined
  if (mode === 'gcm16') return { encryption: `GCMAES${bits}`, hash: `GCMAES${bits}` }
  if (mode !== 'cbc' || hash === undefined || hash === 'sha384' || hash === 'sha512')
    return undefined
  return { encryption: family === '3des' ? 'DES3' : `AES${bits}`, hash: hash.toUpperCase() }
}

const AZURE_DH: ReadonlyMap<number, string> = new Map([
  [1, 'DHGroup1'],
  [2, 'DHGroup2'],
  [14, 'DHGroup14'],
  [19, 'ECP256'],
  [20, 'ECP384'],
  [24, 'DHGroup24'],
])
const AZURE_PFS: ReadonlyMap<number, string> = new Map([
  [1, 'PFS1'],
  [2, 'PFS2'],
  [14, 'PFS2048'],
  [19, 'ECP256'],
  [20, 'ECP384'],
  [24, 'PFS24'],
])
