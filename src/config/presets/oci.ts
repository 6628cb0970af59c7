import type { Preset } from './preset.ts'

const PARAMETERS = 'https://docs.oracle.com/iaas/Content/Network/Reference/supportedIPsecparams.htm'
const DOMAINS = 'https://docs.oracle.com/iaas/Content/Network/Tasks/ipsecencryptiondomains.htm'

export const oci: Preset = {
  name: 'oci',
  title: 'Oracle Cloud Infrastructure Site-to-Site VPN',
  values: [
    {
      key: 'phase1.propose',
      value: ['aes256-sha384-group20'],
      why: 'what Oracle recommends',
      source: PARAMETERS,
    },
    { key: 'phase1.lifetime', value: '8h', why: 'the default', source: PARAMETERS },
    {
      key: 'phase2.propose',
      value: ['aes256gcm16'],
      why: 'what Oracle recommends',
      source: PARAMETERS,
    },
    {
      key: 'phase2.pfs',
      value: 'group14',
      why: 'the default of newer connections; older ones have group 5',
      source: PARAMETERS,
    },
    { key: 'phase2.lifetime', value: '1h', why: 'the default', source: PARAMETERS },
    {
      key: 'networks',
      value: 'any',
      why: 'one encryption domain only; several pairs flap',
      source: DOMAINS,
    },
    {
      key: 'dead-peer.probe-every',
      value: '10s',
      why: 'two within the 20 s',
      source:
        'https://docs.oracle.com/en-us/iaas/tools/typescript/2.54.1/modules/_core_lib_model_dpd_config_.dpdconfig.html',
    },
    {
      key: 'dead-peer.give-up-after',
      value: '20s',
      why: 'the default',
      source:
        'https://docs.oracle.com/en-us/iaas/tools/typescript/2.54.1/modules/_core_lib_model_dpd_config_.dpdconfig.html',
    },
  ],
  confirm: [
    'the group of PFS: 14 on newer connections, 5 on older ones',
    'the IKE identifier of the CPE object in OCI: it must be what we send (id)',
  ],
  habits: [
    { text: 'A key has letters, digits and spaces only.', source: PARAMETERS },
    {
      text: 'The first message of its default proposal arrives in IP fragments; a firewall that drops them keeps Oracle from initiating.',
      source: PARAMETERS,
    },
    {
      text: 'A connection has two tunnels and may answer on the other one: routes must allow it.',
      source: PARAMETERS,
    },
  ],
}
